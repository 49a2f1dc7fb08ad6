//! What is the same of many targets is said once, with a count: in the plan, the log and the
//! summary.

use std::collections::BTreeMap;

use ami_share_action::Exit;
use ami_share_sim::{Options, Scenario, Sim, Size};
use serde_json::{Value, json};

use super::support::*;
use super::truths::{Said, run};

/// What is done to the world before a run.
type Change<'a> = &'a dyn Fn(&Sim, &[String]);
type Input<'a> = (&'a str, &'a str);
/// A title, the inputs, and what the world is like.
type Case<'a> = (&'a str, &'a [Input<'a>], Change<'a>);

/// So many targets with a role that may do anything, and an image with tags.
fn build_world(targets: usize) -> (Sim, Vec<String>) {
    let mut scenario = Scenario::generate(Size {
        accounts: targets + 1,
        regions: 1,
        images: 1,
        snapshots: 1,
    })
    .unwrap();
    let everything = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    for account in &mut scenario.accounts {
        for role in &mut account.roles {
            role.policy = Some(json!({ "Statement": [everything] }));
        }
    }
    for image in &mut scenario.images {
        image.tags = BTreeMap::from([("os".to_owned(), "linux".to_owned())]);
    }
    let sim = Sim::new(scenario, Options::default());
    let own = |world: &mut ami_share_sim::world::World| {
        for key in world.keys.values() {
            if key.account != A && !key.aws_managed {
                let place = (key.account.clone(), key.region.clone());
                let alias = (place.0, place.1, "alias/own".to_owned());
                world.aliases.insert(alias, key.arn.clone());
            }
        }
    };
    sim.edit(own);
    let accounts = sim.facts().accounts.keys().cloned();
    let targets = accounts.filter(|account| account != A).collect();
    (sim, targets)
}

const ROLE: [Input<'_>; 3] = [
    ("AMI_ID", "{image-1}"),
    ("TARGET_ROLE", "consumer"),
    ("TARGET_EXTERNAL_ID", "example"),
];
const OWN_COPIES: &[Input<'_>] = &[
    ("TARGET_KMS_KEY_ID", "alias/own"),
    ("UNSHARE_AFTER_COPY", "true"),
];

async fn share(targets: usize, inputs: &[Input<'_>], change: Change<'_>) -> Said {
    let (sim, accounts) = build_world(targets);
    change(&sim, &accounts);
    let accounts = accounts.join(" ");
    let targets = [("TARGET_ACCOUNTS", accounts.as_str())];
    run(&sim, &[ROLE.as_slice(), &targets, inputs].concat()).await
}

fn nothing(_: &Sim, _: &[String]) {}

/// Every target hides images of others.
fn hide(sim: &Sim, accounts: &[String]) {
    let criteria = json!([{ "providers": ["amazon"] }]);
    sim.edit(|world| {
        for account in accounts {
            let account = world.accounts.get_mut(account).unwrap();
            let settings = account.settings.entry("us-east-1".to_owned()).or_default();
            settings.allowed_images.state = Some("enabled");
            let criteria = serde_json::from_value(criteria.clone()).unwrap();
            settings.allowed_images.criteria = criteria;
        }
    });
}

fn fault_of_copies(sim: &Sim, effect: Value) {
    let fault = json!({ "operation": "ec2:CopyImage", "effect": effect });
    sim.fault(serde_json::from_value(fault).unwrap());
}

fn deny_copies(sim: &Sim, _: &[String]) {
    let error = json!({ "status": 403, "code": "UnauthorizedOperation", "message": "no" });
    fault_of_copies(sim, json!({ "error": error }));
}

fn fail_copies(sim: &Sim, _: &[String]) {
    let failure = json!({ "message": "Internal error" });
    fault_of_copies(sim, json!({ "fail-copy": failure }));
}

/// The lines that do not come with the time that passes, and not as a part of a whole policy.
fn lines(log: &str) -> Vec<&str> {
    let is_left_out = |line: &&str| {
        line.starts_with("waiting for ")
            || line.contains(" copies: ")
            || line.ends_with(":root\"")
            || line.ends_with(":root\",")
    };
    log.lines().filter(|line| !is_left_out(line)).collect()
}

/// The lines of a summary that are open.
fn open_lines(summary: &str) -> Vec<&str> {
    let (mut open, mut depth) = (Vec::new(), 0_usize);
    for line in summary.lines() {
        depth += line.matches("<details>").count();
        if depth == 0 {
            open.push(line);
        }
        depth -= line.matches("</details>").count();
    }
    open
}

#[tokio::test(start_paused = true)]
async fn more_targets_that_are_alike_make_no_more_lines() {
    let launch = [
        ("TARGET_LAUNCH_ROLES", "launcher"),
        ("PUBLISH_SSM_PARAMETER", "/golden/{name}"),
        ("TARGET_SERVICE_LINKED_ROLES", "autoscaling.amazonaws.com"),
        ("DEREGISTRATION_PROTECTION", "true"),
        ("DEPRECATE_AT", "2030-12-31"),
    ];
    let all = [OWN_COPIES, &launch].concat();
    let cases: [Case<'_>; 8] = [
        ("tags", &[], &nothing),
        ("copies", OWN_COPIES, &nothing),
        ("launches", &launch, &nothing),
        ("everything of copies", &all, &nothing),
        (
            "plan",
            &[all.as_slice(), &[("DRY_RUN", "true")]].concat(),
            &nothing,
        ),
        ("hidden", &[], &hide),
        ("copies denied", OWN_COPIES, &deny_copies),
        ("copies failed", OWN_COPIES, &fail_copies),
    ];
    for (name, inputs, change) in cases {
        let (five, many) = (
            share(5, inputs, change).await,
            share(14, inputs, change).await,
        );
        assert_eq!(five.exit, many.exit, "{name}: {}", many.log);
        let (few, log) = (lines(&five.log), lines(&many.log));
        assert_eq!(few.len(), log.len(), "{name}: {}\n{}", five.log, many.log);
        let (few, open) = (open_lines(&five.summary), open_lines(&many.summary));
        assert_eq!(
            few.len(),
            open.len(),
            "{name}: {}\n{}",
            five.summary,
            many.summary
        );
        assert!(
            log.iter().any(|line| line.contains("14 accounts")),
            "{name}: {}",
            many.log
        );
    }
}

#[tokio::test(start_paused = true)]
async fn lines_of_a_few_targets_name_them_all() {
    let said = share(2, OWN_COPIES, &nothing).await;
    assert_eq!(said.exit, Exit::Done, "{}", said.log);
    for account in [B, "300000000000"] {
        let copied = format!("of {account}");
        let copied = said.log.lines().filter(|line| line.ends_with(&copied));
        let copied: Vec<&str> = copied.collect();
        assert_eq!(copied.len(), 2, "{account}: {}", said.log);
        assert!(copied[0].starts_with("copying ami-"), "{}", said.log);
        assert!(copied[1].starts_with("copied ami-"), "{}", said.log);
    }
}

#[tokio::test(start_paused = true)]
async fn targets_that_cannot_launch_are_one_error_beside_those_that_can() {
    let one = |sim: &Sim, accounts: &[String]| hide(sim, &accounts[3..4]);
    let said = share(14, &[], &one).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.log);
    let lines = said
        .log
        .lines()
        .filter(|line| line.contains("no obstacle found to"));
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), 1, "{}", said.log);
    assert!(lines[0].contains("13 accounts"), "{}", lines[0]);
    assert_eq!(
        said.log.matches("cannot launch ami-").count(),
        1,
        "{}",
        said.log
    );
    let errors = said.log.lines().filter(|line| line.starts_with("error: "));
    assert_eq!(errors.count(), 1, "{}", said.log);
    // The cause is one bullet, and nothing above it says the same.
    assert_eq!(said.summary.matches("- **").count(), 1, "{}", said.summary);
    assert!(!said.summary.contains("1 error"), "{}", said.summary);
}

