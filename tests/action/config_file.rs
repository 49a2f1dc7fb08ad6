//! The configuration file: the same as inputs, groups with settings of their own, and what is wrong
//! with a file.

mod groups;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ami_share_sim::{Options, Scenario, Sim, Size};
use serde_json::Value;

use super::support::*;

const C: &str = "300000000000";
const D: &str = "300000000001";

/// A world of so many accounts, with `image-1` and keys of its own.
async fn set_stage(accounts: usize) -> Stage {
    let scenario = Scenario::generate(Size {
        accounts,
        regions: 1,
        images: 4,
        snapshots: 1,
    });
    Stage::of(Sim::new(scenario.unwrap(), Options::default())).await
}

/// Writes a file, and returns the input that names it.
fn write(stage: &Stage, text: &str) -> (&'static str, String) {
    let path = stage.path("ami-share.yml");
    std::fs::write(&path, text).unwrap();
    ("INPUT_CONFIG-FILE", path.to_str().unwrap().to_owned())
}

fn run(stage: &Stage, file: &str, more: &[(&str, &str)]) -> Run {
    let (name, path) = write(stage, file);
    let mut inputs = vec![(name, path.as_str())];
    inputs.extend(more);
    stage.run_on_github(&inputs)
}

const DRY: (&str, &str) = ("INPUT_DRY-RUN", "true");

