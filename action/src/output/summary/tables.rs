//! The tables of a summary: each image in its Regions, the keys, the target accounts.

mod images;
mod keys;
mod launch_templates;

use std::collections::BTreeSet;

use ami_share::Report;
use ami_share::report::CopyReport;

use super::markdown::Markdown;
use crate::output::principal_name::{list_or_count, short_names};

pub(super) use images::images;
pub(super) use keys::keys;
pub(super) use launch_templates::launch_templates;

/// Rows of all tables of images together, and of each other table.
const MAX_ROWS: usize = 600;
/// A table with more rows is folded, and so are the tables of images after the first few.
const OPEN_ROWS: usize = 12;
const OPEN_TABLES: usize = 5;
/// A cell names this many, and otherwise says how many there are.
const NAMES_IN_A_CELL: usize = 2;

/// A table under a title.
struct Table<'a> {
    /// The title, which is the same in Markdown and in HTML.
    title: Markdown,
    /// What the title says if the table is folded.
    folded_title: Markdown,
    folded: bool,
    columns: Vec<&'static str>,
    /// The cells of each row.
    rows: Vec<Vec<Markdown>>,
    /// How many rows were left out, and what they are about.
    left_out: (usize, &'a str),
}

impl Table<'_> {
    fn write(self, text: &mut Markdown) {
        if self.folded {
            text.push_literal("\n<details><summary>");
            text.push(self.folded_title);
            text.push_literal("</summary>\n\n");
        } else {
            text.push_literal("\n**");
            text.push(self.title);
            text.push_literal("**\n\n");
        }
        text.push_row(self.columns.iter().map(|name| Markdown::literal(name)));
        text.push_row(self.columns.iter().map(|_| Markdown::literal("---")));
        for cells in self.rows {
            text.push_row(cells);
        }
        let (left_out, what) = self.left_out;
        if left_out > 0 {
            text.push_literal("\n");
            text.push(Markdown::text(format!(
                "{left_out} more {what} are in the report."
            )));
            text.push_literal("\n");
        }
        if self.folded {
            text.push_literal("\n</details>\n");
        }
        text.end_block();
    }
}

/// The columns of what was changed, or in a dry run would be.
fn change_columns(planned: bool) -> [&'static str; 2] {
    if planned {
        ["would be added", "would be removed"]
    } else {
        ["added now", "removed"]
    }
}

/// What was done in target accounts.
pub(super) fn targets(text: &mut Markdown, report: &Report) {
    let targets = &report.targets;
    if targets.is_empty() {
        return;
    }
    let mut rows = Vec::new();
    for target in targets.iter().take(MAX_ROWS) {
        let mut copies = Vec::new();
        for copy in &target.copies {
            let unfinished = if copy.copied && !copy.available {
                ", not available"
            } else {
                ""
            };
            copies.push(format!("{} in {}{unfinished}", copy.image, copy.region));
        }
        let made = |copy: &&CopyReport| copy.copied && copy.available;
        let copied_now = target.copies.iter().filter(made).count();
        rows.push(vec![
            Markdown::text(&target.account),
            Markdown::text(list_or_count(&copies, NAMES_IN_A_CELL)),
            Markdown::text(copied_now),
            cell(&target.tagged),
            cell(&target.roles),
        ]);
    }
    let table = Table {
        title: Markdown::literal("In target accounts"),
        folded_title: Markdown::text(format!("In {} target accounts", targets.len())),
        folded: targets.len() > OPEN_ROWS,
        columns: vec![
            "target",
            "own copies",
            "copied now",
            "shared AMIs tagged",
            "roles that may launch since this run",
        ],
        rows,
        left_out: (targets.len().saturating_sub(MAX_ROWS), "targets"),
    };
    table.write(text);
}

/// A cell with the names of principals, images or roles.
fn cell<T: ToString>(all: &BTreeSet<T>) -> Markdown {
    Markdown::text(list_or_count(&short_names(all), NAMES_IN_A_CELL))
}
