//! The rule book and the tests say the same.

use std::collections::BTreeSet;

const RULES: &str = include_str!("../RULES.md");
const TESTS: &[&str] = &[
    include_str!("copies.rs"),
    include_str!("images.rs"),
    include_str!("keys.rs"),
    include_str!("launch.rs"),
    include_str!("roles.rs"),
    include_str!("sharing.rs"),
];

/// Numbers at the heads of the table's rows, such as `1.5.2`.
fn of_book() -> BTreeSet<String> {
    let number = |line: &str| line.strip_prefix("| ").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    let is_number = |text: &String| text.starts_with(|c: char| c.is_ascii_digit());
    RULES.lines().filter_map(number).filter(is_number).collect()
}

/// Numbers in the names of tests, such as `rule_1_5_2_…`.
fn of_tests() -> BTreeSet<String> {
    let names = TESTS.iter().flat_map(|text| text.split("async fn rule_").skip(1));
    let number = |name: &str| {
        name.split('_').take_while(|part| part.bytes().all(|b| b.is_ascii_digit())).collect::<Vec<_>>().join(".")
    };
    names.map(number).collect()
}

#[test]
fn every_rule_has_a_test_of_its_name_and_every_test_a_rule() {
    assert!(of_book().len() > 40, "{:?}", of_book());
    assert_eq!(of_book(), of_tests());
}

/// Every rule that a source cites stands in the book.
#[test]
fn every_rule_that_code_cites_is_in_the_book() {
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders: Vec<_> = ["core/src", "action/src", "tests", "examples"].map(|name| top.join(name)).into();
    let (mut cited, mut files) = (BTreeSet::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|kind| kind == "rs") {
                files += 1;
                cited.extend(citations(&std::fs::read_to_string(entry.path()).unwrap()));
            }
        }
    }
    assert!(files > 50 && cited.contains("2.9"));
    let known = |number: &&String| RULES.contains(&format!("| {number} |")) || RULES.contains(&format!("**{number}**"));
    let unknown: Vec<&String> = cited.iter().filter(|number| !known(number)).collect();
    assert!(unknown.is_empty(), "not in RULES.md: {unknown:?}");
}

fn citations(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    let number = |word: &str| word.strip_prefix('R').map(|rest| rest.trim_end_matches('.').to_owned());
    let is_number = |text: &String| text.contains('.') && text.split('.').all(|part| part.parse::<u8>().is_ok());
    words.filter_map(number).filter(is_number).collect()
}
