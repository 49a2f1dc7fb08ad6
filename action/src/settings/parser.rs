//! Parses one input after the other, and collects what is wrong.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use ami_share::request::{DeprecateAt, Timing};
use ami_share::{AccountId, KeyRef, Region};

use crate::inputs::{Problem, Raw, shown};

/// AWS takes dates up to ten years from now.
const LONGEST_LIFE: Duration = Duration::from_hours(10 * 366 * 24);

/// Collects what is wrong while it parses.
pub(super) struct Parser {
    pub(super) problems: Vec<Problem>,
}

impl Parser {
    pub(super) fn problem(&mut self, input: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(input, message));
    }

    pub(super) fn choice<T: Copy>(
        &mut self,
        input: &str,
        value: Option<&str>,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let Some(value) = value else {
            return choices.first().map(|(_, choice)| *choice);
        };
        let found = choices
            .iter()
            .find(|(name, _)| *name == value)
            .map(|(_, choice)| *choice);
        if found.is_none() {
            let names: Vec<String> = choices
                .iter()
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            self.problem(
                input,
                format!("`{}` is not one of {}", shown(value), names.join(", ")),
            );
        }
        found
    }

    pub(super) fn flag(&mut self, input: &str, value: Option<&str>, default: bool) -> bool {
        match value {
            None => default,
            Some("true") => true,
            Some("false") => false,
            Some(other) => {
                self.problem(
                    input,
                    format!("`{}` is neither `true` nor `false`", shown(other)),
                );
                default
            }
        }
    }

    pub(super) fn number(&mut self, input: &str, value: Option<&str>) -> Option<usize> {
        let value = value?;
        let number = value
            .parse()
            .ok()
            .filter(|number| (1..=1000).contains(number));
        if number.is_none() {
            self.problem(
                input,
                format!("`{}` is not a whole number from 1 to 1000", shown(value)),
            );
        }
        number
    }

    pub(super) fn minutes(&mut self, input: &str, value: Option<&str>) -> Option<u32> {
        let value = value?;
        let number = value.parse().ok();
        if number.is_none() {
            self.problem(
                input,
                format!("`{}` is not a whole number of minutes", shown(value)),
            );
        }
        number
    }

    pub(super) fn one<T: FromStr<Err: ToString>>(
        &mut self,
        input: &str,
        value: Option<&str>,
    ) -> Option<T> {
        let parsed = value?.parse();
        parsed
            .map_err(|error: T::Err| self.problem(input, error.to_string()))
            .ok()
    }

    /// Every word of a list.
    pub(super) fn list<T: FromStr<Err: ToString>>(
        &mut self,
        input: &str,
        value: Option<&str>,
    ) -> Vec<T> {
        words(value)
            .filter_map(|word| self.one(input, Some(word)))
            .collect()
    }

    pub(super) fn accounts(&mut self, input: &str, value: Option<&str>) -> Vec<AccountId> {
        let public = |word: &&str| matches!(*word, "*" | "all");
        for word in words(value).filter(public) {
            let message = format!(
                "`{word}` would make the image public, which this tool never does: list the \
                 account IDs, 12 digits each"
            );
            self.problem(input, message);
        }
        words(value)
            .filter(|word| !public(word))
            .filter_map(|word| self.one(input, Some(word)))
            .collect()
    }

    /// One key for all Regions, or `region=key` for each.
    pub(super) fn keys(
        &mut self,
        input: &str,
        value: Option<&str>,
    ) -> Vec<(Option<Region>, KeyRef)> {
        let (mut seen, mut keys) = (BTreeSet::new(), Vec::new());
        for word in words(value) {
            if let Some((region, key)) = word.split_once('=') {
                if let (Some(region), Some(key)) = (
                    self.one::<Region>(input, Some(region)),
                    self.one(input, Some(key)),
                ) {
                    if !seen.insert(region.to_string()) {
                        self.problem(input, format!("{region} is given twice"));
                    }
                    keys.push((Some(region), key));
                }
            } else if seen.insert(String::new()) {
                keys.extend(self.one(input, Some(word)).map(|key| (None, key)));
            } else {
                self.problem(
                    input,
                    "more than one key is given: one for all Regions, or `region=key` for each",
                );
            }
        }
        keys
    }

    /// A date, a moment, or how long after the image was made.
    pub(super) fn deprecation(&mut self, input: &str, value: Option<&str>) -> Option<DeprecateAt> {
        let value = value?;
        if let Ok(after) = humantime::parse_duration(value)
            && after <= LONGEST_LIFE
        {
            return Some(DeprecateAt::AfterCreation(after));
        }
        let moment = if value.len() == "2030-12-31".len() {
            format!("{value}T00:00:00Z")
        } else {
            value.to_owned()
        };
        let moment = humantime::parse_rfc3339(&moment).ok();
        let since = moment.and_then(|moment| moment.duration_since(SystemTime::UNIX_EPOCH).ok());
        let parsed = since
            .and_then(|since| i64::try_from(since.as_secs()).ok())
            .map(DeprecateAt::Time);
        if parsed.is_none() {
            let message = format!(
                "`{}` is neither a date such as `2030-12-31` or `2030-12-31T12:00:00Z` nor a time \
                 of at most 10 years such as `90d`",
                shown(value)
            );
            self.problem(input, message);
        }
        parsed
    }

    pub(super) fn pairs(&mut self, input: &str, value: Option<&str>) -> Vec<(String, String)> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for line in value
            .unwrap_or_default()
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
        {
            match line.split_once('=') {
                None => self.problem(
                    input,
                    format!("`{}` has no `=`: one `key=value` on each line", shown(line)),
                ),
                Some((key, _)) if pairs.iter().any(|(known, _)| known == key.trim()) => {
                    self.problem(input, format!("`{}` is given twice", shown(key.trim())));
                }
                Some((key, value)) => pairs.push((key.trim().to_owned(), value.trim().to_owned())),
            }
        }
        pairs
    }

    pub(super) fn timing(&mut self, raw: &Raw) -> Timing {
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
            timeout: self
                .duration("timeout", raw.timeout.as_deref())
                .unwrap_or(default.timeout),
            settle: self
                .duration("settle", raw.settle.as_deref())
                .unwrap_or(default.settle),
            poll,
            ..default
        }
    }

    pub(super) fn duration(&mut self, input: &str, value: Option<&str>) -> Option<Duration> {
        let value = value?;
        let duration = humantime::parse_duration(value.trim())
            .ok()
            .filter(|duration| *duration <= Timing::LONGEST);
        if duration.is_none() {
            self.problem(
                input,
                format!(
                    "`{}` is not a duration of at most 7 days, such as `90s`, `45m` or `2h`",
                    shown(value)
                ),
            );
        }
        duration
    }
}

/// The words of a list, which commas and white space separate.
pub(super) fn words(value: Option<&str>) -> impl Iterator<Item = &str> {
    value
        .unwrap_or_default()
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty())
}
