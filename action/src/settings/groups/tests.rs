//! Which settings two groups must agree on: a table over every input that a group may have.

use std::collections::BTreeSet;

use crate::inputs::{INPUTS, Raw};
use crate::settings::config_file::is_of_group;
use crate::settings::parse;

/// What a setting is about, and so whether two groups may differ in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// An image, whoever shares it.
    OfImage,
    /// A copy, or what a target that is in both groups has of the image.
    OfCopy,
    /// The policy of a key.
    OfPolicy,
    /// A target that is in both groups.
    OfTarget,
    /// The group's own: it may differ in any case.
    Own,
    /// No run with several groups has it.
    Alone,
}

use About::{Alone, OfCopy, OfImage, OfPolicy, OfTarget, Own};

const UNIT: &str = "arn:aws:organizations::111111111111:ou/o-example123/ou-ab12-11111111";
const ORGANIZATION: &str = "arn:aws:organizations::111111111111:organization/o-example123";

/// Each input of a group with two values, which the first and the second group give; a blank one is
/// not given.
const TABLE: &[(&str, About, [&str; 2])] = &[
    ("target-accounts", Own, ["444444444444", "555555555555"]),
    ("target-organizations", Own, [ORGANIZATION, ""]),
    ("target-organizational-units", Own, [UNIT, ""]),
    ("expand-organizations", Alone, ["true", "false"]),
    (
        "organizations-role",
        Alone,
        ["arn:aws:iam::999999999999:role/x", ""],
    ),
    ("exclude-accounts", Alone, ["666666666666", ""]),
    ("share-snapshots", OfTarget, ["true", "false"]),
    ("share-tags", OfImage, ["all", "Team"]),
    ("kms-key-id", OfTarget, ["alias/a", "alias/b"]),
    ("key-access", OfTarget, ["policy", "grants"]),
    ("key-scope", OfTarget, ["via-ec2", "direct"]),
    (
        "key-role",
        OfTarget,
        ["arn:aws:iam::444444444444:role/x", ""],
    ),
    ("drop-stale-principals", OfPolicy, ["true", "false"]),
    ("copy-to-regions", Own, ["eu-west-1", "eu-west-2"]),
    ("copy-name", Own, ["{name}-a", "{name}-b"]),
    ("copy-description", OfCopy, ["one", "two"]),
    ("share-source", Own, ["true", "false"]),
    ("copy-completion", OfCopy, ["15m", ""]),
    ("copy-image-tags", OfCopy, ["true", "false"]),
    ("tags", OfCopy, ["{x: one}", "{x: two}"]),
    ("target-role", Own, ["one", "two"]),
    ("target-external-id", Own, ["one", "two"]),
    ("target-kms-key-id", OfTarget, ["alias/a", "alias/b"]),
    ("unshare-after-copy", OfTarget, ["true", "false"]),
    ("target-launch-roles", Own, ["one", "two"]),
    ("target-launch-policy", Own, ["one", "two"]),
    (
        "target-service-linked-roles",
        Own,
        ["autoscaling.amazonaws.com", ""],
    ),
    ("target-launch-templates", Own, ["one", "two"]),
    ("set-default-version", OfTarget, ["true", "false"]),
    ("verify", Own, ["none", "permissions"]),
    ("verify-instance-type", Own, ["t3.micro", "t3.small"]),
    (
        "verify-subnet-id",
        Own,
        ["subnet-1a2b3c4d", "subnet-1a2b3c4e"],
    ),
    ("publish-ssm-parameter", Own, ["/a/{name}", "/b/{name}"]),
    ("overwrite-ssm-parameter", Own, ["true", "false"]),
    ("watermark", OfImage, ["one", "two"]),
    ("deprecate-at", OfImage, ["60d", "30d"]),
    ("deregistration-protection", OfImage, ["true", "false"]),
];

/// What some settings need.
fn needed(input: &str) -> &'static [(&'static str, &'static str)] {
    match input {
        "target-external-id"
        | "target-kms-key-id"
        | "target-launch-roles"
        | "target-service-linked-roles"
        | "target-launch-templates" => &[("target-role", "x")],
        "unshare-after-copy" => &[("target-role", "x"), ("target-kms-key-id", "alias/own")],
        "target-launch-policy" => &[("target-role", "x"), ("target-launch-roles", "y")],
        "set-default-version" => &[("target-role", "x"), ("target-launch-templates", "web")],
        "overwrite-ssm-parameter" => &[("publish-ssm-parameter", "/a/{name}")],
        "verify-instance-type" | "verify-subnet-id" => {
            &[("target-role", "x"), ("verify", "launch")]
        }
        "share-source" | "copy-to-regions" => &[("kms-key-id", "alias/a")],
        "organizations-role" | "exclude-accounts" | "expand-organizations" => &[
            ("target-organizational-units", UNIT),
            ("expand-organizations", "true"),
        ],
        _ => &[],
    }
}

