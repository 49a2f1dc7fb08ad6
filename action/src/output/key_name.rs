//! Keys by a short name: their ARNs are long, and a log repeats them.

use std::collections::{BTreeMap, BTreeSet};

use ami_share::Plan;
use ami_share::id::KeyArn;

use super::plan_text;

/// This much of a key's ID tells it from most others of a run, and this much from the rest.
const SHOWN: [usize; 2] = [8, 18];
const MULTI_REGION: &str = "mrk-";

/// The short names of the keys of a run, by their ARNs: each by its alias if the inputs name that,
/// and no two alike.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyNames(BTreeMap<String, String>);

impl KeyNames {
    /// The names of the keys that the lines of a plan mention.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut keys: BTreeSet<String> = BTreeSet::new();
        for line in plan_text::lines(plan) {
            replace_keys(&line, |arn| {
                keys.insert(arn.to_owned());
                arn.to_owned()
            });
        }
        let mut names = BTreeMap::new();
        for arn in keys {
            let key: Option<KeyArn> = arn.parse().ok();
            let alias = key.as_ref().and_then(|key| plan.key_alias(key));
            names.insert(arn.clone(), possible_names(&arn, alias));
        }
        Self::choose(&names)
    }

    /// For each key the first of its possible names that no other key can have.
    fn choose(possible: &BTreeMap<String, Vec<String>>) -> Self {
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        for name in possible.values().flatten() {
            *uses.entry(name).or_default() += 1;
        }
        let mut names = BTreeMap::new();
        for (arn, possible) in possible {
            let name = possible.iter().find(|name| uses[name.as_str()] == 1);
            names.insert(arn.clone(), name.unwrap_or(arn).clone());
        }
        Self(names)
    }

    /// The text with the short name of each key in place of its ARN.
    pub(crate) fn shorten(&self, text: &str) -> String {
        replace_keys(text, |arn| match self.0.get(arn) {
            Some(name) => name.clone(),
            None => self.name_of_unknown(arn),
        })
    }

    /// The name of a key that no line of the plan mentions.
    fn name_of_unknown(&self, arn: &str) -> String {
        let is_free = |name: &String| self.0.values().all(|other| other != name);
        let mut possible = possible_names(arn, None).into_iter();
        possible.find(is_free).unwrap_or_else(|| arn.to_owned())
    }

    /// Each name, and the ARN that it stands for.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.0.iter();
        names.map(|(arn, name)| (name.as_str(), arn.as_str()))
    }
}

/// The names that a key can have, the best first: `key alias/golden`, `key 60ffbecc`, and longer
/// ones. A multi-Region key has the same ID in each of its Regions, so that it gets the Region too.
fn possible_names(arn: &str, alias: Option<&str>) -> Vec<String> {
    let (place, id) = arn.split_once(":key/").unwrap_or_default();
    let region = place.split(':').nth(3).unwrap_or_default();
    let mut names = Vec::new();
    if let Some(alias) = alias {
        names.push(format!("key {alias}"));
        names.push(format!("key {alias} in {region}"));
    }
    let (start, place) = if id.starts_with(MULTI_REGION) {
        (MULTI_REGION.len(), format!(" in {region}"))
    } else {
        (0, String::new())
    };
    for length in SHOWN {
        let shown = id.get(..start + length).unwrap_or(id);
        names.push(format!("key {shown}{place}"));
    }
    names.push(arn.to_owned());
    // A short ID is the same in every length.
    names.dedup();
    names
}

/// The text with something in place of each ARN of a key.
fn replace_keys(text: &str, mut replace: impl FnMut(&str) -> String) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-:/_".contains(c);
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("arn:") {
        let (before, from_arn) = rest.split_at(at);
        replaced.push_str(before);
        let end = from_arn.find(|c| !is_part(c)).unwrap_or(from_arn.len());
        let arn = from_arn[..end].trim_end_matches(':');
        if is_key(arn) {
            replaced.push_str(&replace(arn));
        } else {
            replaced.push_str(arn);
        }
        rest = &from_arn[arn.len()..];
    }
    replaced.push_str(rest);
    replaced
}

fn is_key(arn: &str) -> bool {
    let Some((place, id)) = arn.split_once(":key/") else {
        return false;
    };
    let mut parts = place.split(':').skip(2);
    let is_kms = parts.next() == Some("kms") && parts.next().is_some();
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    is_kms && id.bytes().all(is_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:us-east-1:111111111111:key/60ffbecc-6a79-2ec0-96ea-76fb242a3dfd";

    #[test]
    fn only_arns_of_keys_are_shortened() {
        let many = "arn:aws:kms:eu-west-1:111111111111:key/mrk-1234abcd12ab34cd56ef1234567890ab";
        let table = [
            (
                format!("the policy of {KEY}: x"),
                "the policy of key 60ffbecc: x",
            ),
            (
                format!("({KEY}), `{many}`"),
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
            (
                "arn:aws:ec2:r:1:key/60ffbecc-6a79".to_owned(),
                "arn:aws:ec2:r:1:key/60ffbecc-6a79",
            ),
            (
                "arn:aws:kms:key/60ffbecc-6a79".to_owned(),
                "arn:aws:kms:key/60ffbecc-6a79",
            ),
            (
                "arn:aws:kms:r:1:key/60ffbecc/6a79".to_owned(),
                "arn:aws:kms:r:1:key/60ffbecc/6a79",
            ),
        ];
        for (text, short) in table {
            assert_eq!(KeyNames::default().shorten(&text), short);
        }
    }

    /// The names of keys, each with the alias that the inputs give it.
    fn names(keys: &[(&str, Option<&str>)]) -> Vec<String> {
        let possible = keys
            .iter()
            .map(|(arn, alias)| ((*arn).to_owned(), possible_names(arn, *alias)));
        let names = KeyNames::choose(&possible.collect());
        keys.iter().map(|(arn, _)| names.shorten(arn)).collect()
    }

    #[test]
    fn keys_that_begin_alike_have_longer_names() {
        let alike = KEY.replace("-6a79", "-0000");
        let more_alike = KEY.replace("242a3dfd", "00000000");
        assert_eq!(
            names(&[(KEY, None), (&alike, None)]),
            ["key 60ffbecc-6a79-2ec0", "key 60ffbecc-0000-2ec0"]
        );
        assert_eq!(
            names(&[(KEY, None), (&more_alike, None)]),
            [KEY, &more_alike]
        );
    }

    #[test]
    fn key_has_the_name_that_the_inputs_give_it() {
        let other = KEY
            .replace("us-east-1", "eu-west-1")
            .replace("60ff", "0000");
        let alias = Some("alias/golden");
        assert_eq!(
            names(&[(KEY, alias), (&other, None)]),
            ["key alias/golden", "key 0000becc"]
        );
        assert_eq!(
            names(&[(KEY, alias), (&other, alias)]),
            [
                "key alias/golden in us-east-1",
                "key alias/golden in eu-west-1"
            ]
        );
    }

    #[test]
    fn key_that_no_plan_mentions_takes_no_name_of_another() {
        let possible = BTreeMap::from([(KEY.to_owned(), possible_names(KEY, None))]);
        let names = KeyNames::choose(&possible);
        let alike = KEY.replace("-6a79", "-0000");
        assert_eq!(names.shorten(KEY), "key 60ffbecc");
        assert_eq!(names.shorten(&alike), "key 60ffbecc-0000-2ec0");
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_shortened(text in "(arn:|kms:|:key/|[a-z0-9 é:/-]){0,20}") {
            let _ = KeyNames::default().shorten(&text);
        }
    }
}
