//! The rule book agrees with the tests and the files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const RULES: &str = include_str!("../RULES.md");

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A row of the table of rules that the simulation keeps.
struct Row<'a> {
    rule: &'a str,
    evidence: &'a str,
    files: &'a str,
    test: &'a str,
}

fn rows() -> Vec<Row<'static>> {
    let mut rows = Vec::new();
    for line in RULES.lines() {
        if !line.starts_with('|') || !line.contains(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let mut cells = Vec::new();
        for cell in line.split(" | ") {
            cells.push(cell.trim_matches(['|', ' ']));
        }
        if let [rule, _, evidence, files, test] = cells[..] {
            rows.push(Row {
                rule,
                evidence,
                files,
                test,
            });
        }
    }
    rows
}

/// The numbers in the names of tests, such as `rule_1_5_2_…`.
fn tested_rules() -> BTreeSet<String> {
    let mut numbers = BTreeSet::new();
    for entry in std::fs::read_dir(package().join("tests")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        numbers.extend(numbers_of_tests(&text));
    }
    numbers
}

/// Only of functions that the test runner runs.
fn numbers_of_tests(text: &str) -> BTreeSet<String> {
    let mut numbers = BTreeSet::new();
    for (attribute, function) in text.lines().zip(text.lines().skip(1)) {
        let runs = attribute.starts_with("#[tokio::test") && attribute.ends_with(']');
        let Some(name) = function.strip_prefix("async fn rule_") else {
            continue;
        };
        if runs {
            let is_number = |part: &&str| part.bytes().all(|b| b.is_ascii_digit());
            let parts: Vec<&str> = name.split('_').take_while(is_number).collect();
            numbers.insert(parts.join("."));
        }
    }
    numbers
}

/// The rules that name a test which does not exist.
fn untested<'a>(rows: &[Row<'a>], tests: &BTreeSet<String>) -> Vec<&'a str> {
    let untested = rows.iter().filter(|row| !tests.contains(row.test));
    untested.map(|row| row.rule).collect()
}

#[test]
fn a_rule_without_a_running_test_is_reported() {
    let (rows, mut tests) = (rows(), tested_rules());
    tests.remove("2.9");
    assert_eq!(untested(&rows, &tests), ["2.9"]);
    let text = "#[tokio::test(start_paused = true)]\nasync fn rule_1_1_3_a() \
                {}\n\n#[ignore]\nasync fn rule_2_9_b() {}";
    assert_eq!(numbers_of_tests(text), BTreeSet::from(["1.1.3".to_owned()]));
}

#[test]
fn every_rule_has_a_test_of_its_name_and_every_test_a_rule() {
    let (rows, tests) = (rows(), tested_rules());
    assert!(rows.len() > 120, "{}", rows.len());
    let untested = untested(&rows, &tests);
    assert_eq!(untested, Vec::<&str>::new(), "rules without a test");
    let mut known = BTreeSet::new();
    for row in &rows {
        let (rule, evidence) = (row.rule, row.evidence);
        let kinds = ["documented", "recorded", "inferred"];
        let has_kind = kinds.iter().any(|kind| evidence.starts_with(kind));
        assert!(has_kind, "R{rule}: {evidence}");
        for file in row.files.split(", ") {
            let path = package().join("src").join(file.trim_matches('`'));
            assert!(path.exists(), "R{rule}: {file}");
        }
        known.insert(rule.to_owned());
    }
    let unknown: Vec<_> = tests.difference(&known).collect();
    assert!(unknown.is_empty(), "tests of no rule: {unknown:?}");
}

/// Every rule that a source cites is in the book, simulated or not.
#[test]
fn every_cited_rule_is_in_the_book() {
    let mut numbers = BTreeSet::new();
    for line in RULES.lines() {
        if let Some(row) = line.strip_prefix("| ") {
            numbers.extend(row.split(' ').next());
        }
    }
    let (mut cited, mut files) = (BTreeSet::new(), 0);
    for path in sources() {
        files += 1;
        cited.extend(citations(&std::fs::read_to_string(path).unwrap()));
    }
    assert!(files > 100 && cited.contains("2.9"));
    cited.retain(|number| {
        let section = format!("{number}.");
        let in_section = numbers.iter().any(|rule| rule.starts_with(&section));
        !in_section && !numbers.contains(number.as_str())
    });
    assert!(cited.is_empty(), "not in RULES.md: {cited:?}");
}

/// The Rust files of the workspace.
fn sources() -> Vec<PathBuf> {
    let top = package().join("../..");
    let folders = ["core/src", "action/src", "tests", "examples"];
    let mut folders: Vec<PathBuf> = folders.map(|name| top.join(name)).into();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|kind| kind == "rs") {
                files.push(entry.path());
            }
        }
    }
    files
}

/// The rules that a text cites, such as 1.5.2 for `R1.5.2`.
fn citations(text: &str) -> Vec<String> {
    let mut citations = Vec::new();
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.')) {
        let Some(number) = word.strip_prefix('R') else {
            continue;
        };
        let number = number.trim_end_matches('.');
        let is_number = number.split('.').all(|part| part.parse::<u8>().is_ok());
        if number.contains('.') && is_number {
            citations.push(number.to_owned());
        }
    }
    citations
}
