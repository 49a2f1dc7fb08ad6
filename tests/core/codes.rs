//! The codes of findings and errors, and the page `docs/FINDINGS.md` that lists them.

use std::collections::BTreeSet;
use std::path::Path;

use ami_share::diagnostic::{Code, FindingCode, Severity};

const HEAD: &str = "\
# Findings and errors

<!-- Generated from the code: UPDATE_FINDINGS=1 cargo test -p ami-share codes -->

Each finding and each error has a code whose meaning never changes, so that a pipeline can tell
them apart: in the log, in the step summary, and in the [report](report.schema.json).

## Findings

A finding is a problem that shows before anything is changed; a few show only during a run. One
that *refuses* concerns an image, a Region, a key or a target: that part is left out, the others are
done, and the run ends with exit status 1. If nothing is left, or the request as a whole is refused,
the run ends with exit status 3 before it changes anything. One that *warns* is logged, and the run
continues.

| code | severity | what it means | what to do |
|---|---|---|---|
";

const ERRORS: &str = "
## Errors

An error means that something failed: exit status 1, and 4 for `deadline`. The run completes
everything that does not depend on it. The message names the account, the Region and the call, says
what AWS answered, and often says more exactly than this table what to do.

| code | what it means | what to do |
|---|---|---|
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

fn build_page() -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let mut page = HEAD.to_owned();
    for code in FindingCode::ALL {
        let severities = code.severities().iter().map(|severity| match severity {
            Severity::Refuse => "refuses",
            Severity::LeaveOut => "leaves out its part",
            Severity::Warn => "warns",
        });
        let severities = severities.collect::<Vec<_>>().join(" or ");
        let (meaning, remedy) = (cell(code.meaning()), cell(code.remedy()));
        page += &format!("| `{code}` | {severities} | {meaning} | {remedy} |\n");
    }
    page += ERRORS;
    for code in Code::ALL {
        let (meaning, remedy) = (cell(code.meaning()), cell(code.remedy()));
        page += &format!("| `{code}` | {meaning} | {remedy} |\n");
    }
    page
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the variable is set by the person who changed a code"
)]
fn findings_page_matches_codes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/FINDINGS.md");
    if std::env::var_os("UPDATE_FINDINGS").is_some() {
        std::fs::write(&path, build_page()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(page, build_page(), "UPDATE_FINDINGS=1 writes it anew");
}
