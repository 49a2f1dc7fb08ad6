//! The table of keys: who can use which.

use std::collections::BTreeSet;

use ami_share::Report;
use ami_share::plan::Step;
use ami_share::report::KeyReport;

use super::{MAX_ROWS, OPEN_ROWS, Table, change_columns, principals_cell};
use crate::output::key_name::KeyNames;
use crate::output::principal_name::short_name;
use crate::output::summary::console;
use crate::output::summary::markdown::Markdown;

/// The keys that targets need, or lose.
pub(in crate::output::summary) fn keys(text: &mut Markdown, report: &Report, planned: bool) {
    let keys = &report.keys;
    if keys.is_empty() {
        return;
    }
    let [added, removed] = change_columns(planned);
    let names = KeyNames::of(&report.plan);
    let mut rows = Vec::new();
    for key in keys.iter().take(MAX_ROWS) {
        rows.push(key_row(key, &names, report, planned));
    }
    let table = Table {
        title: Markdown::literal("Keys"),
        folded_title: Markdown::text(format!("{} keys", keys.len())),
        folded: keys.len() > OPEN_ROWS,
        columns: vec!["Region", "key", "key access", added, removed],
        rows,
        left_out: (keys.len().saturating_sub(MAX_ROWS), "keys"),
    };
    table.write(text);
}

fn key_row(key: &KeyReport, names: &KeyNames, report: &Report, planned: bool) -> Vec<Markdown> {
    let (mut added, mut removed) = (key.added.clone(), key.removed.clone());
    if planned {
        add_planned_key_changes(key, report, &mut added, &mut removed);
    }
    let principals = key_holders(key, report);
    vec![
        Markdown::text(key.key.region()),
        console::key(&key.key, names),
        principals_cell(&principals),
        principals_cell(&added),
        principals_cell(&removed),
    ]
}

/// Those who have access to a key, by their short names: policies name an organization in another
/// form than inputs do.
fn key_holders(key: &KeyReport, report: &Report) -> BTreeSet<String> {
    let principals = key.principals.iter().map(ToString::to_string);
    let mut holders: BTreeSet<String> = principals.collect();
    holders.extend(key.unlisted.iter().cloned());
    for step in &report.plan.steps {
        if let Step::RemoveKeyAccess(remove) = step
            && remove.key == key.key
        {
            let keepers = remove.kept.iter().chain(remove.in_use.keys());
            holders.extend(keepers.map(ToString::to_string));
        }
    }
    holders.iter().map(|name| short_name(name)).collect()
}

fn add_planned_key_changes(
    key: &KeyReport,
    report: &Report,
    added: &mut BTreeSet<String>,
    removed: &mut BTreeSet<String>,
) {
    for step in &report.plan.steps {
        match step {
            Step::KeyAccess(access) if access.key == key.key => {
                added.extend(access.missing.iter().map(ToString::to_string));
            }
            Step::Grants(grants) if grants.key == key.key => {
                added.extend(grants.missing.iter().map(ToString::to_string));
            }
            Step::RemoveKeyAccess(remove) if remove.key == key.key => {
                removed.extend(remove.principals.iter().map(ToString::to_string));
                removed.extend(remove.grants.values().cloned());
            }
            _ => {}
        }
    }
}