/// Two groups with a key each.
fn two_groups(stage: &Stage) -> String {
    let (image, keys) = (stage.image("image-1"), &stage.sim.facts().keys);
    format!(
        "ami-id: {image}\n\
         groups:\n\
         - name: one\n  target-accounts: [{B}]\n  kms-key-id: {}\n\
         - name: two\n  target-accounts:\n  - {C}\n  - {D}\n  kms-key-id: {}\n",
        keys["key-2"], keys["key-3"]
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn file_with_one_group_gives_the_plan_of_the_inputs() {
    let stage = set_stage(4).await;
    let (image, keys) = (stage.image("image-1"), &stage.sim.facts().keys);
    let accounts = format!("{B} {C}");
    let inputs = [
        ("INPUT_AMI-ID", image.as_str()),
        ("INPUT_TARGET-ACCOUNTS", &accounts),
        ("INPUT_KMS-KEY-ID", &keys["key-2"]),
        ("INPUT_TAGS", "team=platform"),
        ("INPUT_COPY-NAME", "{name}-{region}"),
        DRY,
    ];
    let expected = stage.run_on_github(&inputs);
    assert_eq!(expected.status, 0, "{}", expected.log);
    let key = &keys["key-2"];
    let settings = format!(
        "target-accounts: [{C}, '{B}']\nkms-key-id: {key}\n\
         tags: {{team: platform}}\ncopy-name: '{{name}}-{{region}}'\n"
    );
    let flat = format!("ami-id: {image}\n{settings}");
    let group = settings.trim_end().replace('\n', "\n  ");
    let grouped = format!("ami-id: {image}\ngroups:\n- name: all\n  {group}\n");
    for file in [flat, grouped] {
        let run = run(&stage, &file, &[DRY]);
        assert_eq!(run.status, 0, "{file}: {}", run.log);
        assert_eq!(
            run.outputs["plan-digest"], expected.outputs["plan-digest"],
            "{file}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_group_gets_its_own_copy_in_one_run_with_one_digest_and_report() {
    let stage = set_stage(4).await;
    let file = two_groups(&stage);
    let plan = run(&stage, &file, &[DRY]);
    assert_eq!(plan.status, 0, "{}", plan.log);
    for line in ["Group one: 1 target", "Group two: 2 targets"] {
        assert!(plan.log.contains(line), "{line}: {}", plan.log);
    }
    assert!(stage.changes().is_empty());
    // Each group's copy is a row of its own, with its own targets alone.
    let rows = |summary: &str, groups: [&str; 2]| {
        for (number, group) in groups.iter().enumerate() {
            let is_row = |line: &&str| {
                line.starts_with(&format!("| us\\-east\\-1 | {group} |"))
                    || line.starts_with(&format!("| us-east-1 | {group} |"))
            };
            let row: Vec<&str> = summary.lines().filter(is_row).collect();
            assert_eq!(row.len(), 1, "{summary}");
            assert_eq!(row[0].contains(B), number == 0, "{}", row[0]);
            assert_eq!(row[0].contains(C), number == 1, "{}", row[0]);
        }
    };
    rows(&plan.summary, ["one", "two"]);
    let digest = plan.outputs["plan-digest"].clone();

    // The digest does not depend on the order of the groups, but on what they say.
    let (head, groups) = file.split_once("groups:\n").unwrap();
    let (one, two) = groups.split_once("- name: two").unwrap();
    let turned = format!("{head}groups:\n- name: two{two}{one}");
    assert_eq!(run(&stage, &turned, &[DRY]).outputs["plan-digest"], digest);
    let expected = ("INPUT_EXPECT-PLAN", digest.as_str());
    let other = file.replace(&format!("\n  - {D}"), "");
    let refused = run(&stage, &other, &[expected]);
    assert_eq!(refused.status, 3, "{}", refused.log);
    assert!(refused.log.contains("plan.not-expected"), "{}", refused.log);
    assert!(stage.changes().is_empty());

    let shared = run(&stage, &file, &[expected]);
    assert_eq!(shared.status, 0, "{}", shared.log);
    rows(&shared.summary, ["one", "two"]);
    let ids: BTreeMap<String, Value> = serde_json::from_str(&shared.outputs["ami-ids"]).unwrap();
    let of = |account: &str| ids[account]["us-east-1"][0].as_str().unwrap().to_owned();
    assert_eq!(of(C), of(D));
    assert_ne!(of(B), of(C));
    assert_eq!(shared.outputs["ami-id"], of(B));
    for (account, image) in [(B, of(B)), (C, of(C)), (D, of(D))] {
        let permissions = stage
            .sim
            .edit(|state| state.images[&image].launch_permissions.clone());
        assert!(permissions.contains(account), "{account}");
        assert_eq!(permissions.contains(B), account == B, "{account}");
    }
    let report: Value = serde_json::from_str(&shared.outputs["report"]).unwrap();
    assert_eq!(report["images"].as_array().unwrap().len(), 2);
    assert_eq!(report["plan"]["groups"][1]["name"], "two");

    let changes = stage.changes().len();
    let again = run(&stage, &file, &[]);
    assert_eq!(
        (again.status, again.outputs["changed"].as_str()),
        (0, "false")
    );
    assert_eq!(stage.changes().len(), changes);
    let revoked = run(&stage, &file, &[("INPUT_MODE", "revoke")]);
    assert_eq!(revoked.status, 0, "{}", revoked.log);
    for image in [of(B), of(C)] {
        let permissions = stage
            .sim
            .edit(|state| state.images[&image].launch_permissions.clone());
        assert_eq!(permissions.iter().count(), 0);
    }
}

/// The first AMI is that of the first group of the file. If a group could not be planned, it is not
/// known which one is the first.
#[tokio::test(flavor = "multi_thread")]
async fn first_image_of_a_file_is_that_of_its_first_group() {
    let stage = set_stage(4).await;
    let (image, keys) = (stage.image("image-1"), &stage.sim.facts().keys);
    let group = |account: &str, key: &str| {
        format!("- name: of-{account}\n  target-accounts: {account}\n  kms-key-id: {key}\n")
    };
    let (one, two) = (group(B, &keys["key-2"]), group(C, &keys["key-3"]));
    let unknown = group(D, "alias/unknown");
    for (groups, first) in [
        ([&one, &two], Some(B)),
        ([&two, &one], Some(C)),
        ([&unknown, &one], None),
        ([&one, &unknown], None),
    ] {
        let groups = groups.map(String::as_str).concat();
        let file = format!("ami-id: {image}\ngroups:\n{groups}");
        let shared = run(&stage, &file, &[]);
        let ids: Value = serde_json::from_str(&shared.outputs["ami-ids"]).unwrap();
        let expected = first.map_or("", |account| ids[account]["us-east-1"][0].as_str().unwrap());
        assert_eq!(
            shared.outputs["ami-id"], expected,
            "{groups}: {}",
            shared.log
        );
    }
}

/// Every group of one image lists only its own targets.
#[tokio::test(flavor = "multi_thread")]
async fn targets_of_other_groups_are_not_unlisted() {
    let stage = set_stage(6).await;
    let image = stage.image("image-1");
    let groups = format!(
        "groups:\n- name: one\n  target-accounts: {B}\n\
         - name: two\n  target-accounts: [{C}]\n"
    );
    stage.sim.edit(|state| {
        let permissions = &mut state.images.get_mut(&image).unwrap().launch_permissions;
        for account in [C, D] {
            permissions.insert(account.to_owned());
        }
    });
    let file = format!("ami-id: {image}\nunlisted: revoke\n{groups}");
    let shared = run(&stage, &file, &[]);
    assert_eq!(shared.status, 0, "{}", shared.log);
    let permissions = stage
        .sim
        .edit(|state| state.images[&image].launch_permissions.clone());
    let names: BTreeSet<&str> = permissions.iter().collect();
    assert_eq!(names, BTreeSet::from([B, C]));
    assert!(!run(&stage, &file, &[]).log.contains("not listed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn parameter_of_two_groups_with_different_images_refuses_all() {
    let stage = set_stage(4).await;
    let file = two_groups(&stage) + "publish-ssm-parameter: /golden/image\n";
    let refused = run(&stage, &file, &[]);
    assert_eq!(refused.status, 3, "{}", refused.log);
    assert!(
        refused.log.contains("parameter.ambiguous"),
        "{}",
        refused.log
    );
    assert!(stage.changes().is_empty());
}

/// A list and a pair for each Region say the same as one key.
#[tokio::test(flavor = "multi_thread")]
async fn account_of_two_groups_may_have_its_key_in_another_form() {
    let stage = set_stage(3).await;
    let (image, keys) = (stage.image("image-1"), &stage.sim.facts().keys);
    let key = &keys["key-2"];
    let forms = [
        format!("[{key}]"),
        format!("{{us-east-1: '{key}'}}"),
        format!("us-east-1={key}"),
    ];
    for form in forms {
        let groups = format!(
            "groups:\n\
             - name: one\n  target-accounts: {B}\n  kms-key-id: {key}\n\
             - name: two\n  target-accounts: {B}\n  kms-key-id: {form}\n  \
             key-access: policy\n  key-scope: via-ec2\n"
        );
        let file = format!("ami-id: {image}\n{groups}");
        let planned = run(&stage, &file, &[DRY]);
        assert_eq!(planned.status, 0, "{form}: {}", planned.log);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_targets_in_ten_groups_are_planned_in_one_run() {
    let stage = set_stage(301).await;
    let accounts = &stage.sim.facts().accounts;
    let targets: Vec<&String> = accounts.keys().filter(|account| *account != A).collect();
    assert_eq!(targets.len(), 300);
    let mut file = format!("ami-id: {}\ngroups:\n", stage.image("image-1"));
    for (index, group) in targets.chunks(30).enumerate() {
        let key = &stage.sim.facts().keys[&format!("key-{}", 2 + index % 3)];
        write!(
            file,
            "- name: group-{index}\n  kms-key-id: {key}\n  target-accounts:\n"
        )
        .unwrap();
        for account in group {
            writeln!(file, "  - '{account}'").unwrap();
        }
    }
    let plan = run(&stage, &file, &[DRY]);
    assert_eq!(plan.status, 0, "{}", plan.log);
    assert!(
        plan.log.contains("Group group-9: 30 targets"),
        "{}",
        plan.log
    );
    assert!(stage.changes().is_empty());
    let shared = run(
        &stage,
        &file,
        &[("INPUT_EXPECT-PLAN", &plan.outputs["plan-digest"])],
    );
    assert_eq!(shared.status, 0, "{}", shared.log);
    let copies = stage.sim.edit(|state| {
        let mut images: Vec<_> = state.images.values().cloned().collect();
        images.retain(|image| image.source.is_some());
        images.len()
    });
    assert_eq!(copies, 3, "one for each key");
}

/// Each file with the place that the message must name, and its words. The published schema refuses
/// those of them that it can, in `tests/conformance`.
#[tokio::test(flavor = "multi_thread")]
async fn bad_file_is_refused_by_its_path_before_aws_is_called() {
    let stage = set_stage(3).await;
    let image = stage.image("image-1");
    let given = [
        ("INPUT_AMI-ID", image.as_str()),
        ("INPUT_AWS-REGION", "us-east-1"),
    ];
    let table: Vec<Value> = serde_json::from_str(include_str!("config_files.json")).unwrap();
    assert!(table.len() > 20);
    for row in table {
        let (file, expected) = (row["file"].as_str().unwrap(), row["says"].as_str().unwrap());
        let run = run(&stage, file, &given);
        assert_eq!(run.status, 2, "{file}: {}", run.log);
        assert!(
            run.log.contains(expected),
            "{file}: {expected}: {}",
            run.log
        );
    }
    let long = format!("# {}\n", "x".repeat(1 << 20));
    assert!(run(&stage, &long, &given).log.contains("larger than 1 MiB"));
    let missing = [("INPUT_CONFIG-FILE", "/nowhere/ami-share.yml"), given[0]];
    let folder = [("INPUT_CONFIG-FILE", "/"), given[0]];
    for (inputs, words) in [(missing, "it cannot be read"), (folder, "no regular file")] {
        let run = stage.run(&inputs);
        assert_eq!(run.status, 2, "{words}");
        assert!(run.log.contains(words), "{words}: {}", run.log);
    }
    assert!(stage.sim.journal().is_empty());
}
