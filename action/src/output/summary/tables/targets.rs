//! The tables of target accounts: what was done there, where targets with the same are one row, and
//! which copy each has.

use std::collections::{BTreeMap, BTreeSet};

use ami_share::report::{CopyReport, TargetReport};
use ami_share::{AmiId, Region, Report};

use super::{MAX_ROWS, NAMES_IN_A_CELL, OPEN_ROWS, Table, cell};
use crate::output::ending::count;
use crate::output::principal_name::{list_with_count, role_name};
use crate::output::summary::console;
use crate::output::summary::markdown::Markdown;

/// What is the same of all targets in a row.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Done<'a> {
    /// How many copies there are, by Region and state.
    copies: BTreeMap<(&'a Region, &'static str), usize>,
    tagged: &'a BTreeSet<AmiId>,
    roles: BTreeSet<&'a str>,
}

impl<'a> Done<'a> {
    fn of(target: &'a TargetReport) -> Self {
        let mut copies = BTreeMap::new();
        for copy in &target.copies {
            *copies.entry((&copy.region, state(copy))).or_default() += 1;
        }
        Self {
            copies,
            tagged: &target.tagged,
            roles: target.roles.iter().map(|role| role_name(role)).collect(),
        }
    }

    fn copies_cell(&self, targets: usize) -> Markdown {
        let mut texts = Vec::new();
        for ((region, state), copies) in &self.copies {
            texts.push(format!(
                "{} in {region}, {state}",
                count(copies * targets, "copy")
            ));
        }
        match texts.as_slice() {
            [] => Markdown::literal("–"),
            texts => Markdown::text(texts.join("; ")),
        }
    }
}

fn state(copy: &CopyReport) -> &'static str {
    match (copy.copied, copy.available) {
        (true, true) => "made now",
        (true, false) => "begun, not available",
        (false, _) => "made earlier",
    }
}

/// What was done in target accounts.
pub(in crate::output::summary) fn targets(text: &mut Markdown, report: &Report) {
    let mut targets: Vec<&TargetReport> = report.targets.iter().collect();
    if targets.is_empty() {
        return;
    }
    targets.sort_by_key(|target| &target.account);
    let mut rows: BTreeMap<Done<'_>, Vec<&TargetReport>> = BTreeMap::new();
    for target in &targets {
        rows.entry(Done::of(target)).or_default().push(target);
    }

    // Columns without anything in them only make the table wider.
    let has_copies = rows.keys().any(|done| !done.copies.is_empty());
    let has_tags = rows.keys().any(|done| !done.tagged.is_empty());
    let has_roles = rows.keys().any(|done| !done.roles.is_empty());
    let mut columns = vec!["target"];
    columns.extend(has_copies.then_some("own copies"));
    columns.extend(has_tags.then_some("shared AMIs tagged"));
    columns.extend(has_roles.then_some("roles that may launch since this run"));

    let left_out = rows.len().saturating_sub(MAX_ROWS);
    let mut cells = Vec::new();
    for (done, same) in rows.iter().take(MAX_ROWS) {
        let accounts: Vec<&str> = same.iter().map(|target| target.account.as_ref()).collect();
        let mut row = vec![Markdown::text(list_with_count(&accounts, "account"))];
        row.extend(has_copies.then(|| done.copies_cell(same.len())));
        row.extend(has_tags.then(|| cell(done.tagged, "AMI")));
        row.extend(has_roles.then(|| cell(&done.roles, "role")));
        cells.push(row);
    }
    let table = Table {
        title: Markdown::literal("In target accounts"),
        folded_title: Markdown::text(format!("In {}", count(targets.len(), "target account"))),
        folded: rows.len() > OPEN_ROWS,
        columns,
        rows: cells,
        left_out: (left_out, "rows"),
    };
    table.write(text);
    copies(text, &targets);
}

/// Which copy each target has; folded unless it is short.
fn copies(text: &mut Markdown, targets: &[&TargetReport]) {
    let mut rows = Vec::new();
    for target in targets {
        for copy in &target.copies {
            rows.push(vec![
                Markdown::text(&target.account),
                Markdown::text(&copy.region),
                console::image(&copy.image, &copy.region),
                Markdown::text(state(copy)),
            ]);
        }
    }
    if rows.is_empty() {
        return;
    }
    let number = rows.len();
    rows.truncate(MAX_ROWS);
    let table = Table {
        title: Markdown::literal("Copies of targets"),
        folded_title: Markdown::text(count(number, "copy") + " of targets"),
        folded: number > NAMES_IN_A_CELL,
        columns: vec!["target", "Region", "AMI", "copy"],
        rows,
        left_out: (number.saturating_sub(MAX_ROWS), "copies"),
    };
    table.write(text);
}
