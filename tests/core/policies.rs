//! The files that are generated from the table of permissions, `examples/policies`, match it.

use std::path::PathBuf;

use super::examples::policies::{Account, Kind, all, cloudformation, json, markdown, terraform};

fn path_in_repository(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
}

/// Compares a file with what it should be. `UPDATE_IAM=1 cargo test -p ami-share polic` writes it.
#[expect(
    clippy::disallowed_methods,
    reason = "the variable is set by the person who changed the table"
)]
pub(crate) fn check_file(name: &str, text: &str) {
    let path = path_in_repository(name);
    if std::env::var_os("UPDATE_IAM").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let current = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        current == text,
        "{name} does not match the table: UPDATE_IAM=1 cargo test -p ami-share polic"
    );
}

#[test]
fn iam_documents_match_table() {
    let mut expected = Vec::new();
    for policy in all() {
        let name = format!("{}.json", policy.name);
        let text = json::write_json(&json::build_document(policy));
        check_file(&format!("examples/iam/{name}"), &text);
        expected.push(name);
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path_in_repository("examples/iam")).unwrap() {
        names.push(entry.unwrap().file_name().into_string().unwrap());
    }
    names.sort();
    expected.sort();
    assert_eq!(names, expected);
}

/// The characters that IAM takes for one managed policy, without white space.
const MANAGED_POLICY_SIZE: usize = 6144;

#[test]
fn iam_documents_fit_a_managed_policy() {
    for policy in all() {
        let text = json::build_document(policy).to_string();
        let size = text.chars().filter(|c| !c.is_whitespace()).count();
        assert!(size <= MANAGED_POLICY_SIZE, "{}: {size}", policy.name);
    }
}

#[test]
fn templates_and_modules_match_table() {
    for (side, name) in [(Account::Source, "source"), (Account::Target, "target")] {
        let template = json::write_json(&cloudformation::build_template(side));
        check_file(&format!("examples/cloudformation/{name}.json"), &template);
        let module = terraform::build_module(side);
        check_file(&format!("examples/terraform/{name}/main.tf"), &module);
    }
}

/// Who reads what a thief can do, or which policies to combine, finds each policy there.
#[test]
fn iam_page_has_each_policy_in_both_tables() {
    let page = markdown::build_page();
    for heading in [
        "What a thief of each role can do",
        "Which policies to combine",
    ] {
        let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows: Vec<&str> = section
            .lines()
            .filter(|line| line.starts_with("| "))
            .collect();
        for policy in all() {
            let name = format!("`{}`", policy.name);
            let is_there = rows.iter().any(|row| row.contains(&name));
            let is_for_a_role = policy.kind == Kind::Identity;
            assert!(is_there || !is_for_a_role, "{heading}: no row has {name}");
        }
    }
}

#[test]
fn iam_page_matches_table() {
    check_file("docs/IAM.md", &markdown::build_page());
}
