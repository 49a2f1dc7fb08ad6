//! The step summary, in Markdown.

use std::fmt::Write as _;

use ami_share::Report;

use crate::exit::Exit;
use crate::step::Outcome;

pub(crate) fn markdown(outcome: &Outcome, exit: Exit) -> String {
    let heading = match (exit, outcome) {
        (Exit::Done, Outcome::Applied(report)) if report.changed => "shared",
        (Exit::Done, Outcome::Applied(_)) => "already shared",
        (Exit::Done, Outcome::Planned(report)) if report.changed => "plan: sharing would change something",
        (Exit::Done, _) => "plan: nothing to change",
        (Exit::Refused, _) => "refused, nothing was changed",
        (Exit::Deadline, _) => "the deadline passed",
        (Exit::Cancelled, _) => "cancelled",
        (Exit::Failed | Exit::BadInput, _) => "not all was shared",
    };
    let mut text = format!("### ami-share: {heading}\n");
    match outcome {
        Outcome::Unplanned(errors) => {
            errors.iter().for_each(|error| item(&mut text, error.code.as_str(), &error.to_string()));
        }
        Outcome::Planned(report) | Outcome::Applied(report) => tables(&mut text, report),
    }
    text.push('\n');
    text
}

// Writing to a String cannot fail.
fn tables(text: &mut String, report: &Report) {
    text.push_str("\n| image | to launch | copied | accounts that can launch | added now |\n|---|---|---|---|---|\n");
    for image in &report.images {
        let launch = image.image.as_ref().map_or_else(|| "–".to_owned(), |id| format!("`{id}`"));
        let copied = match &image.image {
            _ if image.copied => "now",
            Some(id) if *id == image.source => "no",
            Some(_) => "earlier",
            None => "–",
        };
        let (held, added) = (image.accounts.len(), image.added.len());
        let _ = writeln!(text, "| `{}` | {launch} | {copied} | {held} | {added} |", image.source);
    }
    for key in &report.keys {
        let (held, added) = (key.accounts.len(), key.added.len());
        let _ = writeln!(text, "\nKey `{}`: accounts that can use it: {held}; added now: {added}.", key.key);
    }
    report.findings.iter().for_each(|finding| item(text, finding.code.as_str(), &finding.to_string()));
    report.errors.iter().for_each(|error| item(text, error.code.as_str(), &error.to_string()));
}

fn item(text: &mut String, code: &str, said: &str) {
    let said = said.strip_prefix(code).unwrap_or(said).trim_start_matches([':', ' ']);
    let _ = write!(text, "\n- **{code}** {}\n", escape(said));
}

/// Keeps what AWS and others wrote from being Markdown or HTML of the summary.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\n' | '\r' => escaped.push(' '),
            '|' | '*' | '_' | '[' | ']' | '#' | '!' | '`' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_words_are_no_markdown() {
        assert_eq!(escape("<b>| [x](y)\n"), "&lt;b>\\| \\[x\\](y) ");
    }
}
