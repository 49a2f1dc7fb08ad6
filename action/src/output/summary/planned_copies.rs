//! The copies that a plan would have targets make of shared images.

use std::collections::BTreeMap;

use ami_share::plan::{SharedImage, TargetCopy};
use ami_share::{Plan, Region};

use super::markdown::Markdown;
use crate::output::ending::count;

/// More rows are only in the report.
const MAX_ROWS: usize = 50;
/// A cell names this many accounts; more are counted.
const NAMED: usize = 2;

/// A row for each image, Region and name of copies, with the targets that would make one.
pub(super) fn table(text: &mut Markdown, plan: &Plan) {
    let mut rows: BTreeMap<(String, &Region, &str), Vec<&TargetCopy>> = BTreeMap::new();
    for copy in plan.target_copies().filter(|copy| copy.adopt.is_none()) {
        let key = (
            name_of(&copy.shared),
            &copy.shared.region,
            copy.name.as_str(),
        );
        rows.entry(key).or_default().push(copy);
    }
    if rows.is_empty() {
        return;
    }
    text.push_literal("\n**Copies that targets would make**\n\n");
    let columns = ["image", "Region", "name of the copy", "targets"];
    text.push_row(columns.map(Markdown::literal));
    text.push_row(columns.map(|_| Markdown::literal("---")));
    let left_out = rows.len().saturating_sub(MAX_ROWS);
    for ((image, region, name), copies) in rows.into_iter().take(MAX_ROWS) {
        text.push_row([
            Markdown::text(image),
            Markdown::text(region),
            Markdown::text(name),
            Markdown::text(targets_of(&copies)),
        ]);
    }
    if left_out > 0 {
        text.push_literal("\n");
        text.push(Markdown::text(format!(
            "{left_out} more are in the report."
        )));
        text.push_literal("\n");
    }
    text.end_block();
}

fn name_of(shared: &SharedImage) -> String {
    match &shared.image {
        Some(id) => id.to_string(),
        None => format!("the copy of {}", shared.source.ami),
    }
}

fn targets_of(copies: &[&TargetCopy]) -> String {
    if copies.len() > NAMED {
        return count(copies.len(), "account");
    }
    let accounts = copies.iter().map(|copy| copy.account.to_string());
    accounts.collect::<Vec<_>>().join(", ")
}
