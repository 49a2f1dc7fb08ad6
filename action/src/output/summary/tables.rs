//! The tables of a summary: each image in its Regions, the keys, the target accounts.

mod images;
mod keys;
mod launch_templates;
mod targets;

use std::collections::BTreeSet;

use super::markdown::Markdown;
use crate::output::principal_name::{list_or_count, short_names};

pub(super) use images::images;
pub(super) use keys::keys;
pub(super) use launch_templates::launch_templates;
pub(super) use targets::targets;

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

/// A cell with the names of images, roles or groups.
fn cell<T: ToString>(all: &BTreeSet<T>, noun: &str) -> Markdown {
    Markdown::text(list_or_count(&short_names(all), NAMES_IN_A_CELL, noun))
}

/// A cell with the short names of principals; many are counted.
fn principals_cell<T: ToString>(all: &BTreeSet<T>) -> Markdown {
    let names = short_names(all);
    let is_account = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
    let noun = if names.iter().all(is_account) {
        "account"
    } else {
        "principal"
    };
    Markdown::text(list_or_count(&names, NAMES_IN_A_CELL, noun))
}
