//! Tags: AWS's limits, and the two that mark a copy as ours.

pub(crate) mod temporary;

use std::collections::BTreeMap;

use crate::limits::{TAG_KEY_CHARACTERS, TAG_VALUE_CHARACTERS};

/// Marks a copy with what it was copied from: `region/ami`.
pub(crate) const SOURCE: &str = "ami-share:source";
/// Marks a copy with the digest of the request that it answers.
pub(crate) const REQUEST: &str = "ami-share:request";

/// Tag keys that users cannot set and that are never passed on.
pub(crate) fn is_reserved(key: &str) -> bool {
    // AWS reserves its prefix in any spelling.
    key.get(..4)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
        || key.starts_with("ami-share:")
}

/// What is wrong with a tag that a user gave.
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

/// The tags of an image that a copy is given too: the image's own where asked, the user's above
/// them, never marks.
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

/// The tags that a copy and its snapshots are made with: those passed on, and ours.
pub(crate) fn of_copy(
    passed_on: &BTreeMap<String, String>,
    from: String,
    request: String,
) -> BTreeMap<String, String> {
    let mut tags = passed_on.clone();
    tags.insert(SOURCE.to_owned(), from);
    tags.insert(REQUEST.to_owned(), request);
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_a_source_are_never_passed_on_and_the_users_tags_win() {
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
