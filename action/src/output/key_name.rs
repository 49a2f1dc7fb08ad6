//! Keys by a short name: their ARNs are long, and a log repeats them.

use std::collections::BTreeMap;

/// This much of a key's ID tells it from the others of a run.
const SHOWN: usize = 8;
const MULTI_REGION: &str = "mrk-";

/// The ARNs of keys that were shortened, by their short names.
pub(crate) type KeyNames = BTreeMap<String, String>;

/// The text with each ARN of a key as `key 60ffbecc`.
pub(crate) fn shorten_keys(text: &str) -> String {
    shorten_and_note(text, &mut KeyNames::new())
}

/// As [`shorten_keys`], and notes which name stands for which ARN.
pub(crate) fn shorten_and_note(text: &str, names: &mut KeyNames) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-:/_".contains(c);
    let mut shortened = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("arn:") {
        let (before, from_arn) = rest.split_at(at);
        shortened.push_str(before);
        let end = from_arn.find(|c| !is_part(c)).unwrap_or(from_arn.len());
        let arn = from_arn[..end].trim_end_matches(':');
        match short_name(arn) {
            Some(name) => {
                shortened.push_str(&name);
                names.insert(name, arn.to_owned());
            }
            None => shortened.push_str(arn),
        }
        rest = &from_arn[arn.len()..];
    }
    shortened.push_str(rest);
    shortened
}

/// `key 60ffbecc`; a multi-Region key has the same ID in each of its Regions, so that it gets the
/// Region too. `None` if it is no ARN of a key.
pub(crate) fn short_name(arn: &str) -> Option<String> {
    let (place, id) = arn.split_once(":key/")?;
    let mut parts = place.split(':');
    let (service, region) = (parts.nth(2)?, parts.next()?);
    let is_id = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if service != "kms" || !is_id {
        return None;
    }
    let shown = |length: usize| id.get(..length).unwrap_or(id);
    Some(if id.starts_with(MULTI_REGION) {
        format!("key {} in {region}", shown(MULTI_REGION.len() + SHOWN))
    } else {
        format!("key {}", shown(SHOWN))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_arns_of_keys_are_shortened() {
        let key = "arn:aws-cn:kms:cn-north-1:111111111111:key/60ffbecc-6a79-2ec0-96ea-76fb242a3dfd";
        let many = "arn:aws:kms:eu-west-1:111111111111:key/mrk-1234abcd12ab34cd56ef1234567890ab";
        let table = [
            (
                format!("the policy of {key}: x"),
                "the policy of key 60ffbecc: x",
            ),
            (
                format!("({key}), `{many}`"),
                "(key 60ffbecc), `key mrk-1234abcd in eu-west-1`",
            ),
            (
                "arn:aws:iam::1:role/key arn:".to_owned(),
                "arn:aws:iam::1:role/key arn:",
            ),
            (
                "arn:aws:kms:r:1:alias/a:key".to_owned(),
                "arn:aws:kms:r:1:alias/a:key",
            ),
        ];
        for (text, short) in table {
            assert_eq!(shorten_keys(&text), short);
        }
        let mut names = KeyNames::new();
        shorten_and_note(key, &mut names);
        assert_eq!(names["key 60ffbecc"], key);
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_shortened(text in "(arn:|kms:|:key/|[a-z0-9 é:/-]){0,20}") {
            let _ = shorten_keys(&text);
        }
    }
}
