//! What the tool says of what AWS answers: the errors that people report most of this job, each in
//! AWS's words, and what the tool makes of them. `docs/AWS-ERRORS.md` is this table.

mod any_call;

use std::path::Path;
use std::time::Duration;

use ami_share::request::{
    ExpandOrganizations, KeyAccessMode, Revoke, ShareRequestBuilder, ShareSnapshots,
};
use ami_share::{Error, Sharer};
use serde::Deserialize;

use super::findings::targets::with_admin_role;
use super::github::{build_world, configure_role};
use super::support::*;

const PAGE_BEGINNING: &str = "# What AWS answers, and what to do

Each row is an error of AWS that people meet when they share images. The tool always prints AWS's
own words; the last two columns are what it adds. [FINDINGS.md](FINDINGS.md) lists all codes.

| call | AWS says | code | what to do |
|---|---|---|---|
";

/// The answers, in the words of AWS's documentation, of recordings and of reports.
const ANSWERS: &str = include_str!("answers/answers.json");

/// One answer of AWS to every call of an operation, and what becomes of it.
#[derive(Deserialize)]
struct Answer {
    run: Run,
    action: String,
    code: String,
    message: String,
    /// The code of our error.
    becomes: String,
    /// Words of what to do.
    remedy: String,
}

/// What is run.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
enum Run {
    Share,
    Copy,
    Grants,
    Target,
    Publish,
    RevokeCopies,
    /// With the accounts of an organization.
    Organizations,
    /// As a role that a job on GitHub assumes.
    Github,
}

impl Run {
    fn request(self, world: &World) -> ShareRequestBuilder {
        match self {
            Self::Share | Self::Github => world
                .build_request(&["golden"])
                .share_snapshots(ShareSnapshots::Always),
            Self::Organizations => world
                .build_request_for(&["golden"], &[UNIT])
                .expand_organizations(ExpandOrganizations::default()),
            Self::Copy => world.build_copy_request(&["plain"]),
            Self::Grants => world
                .build_request(&["golden"])
                .key_access(KeyAccessMode::Grants),
            Self::Target => {
                let options = with_target_role().launch_roles(["launcher".to_owned()]);
                world.build_request(&["golden"]).target_options(options)
            }
            Self::Publish => world
                .build_request(&["golden"])
                .publish_ssm_parameter("/images/golden"),
            Self::RevokeCopies => Self::Copy.request(world).revoke(Revoke {
                copies: true,
                ..Revoke::default()
            }),
        }
    }
}

/// The error that a run ends with if AWS answers every call of an operation so.
async fn find_error(answer: &Answer) -> Error {
    let mut world = match answer.run {
        Run::Target => with_admin_role(|_| ()),
        Run::Github => build_world(Duration::ZERO),
        _ => World::new(),
    };
    if answer.run == Run::Organizations {
        world.sim.edit(make_organization);
    }
    if answer.run == Run::RevokeCopies {
        world.share(Run::Copy.request(&world)).await;
    }
    world = world.with_fault(deny_calls(&answer.action, &answer.code, &answer.message));
    let request = answer.run.request(&world).timing(with_timeout(600));
    let request = request.build().unwrap();
    let config = match answer.run {
        Run::Github => configure_role(&world, &request),
        _ => world.config(A),
    };
    let sharer = Sharer::new(&config);
    let errors = match sharer.plan(&request).await {
        Err(errors) => errors.iter().cloned().collect(),
        Ok(plan) => match sharer.apply(&plan).await {
            Ok(report) => report.errors,
            Err(incomplete) => incomplete.report.errors,
        },
    };
    let of_answer = |error: &&Error| {
        error
            .aws
            .as_ref()
            .is_some_and(|aws| aws.code == answer.code)
    };
    let found = errors.iter().find(of_answer).or(errors.first()).cloned();
    assert!(found.is_some(), "{} {}", answer.action, answer.code);
    found.unwrap()
}

#[tokio::test(start_paused = true)]
async fn answers_of_aws_are_explained_in_its_own_words() {
    let mut page = PAGE_BEGINNING.to_owned();
    let answers: Vec<Answer> = serde_json::from_str(ANSWERS).unwrap();
    let mut wrong = Vec::new();
    for answer in &answers {
        let error = find_error(answer).await;
        let text = error.to_string();
        let words = answer.message.trim_end_matches('.');
        let in_its_words = text.contains(&answer.code) && text.contains(words);
        let explained =
            error.code.as_str() == answer.becomes && error.remedy.contains(&answer.remedy);
        if !in_its_words || !explained {
            wrong.push(text);
        }
        let row = format!(
            "| `{}` | {}: {} | `{}` | {} |\n",
            answer.action, answer.code, answer.message, error.code, error.remedy
        );
        page += &row;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    check_page(&page);
}

#[expect(
    clippy::disallowed_methods,
    reason = "the variable is set by the person who changed a text"
)]
fn check_page(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/AWS-ERRORS.md");
    if std::env::var_os("UPDATE_FINDINGS").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    let current = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(current, page, "UPDATE_FINDINGS=1 writes it anew");
}
