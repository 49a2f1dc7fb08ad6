//! The launch templates of targets that are to have a version with an image.

use ami_share::Report;
use ami_share::plan::ImageOfVersion;

use super::{MAX_ROWS, OPEN_ROWS, Table};
use crate::output::summary::markdown::Markdown;

/// What launches get by each launch template now, and what they got before.
pub(in super::super) fn launch_templates(text: &mut Markdown, report: &Report, planned: bool) {
    let templates = &report.launch_templates;
    if templates.is_empty() {
        return;
    }
    let mut rows = Vec::new();
    for template in templates.iter().take(MAX_ROWS) {
        let which = if template.is_default {
            "default"
        } else {
            "newest"
        };
        let change = match &template.previous {
            None => "–".to_owned(),
            Some(_) if planned => template
                .image
                .as_ref()
                .map_or_else(|| "a copy to be made".to_owned(), ToString::to_string),
            Some(previous) => describe(previous),
        };
        rows.push(vec![
            Markdown::text(&template.account),
            Markdown::text(&template.region),
            Markdown::text(&template.name),
            Markdown::text(format!("{which} {}", describe(&template.current))),
            Markdown::text(change),
        ]);
    }
    let change = if planned { "would get" } else { "instead of" };
    let table = Table {
        title: Markdown::literal("Launch templates"),
        folded_title: Markdown::text(format!("{} launch templates", templates.len())),
        folded: templates.len() > OPEN_ROWS,
        columns: vec![
            "target",
            "Region",
            "launch template",
            "launches get",
            change,
        ],
        rows,
        left_out: (templates.len().saturating_sub(MAX_ROWS), "launch templates"),
    };
    table.write(text);
}

fn describe(version: &ImageOfVersion) -> String {
    let image = version.image.as_ref();
    let image = image.map(|image| format!(": {image}")).unwrap_or_default();
    format!("version {}{image}", version.version)
}
