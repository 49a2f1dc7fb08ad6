//! The report as JSON, and its schema.

use ami_share::Report;
use serde_json::{Map, Value, json};

use super::outcome::Outcome;
use crate::exit::Exit;

/// GitHub limits what outputs may hold; a longer report is shortened there.
const LONGEST_OUTPUT: usize = 64 * 1024;
/// What a long report is shortened by, until it is short enough: first what other outputs and the
/// log say too, errors last.
const SHORTENED: [&str; 11] = [
    "plan",
    "verifications",
    "targets",
    "keys",
    "images",
    "usage",
    "test_instances",
    "published",
    "removed",
    "findings",
    "errors",
];
/// More than what says that a report is shortened takes.
const ROOM_FOR_COUNTS: usize = 512;

/// The members of a report.
pub(super) type Members = Map<String, Value>;

/// How the run ended, and all that it did.
pub(super) fn members(outcome: &Outcome, exit: Exit) -> Members {
    let mut members = Map::from_iter([("ended".to_owned(), exit.as_str().into())]);
    match outcome {
        Outcome::Unplanned(errors) => {
            members.insert("version".to_owned(), Report::VERSION.into());
            members.insert("changed".to_owned(), false.into());
            members.insert("errors".to_owned(), json!(errors));
        }
        Outcome::Planned(report)
        | Outcome::Verified(report)
        | Outcome::Used(report)
        | Outcome::Applied(report) => {
            if let Value::Object(report) = json!(report) {
                members.extend(report);
            }
        }
    }
    members
}

/// The report as an output. One that is too long is shortened: the plan is left out, then entries
/// at the ends of lists, as few as that takes. `left_out` says how many of each.
pub(super) fn shortened(mut report: Members) -> String {
    let mut text = text_of(&report);
    for name in SHORTENED {
        if text.len() <= LONGEST_OUTPUT {
            break;
        }
        let excess = text.len() + ROOM_FOR_COUNTS - LONGEST_OUTPUT;
        leave_out(&mut report, name, excess);
        text = text_of(&report);
    }
    text
}

/// The report as text; its members have names, so nothing of it fails.
fn text_of(report: &Members) -> String {
    serde_json::to_string(report).unwrap_or_default()
}

/// Leaves out of a member what is too much, and counts that.
fn leave_out(report: &mut Members, name: &str, excess: usize) {
    let count = match report.get_mut(name) {
        None => 0,
        Some(Value::Array(entries)) => {
            let before = entries.len();
            let mut freed = 0;
            while freed < excess
                && let Some(entry) = entries.pop()
            {
                freed += entry.to_string().len() + 1;
            }
            before - entries.len()
        }
        Some(_) => {
            report.shift_remove(name);
            1
        }
    };
    if count > 0 {
        report.insert("shortened".to_owned(), true.into());
        let counts = report.entry("left_out").or_insert_with(|| json!({}));
        counts[name] = count.into();
    }
}

/// The JSON Schema of the output `report`: the library's report, how the run ended, and what was
/// left out of it. Without a plan a report has no more than errors.
pub fn report_schema() -> Value {
    let description = "The output `report` of ami-share, and the file at `report-path`. The \
                       version is raised by what could break a reader: a member that is removed, \
                       or changes its type or its meaning. New members, codes and kinds of steps \
                       do not raise it, so ignore what you do not know.";
    let ends: Vec<&str> = Exit::ALL.iter().map(|exit| exit.as_str()).collect();
    let mut schema = Report::schema();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".to_owned(), "ami-share report".into());
        schema.insert("description".to_owned(), description.into());
        let required = json!(["ended", "version", "changed"]);
        schema.insert("required".to_owned(), required);
    }
    let members = schema.pointer_mut("/properties");
    if let Some(members) = members.and_then(Value::as_object_mut) {
        let ended = json!({
            "description": "How the run ended.",
            "type": "string",
            "enum": ends,
        });
        members.shift_insert(0, "ended".to_owned(), ended);
        let version = json!({
            "description": "The version of this form.",
            "const": Report::VERSION,
        });
        members.insert("version".to_owned(), version);
        let shortened = json!({
            "description": "Whether something was left out, because the output would be too long; \
                            the whole report is at `report-path`.",
            "type": "boolean",
        });
        members.insert("shortened".to_owned(), shortened);
        let left_out = json!({
            "description": "How many entries of each list were left out, at its end, and 1 for \
                            `plan`.",
            "type": "object",
            "additionalProperties": { "type": "integer", "minimum": 1 },
        });
        members.insert("left_out".to_owned(), left_out);
        let outputs = json!({
            "description": "The other outputs but `markdown`, by their names, for those who run \
                            it outside GitHub. Only in the file, and with `--json`.",
            "type": "object",
        });
        members.insert("outputs".to_owned(), outputs);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_report(lengths: &[(&str, usize)]) -> Members {
        let mut report = Map::from_iter([("ended".to_owned(), Value::from("done"))]);
        for (name, length) in lengths {
            let value = match *name {
                "plan" => json!({ "steps": "x".repeat(*length) }),
                _ => Value::Array(vec!["x".repeat(98).into(); length / 100]),
            };
            report.insert((*name).to_owned(), value);
        }
        report
    }

    #[test]
    fn short_report_is_whole() {
        let report = build_report(&[("plan", 1_000), ("errors", 60_000)]);
        assert_eq!(shortened(report.clone()), json!(report).to_string());
    }

    #[test]
    fn no_more_is_left_out_than_it_takes() {
        // An entry takes 100 characters, and a comma.
        for (excess, left_out) in [(0, 0), (1, 1), (101, 1), (102, 2), (1_000, 3)] {
            let mut report = build_report(&[("errors", 300)]);
            leave_out(&mut report, "errors", excess);
            let counted = report
                .get("left_out")
                .map_or(0, |it| it["errors"].as_u64().unwrap());
            assert_eq!(counted, left_out, "{excess}");
            assert_eq!(report.contains_key("shortened"), left_out > 0, "{excess}");
        }
        let mut report = build_report(&[]);
        leave_out(&mut report, "errors", 1);
        assert_eq!(report, build_report(&[]));
    }

    #[test]
    fn long_report_is_as_long_as_it_may_be_and_counts_what_it_lacks() {
        let all = SHORTENED.map(|name| (name, 100_000));
        for lengths in [
            vec![("plan", LONGEST_OUTPUT)],
            vec![("plan", 10), ("verifications", 971_000), ("errors", 200)],
            vec![("targets", 40_000), ("keys", 40_000)],
            vec![("errors", 971_000)],
            all.to_vec(),
        ] {
            let report = build_report(&lengths);
            let text = shortened(report.clone());
            assert!(text.len() <= LONGEST_OUTPUT, "{lengths:?}: {}", text.len());
            let short: Members = serde_json::from_str(&text).unwrap();
            assert_eq!(short["shortened"], true);
            let left_out = short["left_out"].as_object().unwrap();
            for (name, value) in &report {
                let of_short = short
                    .get(name)
                    .and_then(Value::as_array)
                    .map_or(0, Vec::len);
                let missing = match value {
                    Value::Array(all) => all.len() - of_short,
                    _ => usize::from(!short.contains_key(name)),
                };
                let counted = left_out.get(name).and_then(Value::as_u64).unwrap_or(0);
                assert_eq!(counted, missing as u64, "{name} of {lengths:?}");
            }
            if !left_out.contains_key("plan") || left_out.len() > 1 {
                assert!(
                    text.len() > LONGEST_OUTPUT - 2 * ROOM_FOR_COUNTS,
                    "{lengths:?}"
                );
            }
        }
    }
}
