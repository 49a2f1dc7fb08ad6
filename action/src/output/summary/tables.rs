//! The tables of a summary: each image in its Regions, the keys, the target accounts.

use std::collections::{BTreeMap, BTreeSet};

use ami_share::id::SourceImage;
use ami_share::plan::Step;
use ami_share::report::{ImageReport, KeyReport};
use ami_share::{Principal, Report};

use super::console;
use super::markdown::Markdown;
use crate::output::principal_name::{list_or_count, short_names};

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

/// A table for each image of the request, with a row for each Region.
pub(super) fn images(text: &mut Markdown, report: &Report, planned: bool) {
    let mut tables: BTreeMap<&SourceImage, Vec<&ImageReport>> = BTreeMap::new();
    for image in &report.images {
        tables.entry(&image.source).or_default().push(image);
    }
    let [added, removed] = change_columns(planned);
    let mut rows_left = MAX_ROWS;
    for (number, (source, images)) in tables.iter().enumerate() {
        if rows_left == 0 {
            let more = tables.len() - number;
            text.push_literal("\n");
            text.push(Markdown::text(format!(
                "{more} more images are in the report."
            )));
            text.push_literal("\n");
            break;
        }
        let shown = images.len().min(rows_left);
        rows_left -= shown;
        let place = Markdown::text(format!(" in {}", source.region));
        let id = Markdown::code(&source.ami).then(place);
        // A copy may have another name; the image itself is shared in its own Region.
        let own = images.iter().find(|image| image.region == source.region);
        let title = match own.and_then(|image| image.name.as_ref()) {
            Some(name) => Markdown::text(name).then(Markdown::literal(", ")).then(id),
            None => id,
        };
        let regions = match images.len() {
            1 => Markdown::literal(": 1 Region"),
            count => Markdown::text(format!(": {count} Regions")),
        };
        let mut rows = Vec::new();
        for image in &images[..shown] {
            rows.push(image_row(image, report, planned));
        }
        let table = Table {
            folded_title: title.clone().then(regions),
            title,
            folded: number >= OPEN_TABLES || images.len() > OPEN_ROWS,
            columns: vec![
                "Region",
                "to launch",
                "copied",
                "launch permission",
                added,
                removed,
                "not listed",
            ],
            rows,
            left_out: (images.len() - shown, "Regions"),
        };
        table.write(text);
    }
}

fn image_row(image: &ImageReport, report: &Report, planned: bool) -> Vec<Markdown> {
    let to_launch = match &image.image {
        Some(id) => console::image(id, &image.region),
        None => Markdown::literal("–"),
    };
    let copied = match &image.image {
        _ if image.copied => "now",
        Some(id) if *id == image.source.ami => "no",
        Some(_) => "earlier",
        None if planned => "would be",
        None => "–",
    };
    let (mut added, mut removed) = (image.added.clone(), image.removed.clone());
    if planned {
        add_planned_image_changes(image, report, &mut added, &mut removed);
    }
    vec![
        Markdown::text(&image.region),
        to_launch,
        Markdown::literal(copied),
        cell(&image.principals),
        cell(&added),
        cell(&removed),
        cell(&image.unlisted),
    ]
}

fn add_planned_image_changes(
    image: &ImageReport,
    report: &Report,
    added: &mut BTreeSet<Principal>,
    removed: &mut BTreeSet<Principal>,
) {
    let is_this = |source: &_, region: &_| (&image.source, &image.region) == (source, region);
    for step in &report.plan.steps {
        match step {
            Step::LaunchPermission(launch)
                if is_this(&launch.shared.source, &launch.shared.region) =>
            {
                added.extend(launch.missing.iter().cloned());
            }
            Step::RemovePermissions(remove) if is_this(&remove.source, &remove.region) => {
                removed.extend(remove.principals.iter().cloned());
            }
            _ => {}
        }
    }
}

/// The keys that targets need, or lose.
pub(super) fn keys(text: &mut Markdown, report: &Report, planned: bool) {
    let keys = &report.keys;
    if keys.is_empty() {
        return;
    }
    let [added, removed] = change_columns(planned);
    let mut rows = Vec::new();
    for key in keys.iter().take(MAX_ROWS) {
        rows.push(key_row(key, report, planned));
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

fn key_row(key: &KeyReport, report: &Report, planned: bool) -> Vec<Markdown> {
    let (mut added, mut removed) = (key.added.clone(), key.removed.clone());
    if planned {
        add_planned_key_changes(key, report, &mut added, &mut removed);
    }
    let principals = key_holders(key, report);
    vec![
        Markdown::text(key.key.region()),
        console::key(&key.key, report.plan.key_alias(&key.key)),
        cell(&principals),
        cell(&added),
        cell(&removed),
    ]
}

/// Those who have access to a key: principals of the request, and those who keep it in a revoke.
fn key_holders(key: &KeyReport, report: &Report) -> BTreeSet<String> {
    let mut holders: BTreeSet<String> = key.principals.iter().map(ToString::to_string).collect();
    for step in &report.plan.steps {
        match step {
            Step::RemoveKeyAccess(remove) if remove.key == key.key => {
                let keepers = remove.kept.iter().chain(remove.in_use.keys());
                holders.extend(keepers.map(ToString::to_string));
            }
            Step::KeyAccess(access) if access.key == key.key => {
                holders.extend(access.unlisted.iter().map(ToString::to_string));
            }
            _ => {}
        }
    }
    holders
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
            copies.push(format!("{} in {}", copy.image, copy.region));
        }
        let copied_now = target.copies.iter().filter(|copy| copy.copied).count();
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
