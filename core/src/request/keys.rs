//! The keys to re-encrypt with: one for all Regions, or one for each.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{KeyRef, Region};

/// A message shows the form of `region=key` for this many Regions.
const FEW: usize = 2;

/// One key for all Regions, or one for each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct Keys {
    pub(crate) all: Option<KeyRef>,
    pub(crate) of_region: BTreeMap<Region, KeyRef>,
}

impl Keys {
    /// The key of copies in a Region.
    pub(crate) fn in_region(&self, region: &Region) -> Option<KeyRef> {
        self.of_region
            .get(region)
            .cloned()
            .or_else(|| self.all.as_ref()?.in_region(region))
    }

    pub(crate) fn each(&self) -> impl Iterator<Item = &KeyRef> {
        self.all.iter().chain(self.of_region.values())
    }

    /// What is wrong with the keys for a run in these Regions. Some of them need a key in any case;
    /// if any key is given, so do others.
    pub(crate) fn problems(
        &self,
        regions: &BTreeSet<Region>,
        need_key: &BTreeSet<Region>,
        need_key_with_others: &BTreeSet<Region>,
    ) -> Vec<String> {
        let mut problems = Vec::new();
        if self.all.is_some() && !self.of_region.is_empty() {
            problems.push("either one key for all Regions, or `region=key` for each".to_owned());
        }
        for (region, key) in &self.of_region {
            if key.in_region(region).as_ref() != Some(key) {
                problems.push(format!("`{region}={key}`: this key is not in {region}"));
            }
            if !regions.contains(region) {
                problems.push(format!(
                    "`{region}={key}`: nothing is shared in {region}; add it to `copy-to-regions`"
                ));
            }
        }
        if let Some(key) = &self.all {
            problems.extend(key_elsewhere(key, regions, need_key_with_others));
            if problems.is_empty()
                && regions.len() > 1
                && key.region().is_none()
                && !key.spans_regions()
            {
                let pairs = pairs(regions, None);
                problems.push(format!(
                    "`{key}` is a key of one Region: give one for each, `{pairs}`, or an alias \
                     that exists in each"
                ));
            }
            return problems;
        }
        let keyless = |region: &&Region| !self.of_region.contains_key(*region);
        // The keys that are to be given make others needed, which are told at once.
        let needed = if self.of_region.is_empty() && need_key.is_empty() {
            need_key
        } else {
            need_key_with_others
        };
        for region in needed.iter().filter(keyless) {
            let mut problem = format!("no key is given for {region}: add `{region}=key`");
            if !need_key.contains(region) {
                problem += ", which may be the key that the image has";
            }
            problems.push(problem);
        }
        problems
    }
}

/// What is wrong with one key for all Regions that is not in some of those that need it.
fn key_elsewhere(
    key: &KeyRef,
    regions: &BTreeSet<Region>,
    need_key: &BTreeSet<Region>,
) -> Option<String> {
    let mut lacking = need_key.iter();
    let lacking = lacking.find(|region| key.in_region(region).is_none())?;
    let list = format!("`aws kms list-aliases --region {lacking}` shows those there");
    if regions.len() == 1 {
        return Some(format!(
            "`{key}` is not in {lacking}, where the image is looked for: give a key of {lacking}, \
             or set `aws-region` if the image is elsewhere; {list}"
        ));
    }
    let pairs = pairs(regions, key.region());
    Some(format!(
        "`{key}` is not in {lacking}: each Region needs a key of its own, `{pairs}`; {list}"
    ))
}

/// How a key is given for each of a few Regions, one of which has `this key`.
fn pairs(regions: &BTreeSet<Region>, home: Option<&Region>) -> String {
    let mut pairs = Vec::new();
    for region in regions.iter().take(FEW) {
        let key = if Some(region) == home {
            "THIS-KEY"
        } else {
            "KEY"
        };
        pairs.push(format!("{region}={key}"));
    }
    if regions.len() > FEW {
        pairs.push("…".to_owned());
    }
    pairs.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
    const MRK: &str = "arn:aws:kms:us-east-1:111122223333:key/mrk-1234567890abcdef1234567890abcdef";

    fn regions(names: &[&str]) -> BTreeSet<Region> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn keys(all: Option<&str>, pairs: &[(&str, &str)]) -> Keys {
        let of_region = pairs
            .iter()
            .map(|(region, key)| (region.parse().unwrap(), key.parse().unwrap()))
            .collect();
        Keys {
            all: all.map(|key| key.parse().unwrap()),
            of_region,
        }
    }

    #[test]
    fn every_region_needs_a_key_in_it() {
        let (home, two) = (
            regions(&["us-east-1"]),
            regions(&["us-east-1", "eu-west-1"]),
        );
        let (away, none) = (regions(&["eu-west-1"]), regions(&[]));
        let arn = format!("arn:aws:kms:us-east-1:111122223333:key/{ID}");
        let both = [("us-east-1", ID), ("eu-west-1", "alias/x")];
        // keys, Regions of the run, Regions to copy to, how many problems
        let table = [
            (keys(None, &[]), &home, &none, 0),
            (keys(None, &[]), &two, &away, 2),
            (keys(Some("alias/x"), &[]), &two, &away, 0),
            (keys(Some(MRK), &[]), &two, &away, 0),
            (keys(Some(&arn), &[]), &home, &none, 0),
            (keys(Some(&arn), &[]), &two, &away, 1),
            (keys(Some(ID), &[]), &two, &away, 1),
            (keys(None, &both), &two, &away, 0),
            (keys(None, &both[..1]), &two, &away, 1),
            (keys(None, &both), &home, &none, 1),
            (
                keys(None, &[("eu-west-1", arn.as_str()), ("us-east-1", ID)]),
                &two,
                &away,
                1,
            ),
            (keys(Some("alias/x"), &both), &two, &away, 1),
        ];
        for (keys, run, copy_to, problems) in table {
            let found = keys.problems(run, copy_to, run);
            assert_eq!(found.len(), problems, "{keys:?}: {found:?}");
        }
    }

    #[test]
    fn region_that_needs_no_key_may_have_none() {
        let (two, away) = (
            regions(&["us-east-1", "eu-west-1"]),
            regions(&["eu-west-1"]),
        );
        for (given, problems) in [("us-east-1", 1), ("eu-west-1", 0), ("eu-north-1", 2)] {
            let keys = keys(None, &[(given, "alias/x")]);
            let found = keys.problems(&two, &away, &away);
            assert_eq!(found.len(), problems, "{keys:?}: {found:?}");
        }
    }

    #[test]
    fn multi_region_key_is_named_by_its_replica() {
        let there = keys(Some(MRK), &[])
            .in_region(&"eu-west-1".parse().unwrap())
            .unwrap();
        assert_eq!(there.to_string(), MRK.replace("us-east-1", "eu-west-1"));
    }
}
