//! Messages that say the same of many accounts, Regions or resources, as one.

use ami_share::diagnostic::{Code, Severity};
use ami_share::report::Verification;
use ami_share::{Error, Finding};

use super::ending::count;
use super::log::{Level, Log};
use super::principal_name::list;
use super::verification;

/// A message, and where it is true.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) level: Level,
    pub(crate) code: &'static str,
    /// The whole message.
    pub(crate) text: String,
    /// The account, or the resource that it is about.
    pub(crate) place: String,
    /// The Region of the account, or its resource: told where it is another one.
    pub(crate) within: Option<String>,
    /// The image that it is about, if that is not the resource: it tells two of one place apart.
    pub(crate) image: Option<String>,
    /// The message without what differs from one place to the next.
    pub(crate) kind: String,
}

impl Said {
    pub(crate) fn error(error: &Error) -> Self {
        let account = error.account.as_ref().map(ToString::to_string);
        let region = error.region.as_ref().map(ToString::to_string);
        let resource = error.resource.clone();
        let (place, within) = match (account.clone(), region.clone()) {
            (Some(account), region) => {
                // Where several things fail in one account, each is named.
                let is_told = |resource: &String| resource.contains(&account);
                let resource = resource.clone().filter(|resource| !is_told(resource));
                let parts: Vec<String> = region.into_iter().chain(resource).collect();
                (account, (!parts.is_empty()).then(|| parts.join(", ")))
            }
            (None, Some(region)) => (region, None),
            (None, None) => (resource.clone().unwrap_or_default(), None),
        };
        let text = error.to_string();
        Self {
            level: Level::Error,
            code: error.code.as_str(),
            kind: kind_of(&text, [resource, account, region]),
            text,
            place,
            within,
            image: None,
        }
    }

    pub(crate) fn finding(finding: &Finding) -> Self {
        let level = match finding.severity {
            Severity::Refuse => Level::Error,
            _ => Level::Warning,
        };
        let text = finding.to_string();
        let resource = finding.resource.clone();
        let (place, within) = match account_of(finding) {
            Some(account) => (account.to_owned(), Some(resource)),
            None => (resource, None),
        };
        Self {
            level,
            code: finding.code.as_str(),
            kind: kind_of(&text, [Some(finding.resource.clone()), None, None]),
            place,
            within,
            text,
            image: None,
        }
    }

    /// A target that cannot launch.
    pub(crate) fn blocked(blocked: &Verification) -> Self {
        let Verification {
            account, region, ..
        } = blocked;
        let image = blocked.image.as_ref().unwrap_or(&blocked.source.ami);
        let (what, why) = (verification::line(blocked), blocked.failures());
        let text = format!("{what}: {why}");
        let parts = [Some(account.to_string()), Some(region.to_string()), None];
        Self {
            level: Level::Error,
            code: Code::VerifyBlocked.as_str(),
            kind: kind_of(&text, parts),
            text,
            place: account.to_string(),
            within: Some(region.to_string()),
            image: Some(image.to_string()),
        }
    }

    /// Writes it to the log.
    pub(crate) fn log(&self, log: &Log) {
        log.annotate(self.level, self.code, &self.text);
    }
}

/// The account that the message of a finding names, if its resource does not.
fn account_of(finding: &Finding) -> Option<&str> {
    let mut words = finding.message.split(|c: char| !c.is_ascii_alphanumeric());
    let account =
        words.find(|word| word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_digit()));
    account.filter(|account| !finding.resource.contains(account))
}

fn kind_of(text: &str, parts: [Option<String>; 3]) -> String {
    let mut text = text.to_owned();
    for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
        text = text.replace(&part, "…");
    }
    // AWS encodes the details of a denial anew in each answer.
    let words = text.split(" Encoded authorization").next();
    replace_ids(words.unwrap_or_default())
}

/// The text with a dot in place of each ID and number of an account.
fn replace_ids(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric();
    let mut replaced = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c| !is_part(c)) {
        let word = piece.trim_end_matches(|c| !is_part(c));
        // A number of four digits may say how much. Within an ID of a key a hyphen follows it.
        let is_long = word.len() >= 8 || word.len() == 4 && piece.ends_with('-');
        let is_id = is_long
            && word.chars().all(|c| c.is_ascii_hexdigit())
            && word.contains(|c: char| c.is_ascii_digit());
        replaced.push_str(if is_id { "…" } else { word });
        replaced.push_str(&piece[word.len()..]);
    }
    replaced
}

/// Messages of one kind: the first one, and the places of the others.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) first: Said,
    pub(crate) others: Vec<String>,
}

impl Kind {
    pub(crate) fn new(first: Said) -> Self {
        let others = Vec::new();
        Self { first, others }
    }

