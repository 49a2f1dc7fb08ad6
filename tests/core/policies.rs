//! The files that are made from the table of permissions, `examples/policies`, are what it says.

use std::path::PathBuf;

use super::table::{self, Account};

fn top(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
}

/// Compares a file with what it shall be. `UPDATE_IAM=1 cargo test -p ami-share polic` writes it.
#[expect(
    clippy::disallowed_methods,
    reason = "asked for by whoever changed the table"
)]
pub(crate) fn is(name: &str, text: &str) {
    if std::env::var_os("UPDATE_IAM").is_some() {
        std::fs::create_dir_all(top(name).parent().unwrap()).unwrap();
        std::fs::write(top(name), text).unwrap();
    }
    let there = std::fs::read_to_string(top(name)).unwrap_or_default();
    assert!(
        there == text,
        "{name} is not what the table says: UPDATE_IAM=1 cargo test -p ami-share polic"
    );
}

#[test]
fn the_documents_of_examples_iam_are_those_of_the_table() {
    for policy in table::all() {
        is(
            &format!("examples/iam/{}.json", policy.name),
            &table::json::text(&table::json::document(policy)),
        );
    }
    let mut there: Vec<String> = std::fs::read_dir(top("examples/iam"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut known: Vec<String> = table::all()
        .iter()
        .map(|policy| format!("{}.json", policy.name))
        .collect();
    there.sort();
    known.sort();
    assert_eq!(there, known);
}

/// What IAM takes for one managed policy, white space apart.
const MANAGED: usize = 6144;

#[test]
fn each_document_fits_a_managed_policy() {
    for policy in table::all() {
        let text = table::json::document(policy).to_string();
        let size = text.chars().filter(|c| !c.is_whitespace()).count();
        assert!(size <= MANAGED, "{}: {size}", policy.name);
    }
}

#[test]
fn the_templates_and_modules_are_those_of_the_table() {
    for (side, name) in [(Account::Source, "source"), (Account::Target, "target")] {
        let template = table::json::text(&table::cloudformation::template(side));
        is(&format!("examples/cloudformation/{name}.json"), &template);
        is(
            &format!("examples/terraform/{name}/main.tf"),
            &table::terraform::module(side),
        );
    }
}

#[test]
fn the_page_about_iam_is_that_of_the_table() {
    is("docs/IAM.md", &table::markdown::page());
}
