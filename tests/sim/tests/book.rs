//! The rule book and the tests say the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const RULES: &str = include_str!("../RULES.md");

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A row of the table of rules that are kept.
struct Row<'a> {
    rule: &'a str,
    evidence: &'a str,
    files: &'a str,
    test: &'a str,
}

fn rows() -> Vec<Row<'static>> {
    let cells = |line: &'static str| {
        line.split(" | ")
            .map(|cell| cell.trim_matches(['|', ' ']))
            .collect::<Vec<_>>()
    };
    let rows = RULES
        .lines()
        .filter(|line| line.starts_with('|') && line.contains(|c: char| c.is_ascii_digit()));
    rows.map(cells)
        .filter_map(|cells| match cells[..] {
            [rule, _, evidence, files, test] => Some(Row {
                rule,
                evidence,
                files,
                test,
            }),
            _ => None,
        })
        .collect()
}

/// Numbers in the names of tests, such as `rule_1_5_2_…`.
fn of_tests() -> BTreeSet<String> {
    let mut numbers = BTreeSet::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        numbers.extend(numbers_of_tests(&text));
    }
    numbers
}

/// Only of functions that the test runner runs.
fn numbers_of_tests(text: &str) -> BTreeSet<String> {
    let digits = |part: &&str| part.bytes().all(|b| b.is_ascii_digit());
    let runs = |attribute: &str| attribute.starts_with("#[tokio::test") && attribute.ends_with(']');
    let tests = text
        .lines()
        .zip(text.lines().skip(1))
        .filter(|(attribute, _)| runs(attribute));
    let names = tests.filter_map(|(_, function)| function.strip_prefix("async fn rule_"));
    names
        .map(|name| {
            name.split('_')
                .take_while(digits)
                .collect::<Vec<_>>()
                .join(".")
        })
        .collect()
}

/// Rules that name a test which is not there.
fn untested<'a>(rows: &[Row<'a>], tests: &BTreeSet<String>) -> Vec<&'a str> {
    rows.iter()
        .filter(|row| !tests.contains(row.test))
        .map(|row| row.rule)
        .collect()
}

#[test]
fn a_rule_whose_test_is_missing_or_does_not_run_is_noticed() {
    let (rows, mut tests) = (rows(), of_tests());
    tests.remove("2.9");
    assert_eq!(untested(&rows, &tests), ["2.9"]);
    let text = "#[tokio::test(start_paused = true)]\nasync fn rule_1_1_3_a() \
                {}\n\n#[ignore]\nasync fn rule_2_9_b() {}";
    assert_eq!(numbers_of_tests(text), BTreeSet::from(["1.1.3".to_owned()]));
}

#[test]
fn every_rule_has_a_test_of_its_name_and_every_test_a_rule() {
    let (rows, tests) = (rows(), of_tests());
    assert!(rows.len() > 120, "{}", rows.len());
    assert_eq!(
        untested(&rows, &tests),
        Vec::<&str>::new(),
        "rules whose test is not there"
    );
    for row in &rows {
        let kinds = ["documented", "recorded", "inferred"];
        assert!(
            kinds.iter().any(|kind| row.evidence.starts_with(kind)),
            "R{}: {}",
            row.rule,
            row.evidence
        );
        for file in row.files.split(", ") {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("src")
                .join(file.trim_matches('`'));
            assert!(path.exists(), "R{}: {file}", row.rule);
        }
    }
    let known: BTreeSet<String> = rows.iter().map(|row| row.rule.to_owned()).collect();
    let unknown: Vec<_> = tests.difference(&known).collect();
    assert!(unknown.is_empty(), "tests of no rule: {unknown:?}");
}

/// Every rule that a source cites stands in the book, kept or not.
#[test]
fn every_rule_that_code_cites_is_in_the_book() {
    let numbers: BTreeSet<&str> = RULES
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .collect();
    let mut folders: Vec<_> = ["core/src", "action/src", "tests", "examples"]
        .map(|name| top().join(name))
        .into();
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
    assert!(files > 100 && cited.contains("2.9"));
    let is_known = |number: &str| {
        numbers.contains(number)
            || numbers
                .iter()
                .any(|rule| rule.starts_with(&format!("{number}.")))
    };
    let unknown: Vec<&String> = cited.iter().filter(|number| !is_known(number)).collect();
    assert!(unknown.is_empty(), "not in RULES.md: {unknown:?}");
}

fn citations(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    let number = |word: &str| {
        word.strip_prefix('R')
            .map(|rest| rest.trim_end_matches('.').to_owned())
    };
    let is_number = |text: &String| {
        text.contains('.') && text.split('.').all(|part| part.parse::<u8>().is_ok())
    };
    words.filter_map(number).filter(is_number).collect()
}
