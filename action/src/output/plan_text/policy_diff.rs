//! The change of a key policy as a diff.

use ami_share::plan::PolicyChange;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// This many lines around a change are shown too.
const CONTEXT: usize = 2;

/// The lines that change, with a few around them. A line that only gets or loses the comma after
/// it does not change.
pub(super) fn lines(change: &PolicyChange) -> Vec<String> {
    let (before, after) = (pretty(&change.before), pretty(&change.after));
    let (before, after) = (without_commas(&before), without_commas(&after));
    let diff = TextDiff::from_slices(&before, &after);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(CONTEXT) {
        if !lines.is_empty() {
            lines.push("      …".to_owned());
        }
        for op in &group {
            for change in diff.iter_changes(op) {
                let sign = match change.tag() {
                    ChangeTag::Insert => '+',
                    ChangeTag::Delete => '-',
                    ChangeTag::Equal => ' ',
                };
                lines.push(format!("    {sign} {}", change.value()));
            }
        }
    }
    lines
}

/// The lines without the commas that end them.
fn without_commas(document: &str) -> Vec<&str> {
    let lines = document.lines();
    lines
        .map(|line| line.strip_suffix(',').unwrap_or(line))
        .collect()
}

/// The document with one member on each line; as it is if it is no JSON.
fn pretty(document: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(document).ok();
    let pretty = parsed.and_then(|policy| serde_json::to_string_pretty(&policy).ok());
    pretty.unwrap_or_else(|| document.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_is_shown_by_what_changes_in_it() {
        let before =
            r#"{"Statement":[{"Sid":"a","Principal":{"AWS":["1"]}},{"Sid":"b"},{"Sid":"c"}]}"#;
        let change = PolicyChange {
            before: before.to_owned(),
            after: before.replace(r#"["1"]"#, r#"["1","2"]"#),
        };
        let shown: Vec<String> = lines(&change)
            .iter()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(shown, ["\"AWS\":[", "\"1\"", "+\"2\"", "]", "}"]);
    }
}
