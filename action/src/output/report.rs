//! The report as JSON, and its schema.

use ami_share::Report;
use serde_json::{Map, Value, json};

use super::outcome::Outcome;
use crate::exit::Exit;

/// GitHub limits what outputs may hold; a longer report is shortened there.
const LONGEST_OUTPUT: usize = 64 * 1024;

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
        Outcome::Planned(report) | Outcome::Verified(report) | Outcome::Applied(report) => {
            if let Value::Object(report) = json!(report) {
                members.extend(report);
            }
        }
    }
    members
}

/// The report as an output: without its longest members if it is too long.
pub(super) fn shortened(mut report: Members) -> String {
    for dropped in ["plan", "keys", "images", "findings", "errors", "removed"] {
        let text = json!(report).to_string();
        if text.len() <= LONGEST_OUTPUT {
            return text;
        }
        report.insert("shortened".to_owned(), Value::Bool(true));
        report.shift_remove(dropped);
    }
    json!(report).to_string()
}

/// The JSON Schema of the output `report`: the library's report, how the run ended, and whether it
/// was shortened. Without a plan a report has no more than errors, and a shortened one lacks its
/// longest members.
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
            "description": "Whether the longest members were left out; the whole report is at \
                            `report-path`.",
            "type": "boolean",
        });
        members.insert("shortened".to_owned(), shortened);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_report_is_shortened_and_says_so() {
        let report = |length: usize| {
            let mut report = Map::from_iter([("ended".to_owned(), Value::from("done"))]);
            report.insert("plan".to_owned(), "x".repeat(length).into());
            report
        };
        assert!(shortened(report(1000)).contains("plan"));
        assert_eq!(
            shortened(report(LONGEST_OUTPUT)),
            r#"{"ended":"done","shortened":true}"#
        );
    }
}
