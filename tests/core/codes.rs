//! The codes of findings and errors, and the page `docs/FINDINGS.md` that lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ami_share::diagnostic::{Code, FindingCode, Severity};

use super::{errors, findings};

const HEAD: &str = "\
# Findings and errors

<!-- Generated from the code: UPDATE_FINDINGS=1 cargo test -p ami-share codes -->

Each finding and each error has a code whose meaning never changes, so that a pipeline can tell
them apart: in the log, in the step summary, and in the [report](report.schema.json). Each example
is what a run said in a test.

";

const FINDINGS: &str = "
## Findings

A finding is a problem that shows before anything is changed; a few show only during a run. One
that *refuses* concerns an image, a Region, a key or a target: that part is left out, the others are
done, and the run ends with exit status 1. If nothing is left, or the request as a whole is refused,
the run ends with exit status 3 before it changes anything. One that *warns* is logged, and the run
continues.
";

const ERRORS: &str = "
## Errors

An error means that something failed: exit status 1, 4 for `deadline`, and 3 for `plan.refused`. The
run completes everything that does not depend on it. The message names the account, the Region and
the call, and says what AWS answered. [AWS-ERRORS.md](AWS-ERRORS.md) has AWS's answers that people meet most.
";

#[test]
fn codes_are_unique_and_have_meaning_and_remedy() {
    let mut codes = BTreeSet::new();
    for code in FindingCode::ALL {
        check_code(code.as_str(), code.meaning(), code.remedy());
        assert!(codes.insert(code.as_str()), "{code} appears twice");
    }
    for code in Code::ALL {
        check_code(code.as_str(), code.meaning(), code.remedy());
        assert!(codes.insert(code.as_str()), "{code} appears twice");
    }
}

fn check_code(code: &str, meaning: &str, remedy: &str) {
    let is_kebab_case = |b: u8| b.is_ascii_lowercase() || b == b'-' || b == b'.';
    assert!(code.bytes().all(is_kebab_case), "{code}");
    let is_upper = |text: &str| text.starts_with(|c: char| c.is_ascii_uppercase());
    assert!(
        meaning.ends_with('.') && is_upper(meaning),
        "{code}: {meaning}"
    );
    // A remedy follows `What to do: ` in a sentence.
    assert!(
        !remedy.ends_with('.') && !is_upper(remedy),
        "{code}: {remedy}"
    );
}

/// Messages by code. Of several, the shortest and first in the alphabet: which one a run says first
/// is left to chance.
type Examples = BTreeMap<&'static str, String>;

/// The longest word that says something to a reader.
const LONGEST_WORD: usize = 200;

fn add_example(examples: &mut Examples, code: &'static str, message: &str) {
    // What to do is said once, after the message.
    assert!(!message.contains("What to do: "), "{code}: {message}");
    let words = message.split_whitespace().map(|word| match word.find('Z') {
        // What time it is differs from run to run.
        Some(end) if word.starts_with("20") && word.contains('T') => {
            format!("2026-01-31T12:00:00{}", &word[end..])
        }
        // What AWS encodes.
        _ if word.len() > LONGEST_WORD => "…".to_owned(),
        _ => name_made_id(word).unwrap_or_else(|| word.to_owned()),
    });
    let mut words: Vec<String> = words.collect();
    // How far a copy has come depends on when the run looks.
    if words.last().is_some_and(|last| last == "%") {
        let number = words.len() - 2;
        "40".clone_into(&mut words[number]);
    }
    let message = words.join(" ");
    let known = examples.entry(code).or_insert_with(|| message.clone());
    if (message.len(), &message) < (known.len(), known) {
        *known = message;
    }
}

/// An ID of a kind that AWS draws anew in each run, as one that stays.
fn name_made_id(word: &str) -> Option<String> {
    let mut kinds = ["i-", "sg-"].iter();
    let (kind, rest) = kinds.find_map(|kind| Some((kind, word.strip_prefix(kind)?)))?;
    let end = rest
        .find(|c: char| !c.is_ascii_hexdigit())
        .unwrap_or(rest.len());
    (end == 17).then(|| format!("{kind}0123456789abcdef0{}", &rest[end..]))
}

async fn collect_examples() -> Examples {
    let mut examples = Examples::new();
    for finding in &findings::collect_all().await.findings {
        add_example(&mut examples, finding.code.as_str(), &finding.message);
    }
    for error in errors::collect_all().await {
        let mut text = error.message.clone();
        if let Some(aws) = &error.aws {
            text += &format!(". AWS said: {aws}");
        }
        add_example(&mut examples, error.code.as_str(), &text);
    }
    examples
}

fn build_page(examples: &Examples) -> String {
    let codes = FindingCode::ALL.iter().map(|code| code.as_str());
    let mut page = HEAD.to_owned() + "Findings: " + &link_codes(codes) + ".\n\nErrors: ";
    page += &link_codes(Code::ALL.iter().map(|code| code.as_str()));
    page += ".\n";
    page += FINDINGS;
    for code in FindingCode::ALL {
        let severities = code.severities().iter().map(|severity| match severity {
            Severity::Refuse => "refuses",
            Severity::LeaveOut => "leaves out its part",
            Severity::Warn => "warns",
        });
        let severities = severities.collect::<Vec<_>>().join(" or ");
        let meaning = format!("*It {severities}.* {}", code.meaning());
        page += &build_section(code.as_str(), &meaning, code.remedy(), examples);
    }
    page += ERRORS;
    for code in Code::ALL {
        page += &build_section(code.as_str(), code.meaning(), code.remedy(), examples);
    }
    page
}

/// The codes as links to their sections.
fn link_codes(codes: impl Iterator<Item = &'static str>) -> String {
    let links = codes.map(|code| format!("[{code}](#{})", code.replace('.', "")));
    links.collect::<Vec<_>>().join(",\n")
}

/// A code under a heading, so that the log and the summary can link to it.
fn build_section(code: &str, meaning: &str, remedy: &str, examples: &Examples) -> String {
    let example = &examples[code];
    format!("\n### `{code}`\n\n{meaning}\n\n```text\n{example}\n```\n\nWhat to do: {remedy}.\n")
}

#[tokio::test(start_paused = true)]
#[expect(
    clippy::disallowed_methods,
    reason = "the variable is set by the person who changed a code"
)]
async fn findings_page_matches_codes() {
    let expected = build_page(&collect_examples().await);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/FINDINGS.md");
    if std::env::var_os("UPDATE_FINDINGS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(page, expected, "UPDATE_FINDINGS=1 writes it anew");
}
