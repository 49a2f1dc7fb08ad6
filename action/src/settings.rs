//! From inputs as text to a [`ShareRequest`], every problem said at once.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ami_share::{AccountId, AmiRef, KeyScope, Region, ShareRequest, ShareRequestBuilder, Timing};

use crate::input::{Problem, Raw, shown};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Share,
    Plan,
}

/// All inputs, parsed.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    pub(crate) request: ShareRequest,
    pub(crate) report_path: Option<PathBuf>,
    pub(crate) mask_account_ids: bool,
}

/// Parses every input.
pub(crate) fn parse(raw: &Raw, mut problems: Vec<Problem>) -> Result<Settings, Vec<Problem>> {
    let mut parser = Parser { problems: Vec::new() };
    let mode = parser.choice("mode", raw.mode.as_deref(), &[("share", Mode::Share), ("plan", Mode::Plan)]);
    let scopes = [("via-ec2", KeyScope::ViaEc2), ("direct", KeyScope::Direct)];
    let scope = parser.choice("key-scope", raw.key_scope.as_deref(), &scopes);
    let mask_account_ids = parser.flag("mask-account-ids", raw.mask_account_ids.as_deref(), false);
    let mut builder = ShareRequest::builder()
        .key_scope(scope.unwrap_or_default())
        .copy_tags(parser.flag("copy-tags", raw.copy_tags.as_deref(), true))
        .timing(parser.timing(raw))
        .target_accounts(parser.accounts("target-accounts", raw.target_accounts.as_deref()))
        .allowed_accounts(parser.accounts("allowed-account-ids", raw.allowed_account_ids.as_deref()));
    builder = parser.images(builder, raw);
    if let Some(key) = parser.one("kms-key-id", raw.kms_key_id.as_deref()) {
        builder = builder.kms_key(key);
    }
    if let Some(name) = &raw.copy_name {
        builder = builder.copy_name(name.as_str());
    }
    for (key, value) in parser.pairs("tags", raw.tags.as_deref()) {
        builder = builder.tag(key, value);
    }
    for (key, value) in parser.pairs("require-image-tags", raw.require_image_tags.as_deref()) {
        builder = builder.require_image_tag(key, value);
    }
    if let Some(calls) = parser.number("max-concurrency", raw.max_concurrency.as_deref()) {
        builder = builder.max_concurrency(calls);
    }
    problems.append(&mut parser.problems);
    // What a wrong input leaves out must not be said again as missing.
    let said: BTreeSet<String> = problems.iter().map(|problem| problem.input.clone()).collect();
    match (builder.build(), mode) {
        (Ok(request), Some(mode)) if problems.is_empty() => {
            Ok(Settings { mode, request, report_path: raw.report_path.as_ref().map(PathBuf::from), mask_account_ids })
        }
        (built, _) => {
            let of_request =
                built.err().unwrap_or_default().into_iter().filter(|problem| !said.contains(problem.field));
            problems.extend(of_request.map(|problem| Problem::new(problem.field, problem.message)));
            Err(problems)
        }
    }
}

/// Collects what is wrong while it parses.
struct Parser {
    problems: Vec<Problem>,
}

impl Parser {
    fn problem(&mut self, input: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(input, message));
    }

    fn choice<T: Copy>(&mut self, input: &str, value: Option<&str>, choices: &[(&str, T)]) -> Option<T> {
        let Some(value) = value else {
            return choices.first().map(|(_, choice)| *choice);
        };
        let found = choices.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice);
        if found.is_none() {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.problem(input, format!("`{}` is not one of {}", shown(value), names.join(", ")));
        }
        found
    }

    fn flag(&mut self, input: &str, value: Option<&str>, default: bool) -> bool {
        match value {
            None => default,
            Some("true") => true,
            Some("false") => false,
            Some(other) => {
                self.problem(input, format!("`{}` is neither `true` nor `false`", shown(other)));
                default
            }
        }
    }

    fn number(&mut self, input: &str, value: Option<&str>) -> Option<usize> {
        let value = value?;
        let number = value.parse().ok().filter(|number| (1..=1000).contains(number));
        if number.is_none() {
            self.problem(input, format!("`{}` is not a whole number from 1 to 1000", shown(value)));
        }
        number
    }

    fn one<T: FromStr<Err: ToString>>(&mut self, input: &str, value: Option<&str>) -> Option<T> {
        let parsed = value?.parse();
        parsed.map_err(|error: T::Err| self.problem(input, error.to_string())).ok()
    }

    fn accounts(&mut self, input: &str, value: Option<&str>) -> Vec<AccountId> {
        let mut accounts = Vec::new();
        for word in words(value) {
            if matches!(word, "*" | "all") {
                let message = format!(
                    "`{word}` would make the image public, which this tool never does: list the account IDs, 12 digits each"
                );
                self.problem(input, message);
            } else {
                accounts.extend(self.one::<AccountId>(input, Some(word)));
            }
        }
        accounts
    }

    /// The images and their one Region.
    fn images(&mut self, builder: ShareRequestBuilder, raw: &Raw) -> ShareRequestBuilder {
        let default: Option<Region> = self.one("aws-region", raw.aws_region.as_deref());
        let mut regions = BTreeSet::new();
        let mut images = Vec::new();
        for word in words(raw.ami_id.as_deref()) {
            if let Some(image) = self.one::<AmiRef>("ami-id", Some(word)) {
                regions.extend(image.region.or_else(|| default.clone()));
                images.push(image.ami);
            }
        }
        if regions.len() > 1 {
            let names: Vec<String> = regions.iter().map(ToString::to_string).collect();
            let message = format!(
                "the images are in several Regions ({}); this version takes one Region a run",
                names.join(", ")
            );
            self.problem("ami-id", message);
        }
        let builder = builder.images(images);
        match regions.into_iter().next().or(default) {
            Some(region) => builder.region(region),
            None => builder,
        }
    }

    fn pairs(&mut self, input: &str, value: Option<&str>) -> Vec<(String, String)> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for line in value.unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.split_once('=') {
                None => self.problem(input, format!("`{}` has no `=`: one `key=value` on each line", shown(line))),
                Some((key, _)) if pairs.iter().any(|(known, _)| known == key.trim()) => {
                    self.problem(input, format!("`{}` is given twice", shown(key.trim())));
                }
                Some((key, value)) => pairs.push((key.trim().to_owned(), value.trim().to_owned())),
            }
        }
        pairs
    }

    fn timing(&mut self, raw: &Raw) -> Timing {
        let default = Timing::default();
        let poll = raw.poll_interval.as_deref();
        let poll = match poll.map(|value| value.split_once("..").unwrap_or((value, value))) {
            None => default.poll,
            Some((floor, ceiling)) => {
                let floor = self.duration("poll-interval", Some(floor));
                let ceiling = self.duration("poll-interval", Some(ceiling));
                floor.zip(ceiling).unwrap_or(default.poll)
            }
        };
        Timing {
            timeout: self.duration("timeout", raw.timeout.as_deref()).unwrap_or(default.timeout),
            settle: self.duration("settle", raw.settle.as_deref()).unwrap_or(default.settle),
            poll,
        }
    }

    fn duration(&mut self, input: &str, value: Option<&str>) -> Option<Duration> {
        let value = value?;
        let duration = humantime::parse_duration(value.trim()).ok().filter(|duration| *duration <= Timing::LONGEST);
        if duration.is_none() {
            self.problem(
                input,
                format!("`{}` is not a duration of at most 7 days, such as `90s`, `45m` or `2h`", shown(value)),
            );
        }
        duration
    }
}

