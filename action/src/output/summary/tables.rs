//! The tables of a summary: each image in its Regions, the keys, the target accounts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ami_share::Report;
use ami_share::id::SourceImage;
use ami_share::plan::Step;
use ami_share::report::ImageReport;

use super::escape;
use crate::output::principal_name::few;

/// Rows of all tables of images together, and of the table of keys.
const ROWS: usize = 600;
/// A table with more rows is folded, and so are all tables beyond the first few.
const OPEN_ROWS: usize = 12;
const OPEN_TABLES: usize = 5;
/// So many are named in a cell of a table.
const NAMED: usize = 2;

/// What was done, or in a plan would be, as a heading of a column.
fn heads(planned: bool) -> (&'static str, &'static str) {
    if planned {
        ("would be added", "would be taken back")
    } else {
        ("added now", "taken back")
    }
}

pub(super) fn images(text: &mut String, report: &Report, planned: bool) {
    let mut tables: BTreeMap<&SourceImage, Vec<&ImageReport>> = BTreeMap::new();
    for image in &report.images {
        tables.entry(&image.source).or_default().push(image);
    }
    let mut rows = ROWS;
    for (number, (source, images)) in tables.iter().enumerate() {
        let (shown, all) = (images.len().min(rows), images.len());
        if shown == 0 {
            let _ = writeln!(
                text,
                "\n{} more images are in the report.",
                tables.len() - number
            );
            break;
        }
        rows -= shown;
        let head = format!("<code>{}</code> in {}", source.ami, source.region);
        let folded = number >= OPEN_TABLES || all > OPEN_ROWS;
        if folded {
            let regions = if all == 1 {
                "1 Region".to_owned()
            } else {
                format!("{all} Regions")
            };
            let _ = writeln!(text, "\n<details><summary>{head}: {regions}</summary>\n");
        } else {
            let _ = writeln!(text, "\n**{head}**\n");
        }
        let (added, removed) = heads(planned);
        let _ = writeln!(
            text,
            "| Region | to launch | copied | can launch | {added} | {removed} | not listed |"
        );
        text.push_str("|---|---|---|---|---|---|---|\n");
        for image in &images[..shown] {
            row(text, image, report, planned);
        }
        if shown < all {
            let _ = writeln!(text, "\n{} more Regions are in the report.", all - shown);
        }
        if folded {
            text.push_str("\n</details>\n");
        }
    }
}

fn row(text: &mut String, image: &ImageReport, report: &Report, planned: bool) {
    let launch = image
        .image
        .as_ref()
        .map_or_else(|| "–".to_owned(), |id| format!("`{id}`"));
    let copied = match &image.image {
        _ if image.copied => "now",
        Some(id) if *id == image.source.ami => "no",
        Some(_) => "earlier",
        None if planned => "would be",
        None => "–",
    };
    let (mut added, mut removed) = (image.added.clone(), image.removed.clone());
    for step in report.plan.steps.iter().filter(|_| planned) {
        match step {
            Step::LaunchPermission(launch)
                if (&launch.shared.source, &launch.shared.region)
                    == (&image.source, &image.region) =>
            {
                added.extend(launch.missing.iter().cloned());
            }
            Step::RemovePermissions(remove)
                if (&remove.source, &remove.region) == (&image.source, &image.region) =>
            {
                removed.extend(remove.principals.iter().cloned());
            }
            _ => {}
        }
    }
    let region = &image.region;
    let cells = [&image.principals, &added, &removed, &image.unlisted].map(cell);
    let _ = writeln!(
        text,
        "| {region} | {launch} | {copied} | {} |",
        cells.join(" | ")
    );
}

fn cell<T: ToString>(who: &BTreeSet<T>) -> String {
    escape(&few(who, NAMED))
}

pub(super) fn keys(text: &mut String, report: &Report, planned: bool) {
    if report.keys.is_empty() {
        return;
    }
    let folded = report.keys.len() > OPEN_ROWS;
    if folded {
        let _ = writeln!(
            text,
            "\n<details><summary>{} keys</summary>",
            report.keys.len()
        );
    }
    let (added, removed) = heads(planned);
    if !folded {
        text.push_str("\n**Keys**\n");
    }
    let _ = writeln!(
        text,
        "\n| Region | key | can use it | {added} | {removed} |\n|---|---|---|---|---|"
    );
    for shared in report.keys.iter().take(ROWS) {
        let (mut added, mut removed) = (shared.added.clone(), shared.removed.clone());
        for step in report.plan.steps.iter().filter(|_| planned) {
            match step {
                Step::KeyAccess(access) if access.key == shared.key => {
                    added.extend(access.missing.iter().map(ToString::to_string));
                }
                Step::Grants(grants) if grants.key == shared.key => {
                    added.extend(grants.missing.iter().map(ToString::to_string));
                }
                Step::RemoveKeyAccess(remove) if remove.key == shared.key => {
                    removed.extend(remove.holders.iter().map(ToString::to_string));
                    removed.extend(remove.grants.values().cloned());
                }
                _ => {}
            }
        }
        let id = shared.key.as_ref().rsplit('/').next().unwrap_or_default();
        let (region, held) = (shared.key.region(), cell(&shared.principals));
        let _ = writeln!(
            text,
            "| {region} | `{id}` | {held} | {} | {} |",
            cell(&added),
            cell(&removed)
        );
    }
    if report.keys.len() > ROWS {
        let _ = writeln!(
            text,
            "\n{} more keys are in the report.",
            report.keys.len() - ROWS
        );
    }
    if folded {
        text.push_str("\n</details>\n");
    }
}

/// What was done in target accounts.
pub(super) fn targets(text: &mut String, report: &Report) {
    if report.targets.is_empty() {
        return;
    }
    let folded = report.targets.len() > OPEN_ROWS;
    if folded {
        let _ = writeln!(
            text,
            "\n<details><summary>In {} target accounts</summary>",
            report.targets.len()
        );
    } else {
        text.push_str("\n**In target accounts**\n");
    }
    text.push_str(
        "\n| target | own copies | copied now | shared AMIs tagged | roles that may launch since \
         this run |\n",
    );
    text.push_str("|---|---|---|---|---|\n");
    for target in report.targets.iter().take(ROWS) {
        let named = target
            .copies
            .iter()
            .take(NAMED)
            .map(|copy| format!("`{}` in {}", copy.image, copy.region));
        let copies = match target.copies.len() {
            0 => "–".to_owned(),
            n if n <= NAMED => named.collect::<Vec<_>>().join(", "),
            n => n.to_string(),
        };
        let now = target.copies.iter().filter(|copy| copy.copied).count();
        let (tagged, roles) = (cell(&target.tagged), cell(&target.roles));
        let _ = writeln!(
            text,
            "| {} | {copies} | {now} | {tagged} | {roles} |",
            target.account
        );
    }
    if report.targets.len() > ROWS {
        let _ = writeln!(
            text,
            "\n{} more targets are in the report.",
            report.targets.len() - ROWS
        );
    }
    if folded {
        text.push_str("\n</details>\n");
    }
}
