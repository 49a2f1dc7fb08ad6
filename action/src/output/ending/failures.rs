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

/// `2 errors: access.denied in 222222222222, us-east-1; deadline`, each code once.
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
    let mut texts: Vec<String> = codes.iter().take(MAX_CODES).map(describe).collect();
    if let Some(more) = codes.len().checked_sub(MAX_CODES).filter(|more| *more > 0) {
        texts.push(format!("and {}", count(more, "more code")));
    }
    format!("{}: {}", count(errors.len(), "error"), texts.join("; "))
}

fn describe((code, places): (&&str, &Places<'_>)) -> String {
    let mut text = (*code).to_owned();
    if places.errors > 1 {
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
