//! Tags of images and copies, and the two tags that mark the copies of this tool.

pub(crate) mod temporary;

use std::collections::BTreeMap;

use crate::limits::{TAG_KEY_CHARACTERS, TAG_VALUE_CHARACTERS};

/// Marks a copy with its source: `region/ami`.
pub(crate) const SOURCE: &str = "ami-share:source";
/// Marks a copy with its identity: a digest of source, destination, key and name.
pub(crate) const REQUEST: &str = "ami-share:request";

/// Marks an image with the moment at which a retirement disabled it, in RFC 3339.
pub(crate) const DISABLED: &str = "ami-share:disabled";

/// Recipients of an image see those of its owner's tags whose keys begin with this, and only the
/// owner writes them (R7.14).
const SHARED: &str = "ec2:SharedTag/";

/// The key with which the recipients of an image see the tag of this key.
pub(crate) fn shared_key(key: &str) -> String {
    format!("{SHARED}{key}")
}

/// Whether the recipients of an image see a tag of this key.
pub(crate) fn is_shared(key: &str) -> bool {
    key.starts_with(SHARED)
}

/// Whether a tag of this key can be shared: it is no mark, and its key leaves room.
pub(crate) fn can_be_shared(key: &str) -> bool {
    let characters = shared_key(key).chars().count();
    !is_reserved(key) && !is_shared(key) && characters <= TAG_KEY_CHARACTERS
}

/// How many of these tags count toward the limit of a resource: AWS's own do not.
pub(crate) fn count<'a>(keys: impl Iterator<Item = &'a String>) -> usize {
    let is_aws = |key: &String| {
        key.get(..4)
            .is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
    };
    keys.filter(|key| !is_aws(key)).count()
}

/// Whether users cannot set a tag of this key; such tags are not copied either.
pub(crate) fn is_reserved(key: &str) -> bool {
    // AWS reserves its prefix in upper and lower case.
    key.get(..4)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
        || key.starts_with("ami-share:")
}

/// The problem of a tag that a user gave; `None` if it has none.
pub(crate) fn problem(key: &str, value: &str) -> Option<String> {
    let shown: String = key.chars().take(40).collect();
    if key.is_empty() {
        Some("a tag has no key: one `key=value` on each line".to_owned())
    } else if key.chars().count() > TAG_KEY_CHARACTERS {
        Some(format!(
            "the key `{shown}…` has more than {TAG_KEY_CHARACTERS} characters"
        ))
    } else if value.chars().count() > TAG_VALUE_CHARACTERS {
        Some(format!(
            "the value of `{shown}` has more than {TAG_VALUE_CHARACTERS} characters"
        ))
    } else {
        None
    }
}

/// The tags of a copy without the marks: those of the source image, if given, and the user's, which
/// win over them.
pub(crate) fn passed_on(
    source: Option<&BTreeMap<String, String>>,
    user: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let own = source
        .into_iter()
        .flatten()
        .filter(|(key, _)| !is_reserved(key));
    own.chain(user)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The tags of a copy and its snapshots: those passed on, and the two marks.
pub(crate) fn of_copy(
    passed_on: &BTreeMap<String, String>,
    source: String,
    identity: String,
) -> BTreeMap<String, String> {
    let mut tags = passed_on.clone();
    tags.insert(SOURCE.to_owned(), source);
    tags.insert(REQUEST.to_owned(), identity);
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_tags_are_known_by_their_prefix() {
        assert_eq!(shared_key("team"), "ec2:SharedTag/team");
        for (key, is_known, may_be) in [
            ("team", false, true),
            ("ec2:SharedTag/team", true, false),
            ("EC2:SharedTag/team", false, true),
            ("aws:x", false, false),
            ("AWS:x", false, false),
            ("aws", false, true),
            (SOURCE, false, false),
            (&"k".repeat(114), false, true),
            (&"k".repeat(115), false, false),
        ] {
            assert_eq!(is_shared(key), is_known, "{key}");
            assert_eq!(can_be_shared(key), may_be, "{key}");
        }
    }

    #[test]
    fn tags_of_aws_do_not_count() {
        let keys = ["aws:x", "AWS:y", "aws", "team", "ami-share:source"].map(str::to_owned);
        assert_eq!(count(keys.iter()), 3);
    }

    #[test]
    fn problem_of_tag_names_its_key() {
        let longest = "k".repeat(TAG_KEY_CHARACTERS);
        let text = "v".repeat(TAG_VALUE_CHARACTERS);
        assert_eq!(problem(&longest, &text), None);
        for (key, value, expected) in [
            ("", String::new(), "has no key"),
            (
                &format!("{longest}k"),
                String::new(),
                "more than 128 characters",
            ),
            (
                "team",
                format!("{text}v"),
                "the value of `team` has more than 256",
            ),
        ] {
            let problem = problem(key, &value).unwrap();
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn copies_get_no_marks_of_their_source_and_the_users_tags_win() {
        let map = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let source = map(&[
            ("Name", "old"),
            ("team", "a"),
            ("aws:x", "y"),
            ("AWS:z", "y"),
            ("ami-share:request", "forged"),
        ]);
        let tags = of_copy(
            &passed_on(Some(&source), &map(&[("Name", "new")])),
            "r/ami".into(),
            "digest".into(),
        );
        let expected = map(&[
            ("Name", "new"),
            ("team", "a"),
            ("ami-share:source", "r/ami"),
            ("ami-share:request", "digest"),
        ]);
        assert_eq!(tags, expected);
    }
}
