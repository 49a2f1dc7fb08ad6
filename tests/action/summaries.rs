//! Step summaries of real runs, in process: small and whole however much is shared, and for every
//! way to share.

use std::ffi::OsString;
use std::time::Duration;

use ami_share_action::{Exit, Sinks};
use ami_share_sim::{KeySpec, Options, RegionSpec, Scenario, Sim, Size};

use super::{places, support::*};

const ORGANIZATION: &str = "arn:aws:organizations::111111111111:organization/o-example123";
const UNIT: &str = "arn:aws:organizations::111111111111:ou/o-example123/ou-ab12-11111111";

/// In characters: what GitHub takes as a comment, and room for what a workflow adds.
const LONGEST_COMMENT: usize = 60_000;

/// A name and a value.
type Input<'a> = (&'a str, &'a str);

/// Runs the step with these inputs; returns how it ended and its summary.
async fn summary(sim: &Sim, inputs: &[Input<'_>]) -> (Exit, String) {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("summary");
    let output_file = folder.path().join("outputs");
    let given = inputs.iter().map(|(name, value)| {
        (
            OsString::from(format!("INPUT_{name}")),
            OsString::from(value),
        )
    });
    let env = [
        ("AWS_REGION", "us-east-1".into()),
        ("GITHUB_STEP_SUMMARY", file.clone().into_os_string()),
        ("GITHUB_OUTPUT", output_file.clone().into_os_string()),
    ];
    let env = given.chain(env.into_iter().map(|(name, value)| (name.into(), value)));
    let sinks = Sinks {
        aws: Some(sim.sdk_config(A)),
        ..Sinks::new(std::io::sink())
    };
    let exit = ami_share_action::run(env, sinks).await;
    let text = std::fs::read_to_string(file).unwrap();
    is_whole(&text);
    let written = std::fs::read_to_string(output_file).unwrap();
    let comment = outputs(&written).remove("markdown").unwrap();
    is_whole(&comment);
    let is_short = text.chars().count() <= LONGEST_COMMENT;
    assert!(comment.chars().count() <= LONGEST_COMMENT);
    assert_eq!(comment.trim_end() == text.trim_end(), is_short);
    (exit, text)
}

/// What holds of every summary: it is well below GitHub's mebibyte and Mermaid's limits, and
/// nothing is cut in two.
fn is_whole(text: &str) {
    assert!(text.len() < 256 * 1024, "{} bytes", text.len());
    assert_eq!(
        text.matches("<details>").count(),
        text.matches("</details>").count()
    );
    if let Some(diagram) = diagram(text) {
        let edges = diagram.lines().filter(|line| line.contains('|')).count();
        assert!(
            edges <= 24 && diagram.len() < 10_000,
            "{edges} edges, {} characters",
            diagram.len()
        );
    }
    // Every row of a table has as many cells as its head.
    let mut cells = None;
    for line in text.lines() {
        let bars = line.replace("\\|", "").matches('|').count();
        if line.starts_with('|') {
            assert_eq!(*cells.get_or_insert(bars), bars, "{line}");
        } else {
            cells = None;
        }
    }
}

fn diagram(text: &str) -> Option<&str> {
    text.split("```mermaid\n").nth(1)?.split("```").next()
}

#[tokio::test(start_paused = true)]
async fn summary_of_fifty_regions_and_accounts_stays_readable() {
    // More Regions than AWS has on for everybody.
    let elsewhere: Vec<String> = (1..50).map(|n| format!("eu-central-{}", n + 1)).collect();
    let mut scenario = Scenario::generate(Size {
        accounts: 51,
        regions: 1,
        images: 2,
        snapshots: 1,
    })
    .unwrap();
    scenario
        .regions
        .extend(elsewhere.iter().map(|name| RegionSpec {
            name: name.clone(),
            opt_in: false,
        }));
    scenario.keys.extend(elsewhere.iter().map(|region| KeySpec {
        name: format!("key-{region}"),
        account: A.to_owned(),
        region: Some(region.clone()),
        ..KeySpec::default()
    }));
    let sim = Sim::new(scenario, Options::default());
    let facts = sim.facts();
    let ids = facts.images.values().cloned().collect::<Vec<_>>().join(" ");
    let accounts = facts
        .accounts
        .keys()
        .filter(|id| *id != A)
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");
    let key = |region: &String| format!("{region}={}", facts.keys[&format!("key-{region}")]);
    let keys = format!(
        "us-east-1={} {}",
        facts.keys["key-1"],
        elsewhere.iter().map(key).collect::<Vec<_>>().join(" ")
    );
    let elsewhere = elsewhere.join(" ");
    let inputs = [
        ("AMI_ID", ids.as_str()),
        ("TARGET_ACCOUNTS", &accounts),
        ("COPY_TO_REGIONS", &elsewhere),
        ("KMS_KEY_ID", &keys),
    ];
    let (exit, planned) =
        summary(&sim, &[inputs.as_slice(), &[("DRY_RUN", "true")]].concat()).await;
    assert_eq!(exit, Exit::Done, "{planned}");
    let (exit, shared) = summary(&sim, &inputs).await;
    assert_eq!(exit, Exit::Done, "{shared}");
    for text in [planned, shared] {
        let diagram = diagram(&text).unwrap();
        assert!(
            diagram.contains("and 47 more") && diagram.contains("50 keys"),
            "{diagram}"
        );
        assert_eq!(
            text.lines()
                .filter(|line| line.contains("| [<code>ami-") || line.contains("would be | "))
                .count(),
            100
        );
    }
}

#[tokio::test(start_paused = true)]
async fn diagram_shows_every_way_to_share() {
    let options = || Options {
        copy_time: Duration::from_mins(1),
        ..Options::default()
    };
    let sim = Sim::new(Scenario::two_accounts(), options());
    let golden = sim.facts().images["golden"].clone();
    let plain = sim.facts().images["plain"].clone();
    let golden = [("AMI_ID", golden.as_str())];
    let to = [("TARGET_ACCOUNTS", B)];
    let all = [
        to[0],
        ("TARGET_ORGANIZATIONS", ORGANIZATION),
        ("TARGET_ORGANIZATIONAL_UNITS", UNIT),
    ];
    let steps: [(&[Input<'_>], &[&str]); 6] = [
        (
            &[golden.as_slice(), &to, &[("DRY_RUN", "true")]].concat(),
            &[
                "T0([\"222222222222\"])",
                "T0 ==>|would get launch permission| N0",
                "T0 ==>|would get key access| N1",
            ],
        ),
        (
            &[golden.as_slice(), &to].concat(),
            &[
                "T0 ==>|got launch permission| N0",
                "N0 -.-|encrypted under| N1",
            ],
        ),
        (
            &[golden.as_slice(), &all].concat(),
            &[
                "T0([\"222222222222\"])",
                "OU ou-ab12-11111111<br>organization o-example123",
                "-->|has launch permission| N0",
            ],
        ),
        (
            &[
                golden.as_slice(),
                &[
                    ("TARGET_ACCOUNTS", "333333333333"),
                    ("UNLISTED", "revoke"),
                    ("DRY_RUN", "true"),
                ],
            ]
            .concat(),
            &[
                "--x|would lose launch permission| N0",
                "--x|would lose key access| N1",
                "==>|would get launch permission| N0",
            ],
        ),
        (
            &[golden.as_slice(), &all, &[("MODE", "revoke")]].concat(),
            &[
                "T0 --x|lost launch permission| N0",
                "T0 --x|lost key access| N1",
            ],
        ),
        (
            &[
                ("AMI_ID", plain.as_str()),
                to[0],
                ("KMS_KEY_ID", "alias/golden"),
                ("KEY_ACCESS", "grants"),
            ],
            &["<br>copy of ami-", "<br>by grants", "==>|got key access|"],
        ),
    ];
    for (inputs, parts) in steps {
        let (exit, text) = summary(&sim, inputs).await;
        assert_eq!(exit, Exit::Done, "{text}");
        for part in parts {
            assert!(diagram(&text).unwrap().contains(part), "{part}: {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn plan_lists_the_copies_that_targets_would_make() {
    let sim = places::build_world();
    let image = sim.facts().images["image-1"].clone();
    let inputs = [
        ("AMI_ID", image.as_str()),
        ("TARGET_ACCOUNTS", B),
        ("TARGET_ROLE", "consumer"),
        ("TARGET_EXTERNAL_ID", "example"),
        ("TARGET_KMS_KEY_ID", "alias/own-222222222222"),
        ("COPY_NAME", "own {name}"),
    ];
    let title = "**Copies that targets would make**";
    let planned = [inputs.as_slice(), &[("DRY_RUN", "true")]].concat();
    let (exit, text) = summary(&sim, &planned).await;
    assert_eq!(exit, Exit::Done, "{text}");
    let (_, table) = text.split_once(title).unwrap();
    let row = table.lines().filter(|line| line.starts_with('|')).nth(2);
    let row = row.unwrap().replace('\\', "");
    assert_eq!(row, format!("| {image} | us-east-1 | own image-1 | {B} |"));

    // What is done is in the table of the targets, and what is there already is planned no more.
    for inputs in [inputs.as_slice(), &planned] {
        let (exit, text) = summary(&sim, inputs).await;
        assert_eq!(exit, Exit::Done, "{text}");
        assert!(!text.contains(title), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn blocked_launch_is_explained_once() {
    let sim = Sim::new(Scenario::two_accounts(), Options::default());
    let golden = sim.facts().images["golden"].clone();
    let inputs = [
        ("AMI_ID", golden.as_str()),
        ("TARGET_ACCOUNTS", B),
        ("MODE", "verify"),
    ];
    let (exit, text) = summary(&sim, &inputs).await;
    assert_eq!(exit, Exit::Failed, "{text}");
    assert_eq!(text.matches("**verify.blocked**").count(), 1, "{text}");
    assert!(text.contains("add launch permission"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn image_name_cannot_spoil_a_summary() {
    for name in [
        "a|b `x` <script>",
        "\"]; click A\n### x",
        "🦀 ```mermaid",
        "%0A::error::x",
    ] {
        let sim = Sim::new(Scenario::two_accounts(), Options::default());
        sim.edit(|state| {
            let image = state
                .images
                .values_mut()
                .find(|image| image.name == "plain")
                .unwrap();
            name.clone_into(&mut image.name);
        });
        let plain = sim.facts().images["plain"].clone();
        let inputs = [
            ("AMI_ID", plain.as_str()),
            ("TARGET_ACCOUNTS", B),
            ("KMS_KEY_ID", "alias/golden"),
        ];
        let (exit, text) = summary(&sim, &inputs).await;
        assert_eq!(
            exit,
            Exit::Refused,
            "no copy can be named like that: {text}"
        );
        assert!(text.contains("copy.name-invalid"));
        assert_eq!(diagram(&text), None, "what is refused will not be");
        assert!(
            !text.contains("<script>") && !text.contains("\n### x"),
            "{text}"
        );
        assert_eq!(text.matches("```").count() % 2, 0, "{text}");
    }
}
