//! Many errors in few words.

use std::collections::{BTreeMap, BTreeSet};

use ami_share::Error;

use super::count;

/// This many codes are named.
const MAX_CODES: usize = 5;
/// This many accounts or Regions of a code are named; more are counted.
const MAX_PLACES: usize = 3;

/// Where the errors of one code are.
#[derive(Default)]
struct Places<'a> {
    errors: usize,
    accounts: BTreeSet<&'a str>,
    regions: BTreeSet<&'a str>,
}

/// `3 errors: access.denied (2 times) in 222222222222, us-east-1; deadline`, each code once.
pub(super) fn summed(errors: &[Error]) -> String {
    if errors.is_empty() {
        return String::new();
    }
    let mut codes: BTreeMap<&str, Places<'_>> = BTreeMap::new();
    for error in errors {
        let places = codes.entry(error.code.as_str()).or_default();
        places.errors += 1;
        places
            .accounts
            .extend(error.account.as_ref().map(AsRef::<str>::as_ref));
        places
            .regions
            .extend(error.region.as_ref().map(AsRef::<str>::as_ref));
    }
    // How often one code alone comes is said at the beginning.
    let is_counted = codes.len() > 1;
    let named = codes.iter().take(MAX_CODES);
    let mut texts: Vec<String> = named
        .map(|(code, places)| describe(code, places, is_counted))
        .collect();
    if let Some(more) = codes.len().checked_sub(MAX_CODES).filter(|more| *more > 0) {
        texts.push(format!("and {}", count(more, "more code")));
    }
    format!("{}: {}", count(errors.len(), "error"), texts.join("; "))
}

fn describe(code: &str, places: &Places<'_>, is_counted: bool) -> String {
    let mut text = code.to_owned();
    if is_counted && places.errors > 1 {
        text += &format!(" ({} times)", places.errors);
    }
    let accounts = named(&places.accounts, "account");
    let regions = named(&places.regions, "Region");
    let named: Vec<String> = [accounts, regions].into_iter().flatten().collect();
    if !named.is_empty() {
        text += &format!(" in {}", named.join(", "));
    }
    text
}

/// A few places by name, more by their number.
fn named(places: &BTreeSet<&str>, noun: &str) -> Option<String> {
    match places.len() {
        0 => None,
        many if many > MAX_PLACES => Some(count(many, noun)),
        _ => Some(places.iter().copied().collect::<Vec<_>>().join(", ")),
    }
}