#[tokio::test(start_paused = true)]
async fn check_that_says_no_is_told_once() {
    let share_and_verify = |sim: Sim, accounts: Vec<String>| async move {
        let accounts = accounts.join(" ");
        let inputs = [ROLE.as_slice(), &[("TARGET_ACCOUNTS", accounts.as_str())]].concat();
        run(&sim, &[inputs.as_slice(), &[("MODE", "verify")]].concat()).await
    };
    for targets in [1, 14] {
        let (sim, accounts) = build_world(targets);
        let said = share_and_verify(sim, accounts).await;
        assert_eq!(said.exit, Exit::Failed, "{}", said.log);
        assert_eq!(said.log.matches("cannot launch").count(), 1, "{}", said.log);
        assert!(said.log.contains("what each code means"), "{}", said.log);
    }
}

#[tokio::test(start_paused = true)]
async fn places_of_equal_messages_are_accounts() {
    let said = share(14, &[], &hide).await;
    let more = said
        .log
        .lines()
        .filter(|line| line.contains("the same 13 more times: "));
    let more: Vec<&str> = more.collect();
    // The finding, and the error of the check.
    assert_eq!(more.len(), 2, "{}", said.log);
    for line in more {
        let (_, places) = line.split_once("more times: ").unwrap();
        let (places, _) = places.split_once(", and ").unwrap();
        let is_account = |place: &str| place.len() == 12 && place.parse::<u64>().is_ok();
        assert!(places.split(", ").all(is_account), "{line}");
    }
}

/// A group whose launch roles are allowed does not hide that those of others are not.
#[tokio::test(start_paused = true)]
async fn group_without_launch_roles_leaves_something_to_do() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("ami-share.yml");
    let (sim, accounts) = build_world(2);
    let one = format!(
        "groups:\n- name: one\n  target-accounts: [{}]\n  target-launch-roles: [launcher]\n",
        accounts[0]
    );
    let both = format!("{one}- name: two\n  target-accounts: [{}]\n", accounts[1]);
    let file = [("CONFIG_FILE", path.to_str().unwrap())];
    for (text, is_left) in [(one, false), (both, true)] {
        std::fs::write(&path, text).unwrap();
        let said = run(&sim, &[ROLE.as_slice(), &file].concat()).await;
        assert_eq!(said.exit, Exit::Done, "{}", said.log);
        let last = said.log.lines().last().unwrap();
        assert_eq!(last.contains("`iam-policy`"), is_left, "{last}");
    }
}
