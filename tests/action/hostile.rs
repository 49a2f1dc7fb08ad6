//! Answers that AWS does not give: endless, cut off, of another service, nested, out of range. Each
//! is one error with a code, and nothing counts as done.

mod fake;

use fake::{Fake, Hostile};

use super::support::*;

/// Of address space, which is more than a run has in memory, in KiB.
const MOST_MEMORY: &str = "400000";

const XML_LIST: &str = "DescribeImages";
const XML_CHANGE: &str = "ModifyImageAttribute";
const JSON_READ: &str = "TrentService.GetKeyPolicy";
const JSON_CHANGE: &str = "TrentService.PutKeyPolicy";
const JSON_LIST: &str = "TrentService.ListGrants";

/// Which answer to which call ends a run with which code.
const TABLE: &[(&str, Hostile, &str)] = &[
    (XML_LIST, Hostile::Endless, "aws.unexpected"),
    (XML_LIST, Hostile::ManyElements, "aws.unexpected"),
    (XML_LIST, Hostile::EndlessTokens, "aws.unexpected"),
    (XML_LIST, Hostile::RepeatedToken, "aws.unexpected"),
    (XML_LIST, Hostile::CutOff, "endpoint.unreachable"),
    (XML_LIST, Hostile::CutXml, "aws.unexpected"),
    (XML_LIST, Hostile::Empty, "aws.unexpected"),
    (XML_LIST, Hostile::Page, "aws.unexpected"),
    (XML_LIST, Hostile::ErrorBody, "aws.unexpected"),
    (XML_LIST, Hostile::Redirect, "aws.unexpected"),
    (XML_LIST, Hostile::Deep, "aws.unreadable"),
    (XML_LIST, Hostile::OutOfRange, "aws.unreadable"),
    (XML_CHANGE, Hostile::Endless, "aws.unexpected"),
    (XML_CHANGE, Hostile::CutOff, "endpoint.unreachable"),
    (XML_CHANGE, Hostile::Empty, "aws.unexpected"),
    (XML_CHANGE, Hostile::Page, "aws.unexpected"),
    (XML_CHANGE, Hostile::ErrorBody, "aws.unexpected"),
    (XML_CHANGE, Hostile::Redirect, "aws.unexpected"),
    (XML_CHANGE, Hostile::NotDone, "aws.unexpected"),
    (JSON_READ, Hostile::Endless, "aws.unexpected"),
    (JSON_READ, Hostile::CutOff, "endpoint.unreachable"),
    (JSON_READ, Hostile::Empty, "aws.unreadable"),
    (JSON_READ, Hostile::Page, "aws.unexpected"),
    (JSON_READ, Hostile::Redirect, "aws.unexpected"),
    (JSON_READ, Hostile::Deep, "aws.unexpected"),
    (JSON_CHANGE, Hostile::Page, "aws.unexpected"),
    (JSON_CHANGE, Hostile::Redirect, "aws.unexpected"),
    (JSON_LIST, Hostile::EndlessTokens, "aws.unexpected"),
];

async fn run_against(fake: &Fake, stage: &Stage, action: &str) -> Run {
    let image_id = stage.image("golden");
    let endpoint = fake.endpoint();
    let mut env = vec![
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_MAX_ATTEMPTS", "2"),
        ("INPUT_AMI-ID", &image_id),
        ("INPUT_TARGET-ACCOUNTS", B),
        ("INPUT_TIMEOUT", "20s"),
    ];
    if action == JSON_LIST {
        env.push(("INPUT_KEY-ACCESS", "grants"));
    }
    let mut command = stage.command_within(MOST_MEMORY, &env);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    stage.ended(output.await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_answer_is_one_error_and_nothing_is_done() {
    let mut wrong = Vec::new();
    for (action, hostile, code) in TABLE {
        let stage = Stage::set(1).await;
        let fake = Fake::start(stage.address(), action, *hostile).await;
        let run = run_against(&fake, &stage, action).await;
        let log = &run.log;
        let longest = log.lines().map(str::len).max().unwrap_or_default();
        let is_error = matches!(run.status, 1 | 4) && log.contains(code) && longest < 8_000;
        if !is_error || log.contains("panicked") {
            wrong.push(format!("{action} {hostile:?} {}: {log}", run.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
