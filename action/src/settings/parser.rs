//! Parses one input after the other, and collects what is wrong.

mod accounts;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use ami_share::request::{DeprecateAt, Timing};
use ami_share::{KeyRef, Region};

use super::given_image::GivenImage;
use super::lists;
use crate::inputs::{InputValue, Problem, shorten};

/// AWS takes dates up to ten years from now.
const LONGEST_AGE: Duration = Duration::from_hours(10 * 366 * 24);

/// Collects what is wrong while it parses.
#[derive(Default)]
pub(super) struct Parser {
    pub(super) problems: Vec<Problem>,
}

impl Parser {
    pub(super) fn problem(&mut self, input: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(input, message));
    }

    /// One of a few words, the first by default; `None` if the word is none of them.
    pub(super) fn choice<T: Copy>(
        &mut self,
        input: InputValue<'_>,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let Some(text) = input.text else {
            return choices.first().map(|(_, choice)| *choice);
        };
        for (word, choice) in choices {
            if *word == text {
                return Some(*choice);
            }
        }
        let words: Vec<String> = choices
            .iter()
            .map(|(word, _)| format!("`{word}`"))
            .collect();
        let message = format!("`{}` is not one of {}", shorten(text), words.join(", "));
        self.problem(input.name, message);
        None
    }

    pub(super) fn flag(&mut self, input: InputValue<'_>, default: bool) -> bool {
        match input.text {
            None => default,
            Some("true") => true,
            Some("false") => false,
            Some(other) => {
                let message = format!("`{}` is neither `true` nor `false`", shorten(other));
                self.problem(input.name, message);
                default
            }
        }
    }

    pub(super) fn number(&mut self, input: InputValue<'_>) -> Option<usize> {
        let text = input.text?;
        let number: Option<usize> = text.parse().ok();
        let number = number.filter(|number| (1..=1000).contains(number));
        if number.is_none() {
            let message = format!("`{}` is not a whole number from 1 to 1000", shorten(text));
            self.problem(input.name, message);
        }
        number
    }

    pub(super) fn duration(&mut self, input: InputValue<'_>) -> Option<Duration> {
        let text = input.text?;
        let duration = humantime::parse_duration(text.trim()).ok();
        let duration = duration.filter(|duration| *duration <= Timing::LONGEST);
        if duration.is_none() {
            let message = format!(
                "`{}` is not a duration of at most 7 days, such as `90s`, `45m` or `2h`",
                shorten(text)
            );
            self.problem(input.name, message);
        }
        duration
    }

    /// The whole value as one identifier of AWS.
    pub(super) fn one<T: FromStr<Err: ToString>>(&mut self, input: InputValue<'_>) -> Option<T> {
        self.word(input.name, input.text?)
    }

    /// The words of a list.
    pub(super) fn words(&mut self, input: InputValue<'_>) -> Vec<String> {
        self.split(input, '=')
    }

    fn split(&mut self, input: InputValue<'_>, separator: char) -> Vec<String> {
        match lists::split(input.text.unwrap_or_default(), separator) {
            Ok(words) => words,
            Err(message) => {
                self.problem(input.name, message);
                Vec::new()
            }
        }
    }

    /// Every word of a list as an identifier of AWS.
    pub(super) fn list<T: FromStr<Err: ToString>>(&mut self, input: InputValue<'_>) -> Vec<T> {
        self.list_of(input, '=')
    }

    /// A list of images; a JSON object gives the image of each Region.
    pub(super) fn images(&mut self, input: InputValue<'_>) -> Vec<GivenImage> {
        self.list_of(input, ':')
    }

    fn list_of<T>(&mut self, input: InputValue<'_>, separator: char) -> Vec<T>
    where
        T: FromStr<Err: ToString>,
    {
        let words = self.split(input, separator);
        words
            .iter()
            .filter_map(|word| self.word(input.name, word))
            .collect()
    }

    fn word<T: FromStr<Err: ToString>>(&mut self, input: &str, word: &str) -> Option<T> {
        match word.parse() {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.problem(input, error.to_string());
                None
            }
        }
    }

    /// One key for all Regions, or `region=key` for each.
    pub(super) fn keys(&mut self, input: InputValue<'_>) -> Vec<(Option<Region>, KeyRef)> {
        let (mut regions, mut keys) = (BTreeSet::new(), Vec::new());
        for word in &self.words(input) {
            let (region, key) = match word.split_once('=') {
                None => (None, self.word::<KeyRef>(input.name, word)),
                Some((region, key)) => {
                    let region = self.word::<Region>(input.name, region);
                    let key = self.word(input.name, key);
                    // Without its Region the key would be taken for that of all Regions.
                    if region.is_none() {
                        continue;
                    }
                    (region, key)
                }
            };
            if !regions.insert(region.clone()) {
                let message = match &region {
                    Some(region) => format!("{region} is given twice"),
                    None => "more than one key is given: one for all Regions, or `region=key` for \
                             each"
                        .to_owned(),
                };
                self.problem(input.name, message);
                continue;
            }
            keys.extend(key.map(|key| (region, key)));
        }
        keys
    }

    /// One subnet for all targets, or `place=subnet` for each account, Region, or both.
    pub(super) fn subnets(
        &mut self,
        input: InputValue<'_>,
    ) -> (Option<String>, BTreeMap<String, String>) {
        let (mut of_all, mut of_places) = (None, BTreeMap::new());
        for word in self.words(input) {
            let twice = match word.split_once('=') {
                None => of_all.replace(word.clone()).is_some(),
                Some((place, subnet)) => {
                    let place = place.replace(':', "/");
                    of_places.insert(place, subnet.to_owned()).is_some()
                }
            };
            if twice {
                let message = format!("`{}`: its place has another subnet too", shorten(&word));
                self.problem(input.name, message);
            }
        }
        (of_all, of_places)
    }

    /// The age of an image, or another time of days.
    pub(super) fn age(&mut self, input: InputValue<'_>) -> Option<Duration> {
        let text = input.text?;
        let age = humantime::parse_duration(text.trim()).ok();
        let age = age.filter(|age| *age <= LONGEST_AGE);
        if age.is_none() {
            let message = format!(
                "`{}` is not a time of at most 10 years, such as `36h` or `30d`",
                shorten(text)
            );
            self.problem(input.name, message);
        }
        age
    }

    /// A date, a moment, or the age of the image.
    pub(super) fn deprecation(&mut self, input: InputValue<'_>) -> Option<DeprecateAt> {
        let text = input.text?;
        if let Ok(age) = humantime::parse_duration(text)
            && age <= LONGEST_AGE
        {
            return Some(DeprecateAt::AfterCreation(age));
        }
        if let Some(seconds) = seconds_since_1970(text) {
            return Some(DeprecateAt::Time(seconds));
        }
        let message = format!(
            "`{}` is neither a date such as `2030-12-31` or `2030-12-31T12:00:00Z` nor an age of \
             at most 10 years such as `90d`",
            shorten(text)
        );
        self.problem(input.name, message);
        None
    }

    fn lines(&mut self, input: InputValue<'_>) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for line in input.text.unwrap_or_default().lines().map(str::trim) {
            if line.is_empty() {
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                let line = shorten(line);
                let message = format!(
                    "`{line}` has no `=`: one `key=value` on each line, or one JSON object"
                );
                self.problem(input.name, message);
                continue;
            };
            pairs.push((key.trim().to_owned(), value.trim().to_owned()));
        }
        pairs
    }

    /// `key=value`, one on each line, or a JSON object.
    pub(super) fn pairs(&mut self, input: InputValue<'_>) -> Vec<(String, String)> {
        let text = input.text.unwrap_or_default();
        let members = lists::members(text);
        let count = members
            .as_ref()
            .map_or_else(|_| text.lines().count(), Vec::len);
        if let Err(message) = lists::check_count(count) {
            self.problem(input.name, message);
            return Vec::new();
        }
        let given = match members {
            Ok(members) => members,
            Err(_) => self.lines(input),
        };
        let (mut pairs, mut keys) = (Vec::new(), BTreeSet::new());
        for (key, value) in given {
            if keys.insert(key.clone()) {
                pairs.push((key, value));
            } else {
                self.problem(input.name, format!("`{}` is given twice", shorten(&key)));
            }
        }
        pairs
    }
}

/// A date or a moment after 1970.
fn seconds_since_1970(text: &str) -> Option<i64> {
    let is_date = text.len() == "2030-12-31".len();
    let time = if is_date { "T00:00:00Z" } else { "" };
    let moment = humantime::parse_rfc3339(&format!("{text}{time}")).ok()?;
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moment_is_a_date_or_has_a_time_and_is_after_1970() {
        for (text, seconds) in [
            ("2100-12-31", Some(4_133_894_400)),
            ("2100-12-31T12:00:01Z", Some(4_133_937_601)),
            ("1970-01-01", Some(0)),
            ("1969-12-31", None),
            ("2100-12-32", None),
            ("31.12.2100", None),
            ("2100-12-31T", None),
        ] {
            assert_eq!(seconds_since_1970(text), seconds, "{text}");
        }
    }
}