/// What two groups share besides the image.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// Copies under one key.
    copies: bool,
    /// A target.
    target: bool,
}

/// Both groups of a file, which differ in one setting.
fn groups(shape: Shape, input: &str, values: [&str; 2]) -> [String; 2] {
    let accounts = if shape.target {
        ["222222222222"; 2]
    } else {
        ["222222222222", "333333333333"]
    };
    [0, 1].map(|number| {
        let mut settings = vec![("target-accounts", accounts[number].to_owned())];
        if shape.copies {
            settings.push(("kms-key-id", "alias/a".to_owned()));
            settings.push(("copy-to-regions", "eu-west-1".to_owned()));
        }
        for (name, value) in needed(input) {
            settings.retain(|(known, _)| known != name);
            settings.push((name, (*value).to_owned()));
        }
        if input == "target-accounts" {
            settings[0].1 += &format!(" {}", values[number]);
        } else {
            settings.retain(|(name, _)| *name != input);
            settings.push((input, values[number].to_owned()));
        }
        let mut group = format!("- name: group-{number}\n");
        for (name, value) in settings {
            if !value.is_empty() {
                let is_mapping = value.contains(": ");
                let quote = if is_mapping { "" } else { "'" };
                group += &format!("  {name}: {quote}{value}{quote}\n");
            }
        }
        group
    })
}

/// What is wrong with a file of these groups.
fn problems(groups: &[&String]) -> Vec<String> {
    let mut text = "ami-id: us-east-1:ami-1a2b3c4d\ngroups:\n".to_owned();
    for group in groups {
        text += group;
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let raw = Raw {
        config_file: Some(file.path().to_str().unwrap().to_owned()),
        ..Raw::default()
    };
    let problems = parse(&raw, Vec::new()).err().unwrap_or_default();
    problems.into_iter().map(|it| it.message).collect()
}

#[test]
fn every_setting_of_a_group_is_its_own_or_one_that_groups_agree_on() {
    let of_groups = INPUTS.iter().filter(|input| is_of_group(input));
    let of_groups: BTreeSet<&str> = of_groups.map(|input| input.name).collect();
    let in_table: BTreeSet<&str> = TABLE.iter().map(|(input, ..)| *input).collect();
    assert_eq!(of_groups, in_table, "each input of a group needs a row");
    assert_eq!(TABLE.len(), in_table.len());

    for (input, about, values) in TABLE {
        for (copies, target) in [(false, false), (true, false), (false, true), (true, true)] {
            let shape = Shape { copies, target };
            let is_refused = match about {
                OfImage | Alone => true,
                OfPolicy => copies,
                OfCopy => copies || target,
                OfTarget => target,
                Own => false,
            };
            let [one, other] = groups(shape, input, *values);
            for order in [[&one, &other], [&other, &one]] {
                let problems = problems(&order);
                let what = format!("{input} {shape:?}: {problems:?}");
                assert_eq!(!problems.is_empty(), is_refused, "{what}");
                let mut problems = problems.iter();
                assert!(
                    problems.all(|problem| problem.contains(input) || *about == Alone),
                    "{what}"
                );
            }
            let same = groups(shape, input, [values[0]; 2]);
            let problems = problems(&[&same[0], &same[1]]);
            assert_eq!(
                !problems.is_empty(),
                *about == Alone,
                "{input}: {problems:?}"
            );
        }
    }
}

/// Copies under keys of their own, or with names of their own, are not the same.
#[test]
fn groups_with_copies_of_their_own_may_differ() {
    let shape = Shape {
        copies: true,
        target: false,
    };
    for (input, about, values) in TABLE {
        if matches!(about, Alone | OfPolicy) || *input == "copy-name" {
            continue;
        }
        for own in ["copy-name: '{name}-b'", "kms-key-id: alias/b"] {
            let [one, mut other] = groups(shape, input, *values);
            let name = own.split(':').next().unwrap_or_default();
            if *input == name {
                continue;
            }
            let is_other = |line: &&str| !line.trim_start().starts_with(&format!("{name}:"));
            other = other
                .lines()
                .filter(is_other)
                .map(|line| format!("{line}\n"))
                .collect();
            other += &format!("  {own}\n");
            let problems = problems(&[&one, &other]);
            assert!(problems.is_empty(), "{input} {own}: {problems:?}");
        }
    }
}
