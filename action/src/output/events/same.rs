//! Lines of the log that say the same of several accounts or images: there is one for all of them.

use std::collections::BTreeSet;

use ami_share::report::Verification;

use crate::output::principal_name::list_with_count;
use crate::output::verification;

type Line = Box<dyn Fn(&str, &str) -> String + Send>;

/// An event that others may say too, of another account or image.
pub(super) struct Same {
    /// What all of them have in common.
    kind: String,
    /// The account or image, and which of both it is.
    who: String,
    noun: &'static str,
    /// What else may differ, such as the ID of a copy, and what a line says in place of several.
    detail: String,
    several: &'static str,
    line: Line,
    /// Whether it says what was checked.
    pub(super) is_check: bool,
}

impl Same {
    pub(super) fn of_account(
        account: impl ToString,
        line: impl Fn(&str, &str) -> String + Send + 'static,
    ) -> Self {
        Self {
            kind: line("…", "…"),
            who: account.to_string(),
            noun: "account",
            detail: String::new(),
            several: "",
            line: Box::new(line),
            is_check: false,
        }
    }

    pub(super) fn of_image(
        image: impl ToString,
        line: impl Fn(&str, &str) -> String + Send + 'static,
    ) -> Self {
        Self {
            noun: "AMI",
            ..Self::of_account(image, line)
        }
    }

    pub(super) fn with(mut self, detail: impl ToString, several: &'static str) -> Self {
        self.detail = detail.to_string();
        self.several = several;
        self
    }

    /// Whether a line can say both.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.noun == other.noun && self.kind == other.kind
    }

    /// The line of this event alone.
    pub(super) fn line(&self) -> String {
        (self.line)(&self.who, &self.detail)
    }
}

/// What the log says of events that are alike; there is at least one.
pub(super) struct Said {
    pub(super) lines: Vec<String>,
    /// What one line leaves out: a title, and a line for each event.
    pub(super) whole: Option<(String, Vec<String>)>,
}

/// A line for each of a few, with its details; one line for more, or if they do not differ.
pub(super) fn say(events: &[Same], most: usize) -> Said {
    let Some(first) = events.first() else {
        return Said {
            lines: Vec::new(),
            whole: None,
        };
    };
    let is_one = events.iter().all(|event| event.detail == first.detail);
    let is_few = events.len() <= most;
    if is_few && !is_one {
        let lines = events.iter().map(Same::line).collect();
        return Said { lines, whole: None };
    }
    // An account may have said it of several things.
    let names: BTreeSet<&str> = events.iter().map(|event| event.who.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let who = list_with_count(&names, first.noun);
    let detail = if is_one { &first.detail } else { first.several };
    let each = |event: &Same| {
        if is_one {
            event.who.clone()
        } else {
            format!("{}: {}", event.who, event.detail)
        }
    };
    let whole = || {
        let title = who.split(" (").next().unwrap_or_default().to_owned();
        (title, events.iter().map(each).collect())
    };
    Said {
        lines: vec![(first.line)(&who, detail)],
        whole: (!is_few).then(whole),
    }
}

/// What was checked of a target and an image, which may be the same of others.
pub(super) fn of_verification(verification: &Verification) -> Same {
    let image = verification::image_of(verification).to_string();
    let (source, verification) = (verification.source.clone(), verification.clone());
    let account = verification.account.clone();
    let mut same = Same::of_account(account, move |who, image| {
        verification::line_of(&verification, who, image)
    })
    .with(image, "AMIs of their own");
    // A target may launch several images.
    same.kind += &source.to_string();
    same.is_check = true;
    same
}

#[cfg(test)]
mod tests {
    use ami_share::Event;

    use super::*;
    use crate::output::events::alike::of;

    fn tagged(account: &str) -> Same {
        of(&Event::Tagged {
            account: account.parse().unwrap(),
            image: "ami-1a2b3c4d".parse().unwrap(),
        })
        .unwrap()
    }

    fn started(account: u64, region: &str) -> Same {
        let region: ami_share::Region = region.parse().unwrap();
        of(&Event::CopyStarted {
            account: account.to_string().parse().unwrap(),
            source: ami_share::id::SourceImage {
                region: region.clone(),
                ami: "ami-1a2b3c4d".parse().unwrap(),
            },
            region,
            copy: format!("ami-{:08x}", account % 1000).parse().unwrap(),
        })
        .unwrap()
    }

    #[test]
    fn what_does_not_differ_is_one_line() {
        let events = ["222222222222", "333333333333"].map(tagged);
        assert!(events[0].is_like(&events[1]));
        let said = say(&events, 3);
        let line = "ami-1a2b3c4d carries its tags in 222222222222, 333333333333 now";
        assert_eq!(said.lines, [line]);
        assert!(said.whole.is_none());
    }

    #[test]
    fn few_have_a_line_each_and_many_are_counted() {
        let accounts = 222_222_222_222..;
        let events = |number: usize| -> Vec<Same> {
            let accounts = accounts.clone().take(number);
            accounts
                .map(|account| started(account, "eu-west-1"))
                .collect()
        };
        let few = say(&events(3), 3);
        assert_eq!(few.lines.len(), 3);
        let line =
            "copying ami-1a2b3c4d in eu-west-1, as ami-000000de in eu-west-1 of 222222222222";
        assert_eq!(few.lines[0], line);
        let many = say(&events(58), 3);
        let line = "copying ami-1a2b3c4d in eu-west-1, as copies of their own in eu-west-1 of 58 \
                    accounts (222222222222, 222222222223, and 56 more)";
        assert_eq!(many.lines, [line]);
        let (title, whole) = many.whole.unwrap();
        assert_eq!((title.as_str(), whole.len()), ("58 accounts", 58));
        assert_eq!(whole[0], "222222222222: ami-000000de");
    }

    #[test]
    fn what_differs_in_more_than_the_account_is_not_alike() {
        let here = started(222_222_222_222, "eu-west-1");
        assert!(here.is_like(&started(333_333_333_333, "eu-west-1")));
        assert!(!here.is_like(&started(333_333_333_333, "us-east-1")));
        assert!(!here.is_like(&tagged("333333333333")));
    }
}
