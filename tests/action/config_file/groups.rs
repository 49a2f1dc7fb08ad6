//! Groups of a file: how much they may be about, and what two of them share.

use std::fmt::Write as _;

use super::*;

/// A file of a size that no run can carry out is one problem, at once.
#[tokio::test(flavor = "multi_thread")]
async fn file_with_too_much_is_one_problem_before_aws_is_called() {
    let stage = set_stage(3).await;
    let image = stage.image("image-1");
    let accounts = |group: usize, number: usize| {
        let first = 300_000_000_000 + group * number;
        let ids: Vec<String> = (first..first + number).map(|id| id.to_string()).collect();
        ids.join(", ")
    };
    let mut groups = format!("ami-id: {image}\ngroups:\n");
    for group in 0..100 {
        let accounts = accounts(group, 690);
        write!(
            groups,
            "- name: g{group}\n  target-accounts: [{accounts}]\n"
        )
        .unwrap();
    }
    let images: Vec<String> = (0..46_000).map(|n| format!("ami-{n:08x}")).collect();
    let images = format!("ami-id: [{}]\ntarget-accounts: {B}\n", images.join(", "));
    let mut tags = format!("ami-id: {image}\ntarget-accounts: {B}\ntags:\n");
    for number in 0..60_000 {
        writeln!(tags, "  k{number}: v").unwrap();
    }
    let some: Vec<String> = (0..1_000).map(|n| format!("ami-{n:08x}")).collect();
    let product = format!(
        "ami-id: [{}]\ntarget-accounts: [{}]\n",
        some.join(", "),
        accounts(0, 200)
    );
    for (file, words) in [
        (groups, "100 groups with 69000 shares"),
        (
            images,
            "ami-id: 46000 values are given, and at most 5000 can be",
        ),
        (
            tags,
            "tags: 60000 values are given, and at most 5000 can be",
        ),
        (
            product,
            "targets times images times Regions is 200 x 1000 x 1",
        ),
    ] {
        assert!(file.len() < 1 << 20);
        let refused = run(&stage, &file, &[("INPUT_AWS-REGION", "us-east-1")]);
        assert_eq!(refused.status, 2, "{words}: {}", refused.log);
        assert!(refused.log.contains(words), "{words}: {}", refused.log);
    }
    assert!(stage.sim.journal().is_empty());
}

/// Two groups with one key and one name share one copy: it is planned and shown once.
#[tokio::test(flavor = "multi_thread")]
async fn copy_that_two_groups_share_stands_once_in_plan_and_summary() {
    let stage = set_stage(4).await;
    let (image, keys) = (stage.image("image-1"), &stage.sim.facts().keys);
    let file = format!(
        "ami-id: {image}\nkms-key-id: {}\ngroups:\n\
         - name: one\n  target-accounts: [{B}]\n\
         - name: two\n  target-accounts: [{C}]\n",
        keys["key-2"]
    );
    let planned = run(&stage, &file, &[DRY]);
    let shared = run(&stage, &file, &[]);
    for run in [&planned, &shared] {
        assert_eq!(run.status, 0, "{}", run.log);
        let report: Value = serde_json::from_str(&run.outputs["report"]).unwrap();
        let images = report["images"].as_array().unwrap();
        assert_eq!(images.len(), 1, "{images:?}");
        assert_eq!(images[0]["groups"], serde_json::json!(["one", "two"]));
        let rows = run.summary.lines();
        let rows = rows.filter(|line| line.contains("| one, two |") && line.contains(C));
        assert_eq!(rows.count(), 1, "{}", run.summary);
    }
    let lines = planned.log.lines().map(str::trim_start);
    let copies: Vec<&str> = lines.filter(|line| line.starts_with("+ copy ")).collect();
    assert_eq!(copies.len(), 2, "{}", planned.log);
    assert_eq!(copies[1], format!("{} (that of group one)", copies[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn retirement_has_no_groups() {
    let stage = set_stage(3).await;
    let settings = "retire-tags: Product=web\nkeep-last: 1\naws-region: us-east-1\n";
    let retire = ("INPUT_MODE", "retire");
    let group = |name: &str, more: &str| format!("- name: {name}\n  verify: none\n{more}");
    let target = format!("  target-accounts: {B}\n");
    for (groups, words) in [
        (
            [group("one", ""), group("two", "")].concat(),
            "groups: a retirement is about no targets",
        ),
        (
            group("one", &target),
            "groups[0].target-accounts: a retirement takes images from",
        ),
    ] {
        let file = format!("{settings}groups:\n{groups}");
        let refused = run(&stage, &file, &[retire]);
        assert_eq!(refused.status, 2, "{words}: {}", refused.log);
        assert!(refused.log.contains(words), "{words}: {}", refused.log);
    }
    assert!(stage.sim.journal().is_empty());

    // One group is no group.
    let alone = run(&stage, settings, &[retire, DRY]);
    let grouped = format!("{settings}groups:\n{}", group("one", ""));
    let grouped = run(&stage, &grouped, &[retire, DRY]);
    for run in [&alone, &grouped] {
        assert_eq!(run.status, 0, "{}", run.log);
        assert!(run.log.contains("retire.nothing-found"), "{}", run.log);
    }
}
