//! From inputs as text to a [`ShareRequest`], with every problem reported at once.

pub(crate) mod config_file;
mod given_image;
mod groups;
mod lists;
pub(crate) mod manifest;
mod parser;
mod request;
mod retirement;
mod targets;
mod timing;

use std::collections::BTreeSet;
use std::path::PathBuf;

use ami_share::id::PlanDigest;
use ami_share::request::{Problems, Verify};
use ami_share::{GitHubRole, RequestGroup, ShareRequest};

use self::parser::Parser;
use crate::inputs::{IdTokens, Problem, Raw};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Share,
    Revoke,
    Verify,
    Usage,
    Retire,
}

/// All inputs, parsed.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    /// Say what the mode would do, and change nothing.
    pub(crate) dry_run: bool,
    /// Whether a verification, which changes nothing else, starts instances.
    pub(crate) launches: bool,
    /// The request; with several groups, that of the first.
    pub(crate) request: ShareRequest,
    /// The groups of targets, if the configuration file has several.
    pub(crate) groups: Vec<RequestGroup>,
    /// The only plan of the groups that may be carried out.
    pub(crate) expected: Option<PlanDigest>,
    /// The role to run as; `None` is whoever the credentials of the job belong to.
    pub(crate) role: Option<GitHubRole>,
    pub(crate) report_path: Option<PathBuf>,
    pub(crate) mask_account_ids: bool,
}

impl Settings {
    /// Everything that is requested.
    pub(crate) fn requests(&self) -> Vec<&ShareRequest> {
        if self.groups.is_empty() {
            return vec![&self.request];
        }
        self.groups.iter().map(|group| &group.request).collect()
    }
}

/// Parses every input and the configuration file; `problems` are those of how the inputs were
/// given.
pub(crate) fn parse(raw: &Raw, mut problems: Vec<Problem>) -> Result<Settings, Vec<Problem>> {
    if raw.config_file().text.is_none() {
        return parse_one(raw, problems);
    }
    match config_file::read(raw).and_then(groups::parse) {
        Ok(settings) if problems.is_empty() => Ok(settings),
        Ok(_) => Err(problems),
        Err(more) => {
            problems.extend(more);
            Err(problems)
        }
    }
}

/// Parses the inputs of one request.
fn parse_one(raw: &Raw, mut problems: Vec<Problem>) -> Result<Settings, Vec<Problem>> {
    let mut parser = Parser::default();
    let mode = mode(&mut parser, raw);
    let dry_run = parser.flag(raw.dry_run(), false);
    if let Some(name) = read_only(mode)
        && dry_run
    {
        let message = format!("`mode: {name}` changes nothing, with or without it: leave it out");
        parser.problem("dry-run", message);
    }
    let mask_account_ids = parser.flag(raw.mask_account_ids(), false);

    let verify = verify(&mut parser, raw, mode);
    let target_options = targets::parse(&mut parser, raw, verify);
    let mut builder = request::parse(&mut parser, raw, mode).target_options(target_options);
    if let Some(digest) = expected_plan(&mut parser, raw, mode) {
        builder = builder.expect_plan(digest);
    }

    let role = role(&mut parser, raw);

    // What AWS would not take is checked by the library, on the request as a whole.
    problems.append(&mut parser.problems);
    let built = builder.build();
    if let (Ok(request), Some(role)) = (&built, &role)
        && let Err(error) = role.check_partition(request)
    {
        problems.push(Problem::new(error.name, error.reason));
    }
    match (built, mode) {
        (Ok(request), Some(mode)) if problems.is_empty() => Ok(Settings {
            mode,
            dry_run,
            launches: mode == Mode::Verify && verify == Verify::Launch,
            request,
            groups: Vec::new(),
            expected: None,
            role,
            report_path: raw.report_path().text.map(PathBuf::from),
            mask_account_ids,
        }),
        (built, _) => {
            let of_request = built.err().unwrap_or_default();
            problems.extend(not_reported_yet(&problems, of_request));
            Err(problems)
        }
    }
}

fn expected_plan(parser: &mut Parser, raw: &Raw, mode: Option<Mode>) -> Option<PlanDigest> {
    let input = raw.expect_plan();
    let text = input.text?;
    if let Some(name) = read_only(mode) {
        let message = format!("`mode: {name}` carries out no plan: leave it out");
        parser.problem(input.name, message);
    }
    match text.parse() {
        Ok(digest) => Some(digest),
        Err(error) => {
            parser.problem(input.name, error.to_string());
            None
        }
    }
}

fn role(parser: &mut Parser, raw: &Raw) -> Option<GitHubRole> {
    let input = raw.role_to_assume();
    let arn = parser.one(input)?;
    let Some(IdTokens { url, token }) = &raw.id_tokens else {
        let message = "GitHub gives this job no ID tokens: give the job `permissions: id-token: \
                       write`, or leave it out and get AWS credentials in an earlier step. A pull \
                       request from a fork never gets them, and other CI systems have none";
        parser.problem(input.name, message);
        return None;
    };
    match GitHubRole::new(arn, url, token) {
        Ok(role) => Some(role),
        Err(error) => {
            parser.problem(error.name, error.reason);
            None
        }
    }
}

fn mode(parser: &mut Parser, raw: &Raw) -> Option<Mode> {
    if raw.mode().text == Some("plan") {
        let message = "`plan` is now `dry-run: true`, for `mode: share` and `mode: revoke` alike";
        parser.problem("mode", message);
        return None;
    }
    let modes = [
        ("share", Mode::Share),
        ("revoke", Mode::Revoke),
        ("verify", Mode::Verify),
        ("usage", Mode::Usage),
        ("retire", Mode::Retire),
    ];
    parser.choice(raw.mode(), &modes)
}

/// The name of a mode that only reads.
fn read_only(mode: Option<Mode>) -> Option<&'static str> {
    match mode? {
        Mode::Verify => Some("verify"),
        Mode::Usage => Some("usage"),
        Mode::Share | Mode::Revoke | Mode::Retire => None,
    }
}

fn verify(parser: &mut Parser, raw: &Raw, mode: Option<Mode>) -> Verify {
    let ways = [
        ("permissions", Verify::Permissions),
        ("none", Verify::None),
        ("launch", Verify::Launch),
    ];
    let verify = parser.choice(raw.verify(), &ways).unwrap_or_default();
    if verify == Verify::None && mode == Some(Mode::Verify) {
        let message = "`none` leaves `mode: verify` nothing to do: use `permissions` or `launch`";
        parser.problem("verify", message);
    }
    verify
}

/// The problems of a request that do not only follow from those that are reported already: what a
/// wrong input leaves out must not be reported again as missing.
fn not_reported_yet(reported: &[Problem], of_request: Problems) -> Vec<Problem> {
    const STANDS_IN_FOR: [(&str, &str); 4] = [
        ("packer-manifest", "ami-id"),
        ("packer-manifest", "aws-region"),
        ("target-organizations", "target-accounts"),
        ("target-organizational-units", "target-accounts"),
    ];
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for problem in reported {
        known.insert(&problem.input);
    }
    for (given, instead) in STANDS_IN_FOR {
        if known.contains(given) {
            known.insert(instead);
        }
    }
    let mut new = Vec::new();
    for problem in of_request {
        if !known.contains(problem.field) {
            new.push(Problem::new(problem.field, problem.message));
        }
    }
    new
}

#[cfg(test)]
mod tests;
