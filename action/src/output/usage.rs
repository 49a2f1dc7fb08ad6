//! Who uses the images: a table in the log and in the summary, with what AWS's reports leave out.

use std::time::Duration;

use ami_share::report::ImageUsage;
use ami_share::{AccountId, Report};

use super::summary::markdown::Markdown;

const COLUMNS: [&str; 6] = ["image", "Region", "account", "used by", "count", "report"];
/// Rows of the summary's table; the report has all.
const MAX_ROWS: usize = 600;

/// What AWS's reports are like.
pub(crate) const LIMITS: &str = "AWS's usage reports count at most 200 other accounts for an \
                                 image, and the 20 newest versions of each launch template; they \
                                 lack instances of the last 24 hours and launch templates of the \
                                 last few days. The owner's own use is as of now";

/// The lines of the log: the table in columns, then what it leaves out.
pub(crate) fn lines(report: &Report) -> Vec<String> {
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    rows.extend(all_rows(report));
    let mut widths = [0; COLUMNS.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut lines = Vec::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line += &format!("{cell:width$}  ");
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.push(format!("{LIMITS}."));
    lines
}

/// The table of the summary.
pub(super) fn table(text: &mut Markdown, report: &Report) {
    if report.usage.is_empty() {
        return;
    }
    let rows: Vec<_> = all_rows(report).collect();
    text.push_literal("\n");
    text.push_row(COLUMNS.map(Markdown::literal));
    text.push_row(COLUMNS.map(|_| Markdown::literal("---")));
    for row in rows.iter().take(MAX_ROWS) {
        text.push_row(row.iter().map(Markdown::text));
    }
    text.push_literal("\n");
    if rows.len() > MAX_ROWS {
        let more = rows.len() - MAX_ROWS;
        text.push(Markdown::text(format!(
            "{more} more rows are in the report. "
        )));
    }
    text.push(Markdown::text(format!("{LIMITS}.")));
    text.push_literal("\n");
    text.end_block();
}

fn all_rows(report: &Report) -> impl Iterator<Item = [String; 6]> {
    let owner = &report.plan.account;
    report.usage.iter().flat_map(|usage| rows_of(usage, owner))
}

/// A row for each account and type of resource; one for an image that nobody uses.
fn rows_of(usage: &ImageUsage, owner: &AccountId) -> Vec<[String; 6]> {
    let age = humantime::format_duration(Duration::from_secs(usage.age));
    let covers = if usage.complete {
        ""
    } else {
        ", not all accounts"
    };
    let age = format!("{age} old{covers}");
    let row = |account: &str, kind: &str, count: String, age: String| {
        let (image, region) = (usage.image.to_string(), usage.region.to_string());
        [
            image,
            region,
            account.to_owned(),
            kind.to_owned(),
            count,
            age,
        ]
    };
    let mut rows = Vec::new();
    for used in &usage.accounts {
        // The report does not have the owner's own use, which is read beside it.
        let age = if used.account == *owner {
            "as of now".to_owned()
        } else {
            age.clone()
        };
        let (account, count) = (used.account.as_ref(), used.count.to_string());
        rows.push(row(account, &used.resource_type, count, age));
    }
    if rows.is_empty() {
        let nobody = if usage.complete { "none" } else { "none known" };
        rows.push(row(nobody, "–", "–".to_owned(), age));
    }
    rows
}