fn words(value: Option<&str>) -> impl Iterator<Item = &str> {
    value.unwrap_or_default().split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Raw {
        Raw {
            ami_id: Some("ami-1a2b3c4d".into()),
            aws_region: Some("us-east-1".into()),
            target_accounts: Some("222222222222, 333333333333\n444444444444".into()),
            ..Raw::default()
        }
    }

    #[test]
    fn lists_split_on_commas_and_white_space() {
        let settings = parse(&good(), Vec::new()).unwrap();
        assert_eq!(settings.request.targets().len(), 3);
        assert_eq!(settings.mode, Mode::Share);
    }

    #[test]
    fn each_wrong_input_is_one_problem_that_names_it() {
        type Spoil = fn(&mut Raw);
        let table: &[(&str, Spoil)] = &[
            ("ami-id", |raw| raw.ami_id = None),
            ("ami-id", |raw| raw.ami_id = Some("ami-xyz".into())),
            ("ami-id", |raw| {
                raw.ami_id = Some("eu-west-1:ami-1a2b3c4d us-east-1:ami-1a2b3c4e".into());
            }),
            ("target-accounts", |raw| raw.target_accounts = None),
            ("target-accounts", |raw| {
                raw.target_accounts = Some("22222222222".into());
            }),
            ("target-accounts", |raw| raw.target_accounts = Some("*".into())),
            ("target-accounts", |raw| raw.target_accounts = Some("all".into())),
            ("mode", |raw| raw.mode = Some("Share".into())),
            ("timeout", |raw| raw.timeout = Some("soon".into())),
            ("timeout", |raw| raw.timeout = Some("0s".into())),
            ("poll-interval", |raw| raw.poll_interval = Some("60s..5s".into())),
            ("settle", |raw| raw.settle = Some("-1s".into())),
            ("copy-tags", |raw| raw.copy_tags = Some("yes".into())),
            ("tags", |raw| raw.tags = Some("no equals".into())),
            ("tags", |raw| raw.tags = Some("aws:x=1".into())),
            ("tags", |raw| {
                raw.tags = Some((0..51).map(|n| format!("k{n}=v\n")).collect());
            }),
            ("aws-region", |raw| raw.aws_region = None),
            ("aws-region", |raw| raw.aws_region = Some("us-east".into())),
            ("kms-key-id", |raw| raw.kms_key_id = Some("golden".into())),
            ("kms-key-id", |raw| {
                raw.kms_key_id = Some("arn:aws:kms:eu-west-1:111111111111:alias/x".into());
            }),
            ("key-scope", |raw| raw.key_scope = Some("all".into())),
            ("copy-name", |raw| raw.copy_name = Some("{nme}".into())),
            ("max-concurrency", |raw| raw.max_concurrency = Some("0".into())),
            ("mask-account-ids", |raw| raw.mask_account_ids = Some("1".into())),
        ];
        for (input, spoil) in table {
            let mut raw = good();
            spoil(&mut raw);
            let problems = parse(&raw, Vec::new()).unwrap_err();
            assert_eq!(
                problems.iter().map(|problem| problem.input.as_str()).collect::<Vec<_>>(),
                [*input],
                "{problems:?}"
            );
        }
    }
}
