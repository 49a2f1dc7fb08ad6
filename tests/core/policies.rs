//! The files that are made from the table of permissions, `examples/policies`, are what it says.

use std::path::PathBuf;

use super::table;

fn top(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Compares a file with what it shall be. `UPDATE_IAM=1 cargo test -p ami-share polic` writes it.
#[expect(clippy::disallowed_methods, reason = "asked for by whoever changed the table")]
pub(crate) fn is(name: &str, text: &str) {
    if std::env::var_os("UPDATE_IAM").is_some() {
        std::fs::create_dir_all(top(name).parent().unwrap()).unwrap();
        std::fs::write(top(name), text).unwrap();
    }
    let there = std::fs::read_to_string(top(name)).unwrap_or_default();
    assert!(there == text, "{name} is not what the table says: UPDATE_IAM=1 cargo test -p ami-share polic");
}

#[test]
fn the_documents_of_examples_iam_are_those_of_the_table() {
    for policy in table::all() {
        is(&format!("examples/iam/{}.json", policy.name), &table::json::text(&table::json::document(policy)));
    }
    let mut there: Vec<String> = std::fs::read_dir(top("examples/iam"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut known: Vec<String> = table::all().iter().map(|policy| format!("{}.json", policy.name)).collect();
    there.sort();
    known.sort();
    assert_eq!(there, known);
}