    /// Adds the place of a message of this kind. What the first message says of its own place is
    /// not said again.
    pub(crate) fn add(&mut self, said: Said) {
        let within = said
            .within
            .filter(|within| self.first.within.as_ref() != Some(within));
        let place = match within {
            Some(within) => format!("{} ({within})", said.place),
            None => said.place,
        };
        let is_known = self.first.place == place || self.others.contains(&place);
        self.others.push(match said.image {
            Some(image) if is_known => format!("{place} ({image})"),
            _ => place,
        });
    }

    /// Writes to the log where else the message is true.
    pub(crate) fn log_others(&self, log: &Log) {
        if self.others.is_empty() {
            return;
        }
        let (code, places) = (self.first.code, list(&self.others));
        let more = count(self.others.len(), "more time");
        log.annotate(
            self.first.level,
            code,
            &format!("the same {more}: {places}"),
        );
        // One is named in the line.
        if self.others.len() > 1 {
            log.fold("the whole list", &self.others);
        }
    }
}

/// Writes messages to the log, those of one kind as one.
pub(crate) fn log_all(log: &Log, messages: impl IntoIterator<Item = Said>) {
    for kind in fold(messages) {
        kind.first.log(log);
        kind.log_others(log);
    }
}

/// The messages by their kind, in the order of the first of each.
pub(crate) fn fold(messages: impl IntoIterator<Item = Said>) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for said in messages {
        match kinds.iter_mut().find(|kind| kind.first.kind == said.kind) {
            Some(kind) => kind.add(said),
            None => kinds.push(Kind::new(said)),
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, parts: [&str; 3]) -> Said {
        Said {
            level: Level::Error,
            code: "code",
            kind: kind_of(text, parts.map(|part| Some(part.to_owned()))),
            text: text.to_owned(),
            place: parts.join(", "),
            within: None,
            image: None,
        }
    }

    #[test]
    fn two_images_of_one_place_are_told_apart() {
        let of_image = |image: &str| Said {
            image: Some(image.to_owned()),
            ..said("code: cannot launch", ["222222222222", "us-east-1", ""])
        };
        let kinds = fold(["ami-1", "ami-2", "ami-3"].map(of_image));
        let place = "222222222222, us-east-1, ";
        let expected = ["ami-2", "ami-3"].map(|image| format!("{place} ({image})"));
        assert_eq!(kinds[0].others, expected);
    }

    #[test]
    fn region_is_told_where_it_is_another_one() {
        let of = |place: &str, within: &str| Said {
            place: place.to_owned(),
            within: Some(within.to_owned()),
            ..said("code: denied", ["", "", ""])
        };
        let kinds = fold([
            of("222222222222", "us-east-1"),
            of("333333333333", "us-east-1"),
            of("333333333333", "eu-west-1"),
        ]);
        let expected = ["333333333333", "333333333333 (eu-west-1)"];
        assert_eq!(kinds[0].others, expected);
    }

    #[test]
    fn same_message_of_many_places_is_one() {
        let mut messages = Vec::new();
        for account in 100_000_000_000_u64..100_000_000_058 {
            let role = format!("arn:aws:iam::{account}:role/x");
            let text = format!("code: may not assume {role} (account {account}, eu-west-1)");
            messages.push(said(&text, [&role, &account.to_string(), "eu-west-1"]));
        }
        messages.push(said("code: something else", ["222222222222", "", ""]));
        let kinds = fold(messages);
        let others: Vec<usize> = kinds.iter().map(|kind| kind.others.len()).collect();
        assert_eq!(others, [57, 0]);
    }

    #[test]
    fn messages_that_differ_in_their_resource_or_region_are_one() {
        let kinds = fold([
            said("code: no role web in eu-west-1", ["web", "", "eu-west-1"]),
            said(
                "code: no role batch in us-east-1",
                ["batch", "", "us-east-1"],
            ),
        ]);
        assert_eq!(kinds.len(), 1);
        assert_eq!(kinds[0].others, ["batch, , us-east-1"]);
    }

    #[test]
    fn ids_and_account_numbers_are_no_words() {
        let table = [
            ("ami-0123456789abcdef0 is", "ami-… is"),
            (
                "(key 60ffbecc-6a79-2ec0-96ea-76fb242a3dfd)",
                "(key …-…-…-…-…)",
            ),
            ("of 222222222222: 12", "of …: 12"),
            ("abc12345 123 cafe decade face", "… 123 cafe decade face"),
            ("at most 1000 of 3000", "at most 1000 of 3000"),
            ("x1234y 1234x", "x1234y 1234x"),
        ];
        for (text, replaced) in table {
            assert_eq!(replace_ids(text), replaced);
        }
    }

    #[test]
    fn messages_that_differ_in_words_are_not_one() {
        let kinds = fold([
            said("code: denied in a", ["a", "", ""]),
            said("code: failed in b", ["b", "", ""]),
        ]);
        assert_eq!(kinds.len(), 2);
    }
}
