//! What the conditions of the policies refuse.

use std::time::Duration;

use ami_share::request::ShareSnapshots;
use ami_share_sim::world::Policy as PutPolicy;
use aws_sdk_ec2::types::{IpPermission, IpRange, Tag};
use serde_json::json;

use super::*;
use crate::examples::policies::presets::ROLES;
use crate::examples::policies::{Account, Kind, Policy, all};

/// Which changes of the tags of `ami-share` succeed, tried by other principals in both accounts.
async fn write_tags_as_others(documents: &Documents) -> Vec<&'static str> {
    let stage = Stage::new(World::generate(3, 2, 1, 2), documents);
    let world = &stage.world;
    let image_id = world.image_id("image-1");
    world.edit_image(&image_id, |image| {
        image.launch_permissions.add(B.to_owned(), Duration::ZERO);
    });
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let mut written = Vec::new();
    for account in [A, B] {
        let ec2 = aws_sdk_ec2::Client::new(&world.config(account));
        let create = |tag| ec2.create_tags().resources(&image_id).tags(tag);
        let request = tag("ami-share:request", "x");
        if create(request.clone()).send().await.is_ok() {
            written.push("ec2:CreateTags");
        }
        create(tag("team", "web")).send().await.unwrap();
        let delete = ec2.delete_tags().resources(&image_id).tags(request);
        if delete.send().await.is_ok() {
            written.push("ec2:DeleteTags");
        }
        // Without a tag, all of them are meant.
        if ec2.delete_tags().resources(&image_id).send().await.is_ok() {
            written.push("ec2:DeleteTags of all");
        }
    }
    written
}

/// The guard holds up none of the roles of the presets, whatever they do.
#[tokio::test(start_paused = true)]
async fn tag_guard_lets_the_roles_of_the_presets_write_tags() {
    let writing: Vec<&str> = all()
        .into_iter()
        .filter(|policy| writes_tags(policy))
        .map(|policy| policy.name)
        .collect();
    for case in CASES {
        // The management account lists its organization, and no such guard holds there.
        let in_management = |name: &&str| name.starts_with("organization-");
        let is_guarded = !case.policies.iter().any(in_management);
        if !is_guarded || !case.policies.iter().any(|name| writing.contains(name)) {
            continue;
        }
        let mut policies = case.policies.to_vec();
        policies.push("tag-guard");
        let ended = case.run_with(&list_documents(&policies), false).await;
        assert_eq!(ended, Ok(()), "{} under the guard", case.name);
    }
}

/// Each role of the presets with a policy that lets it write tags is exempt from the guard.
#[test]
fn tag_guard_exempts_every_role_of_the_presets_that_writes_tags() {
    let (_, guard) = &list_documents(&["tag-guard"])["tag-guard"];
    let mut checked = Vec::new();
    for role in ROLES {
        let names = role.list_names();
        let mut policies = all().into_iter();
        if !policies.any(|policy| names.contains(&policy.name) && writes_tags(policy)) {
            continue;
        }
        let account = if role.account == Account::Source {
            A
        } else {
            B
        };
        let arn = json!(format!("arn:aws:iam::{account}:role/{}", role.name));
        for statement in guard["Statement"].as_array().unwrap() {
            let exempt = &statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"];
            assert!(
                exempt.as_array().unwrap().contains(&arn),
                "{arn}: {statement}"
            );
        }
        checked.push(role.name);
    }
    assert_eq!(checked, ["publisher", "revoker", "consumer"]);
}

fn writes_tags(policy: &Policy) -> bool {
    let statements = policy.statements.iter().filter(|statement| statement.allow);
    let mut actions = statements.flat_map(|statement| statement.actions);
    actions.any(|action| ["ec2:CreateTags", "ec2:DeleteTags"].contains(&action.name))
}

#[tokio::test(start_paused = true)]
async fn tag_guard_lets_nobody_else_write_tags() {
    let written = write_tags_as_others(&list_documents(&["tag-guard"])).await;
    assert!(written.is_empty(), "{written:?}");
    // Each part of the guard is needed.
    let parts = [
        (0, "ec2:CreateTags", "ec2:CreateTags"),
        (0, "ec2:DeleteTags", "ec2:DeleteTags"),
        (1, "ec2:DeleteTags", "ec2:DeleteTags of all"),
    ];
    for (statement, action, expected) in parts {
        let mut documents = list_documents(&["tag-guard"]);
        let (_, document) = documents.get_mut("tag-guard").unwrap();
        let denied = &mut document["Statement"][statement]["Action"];
        let denied = denied.as_array_mut().unwrap();
        denied.retain(|denied| denied != action);
        denied.push("ec2:Nothing".into());
        let written = write_tags_as_others(&documents).await;
        assert_eq!(written, [expected, expected], "in both accounts");
    }
}

/// Nobody but the roles of ami-share marks an instance or a security group as its own, or takes the
/// mark away.
#[tokio::test(start_paused = true)]
async fn tag_guard_covers_instances_and_security_groups() {
    for is_guarded in [false, true] {
        let mut documents = list_documents(&["tag-guard"]);
        if !is_guarded {
            documents.clear();
        }
        let stage = Stage::new(World::generate(3, 2, 1, 2), &documents);
        let world = &stage.world;
        world.share(world.build_request(&["image-1"])).await;
        let launched = world.launch_as_b(&world.image_id("image-1")).await;
        assert_eq!(launched, "running");
        let instance = world
            .sim
            .edit(|state| state.instances.keys().next().cloned());
        let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
        for resource in [instance.unwrap(), create_group(&ec2).await] {
            let tag = Tag::builder().key("ami-share:verify").value("x").build();
            let tagging = ec2.create_tags().resources(&resource).tags(tag);
            assert_eq!(tagging.send().await.is_err(), is_guarded, "{resource}");
            let untagging = ec2.delete_tags().resources(&resource);
            assert_eq!(untagging.send().await.is_err(), is_guarded, "{resource}");
        }
    }
}

async fn create_group(ec2: &aws_sdk_ec2::Client) -> String {
    let create = ec2.create_security_group().group_name("theirs");
    let created = create.description("theirs").send().await.unwrap();
    created.group_id.unwrap()
}

/// A role that launches to verify can neither open up nor remove security groups of others, nor
/// make any that it would not remove.
#[tokio::test(start_paused = true)]
async fn verifier_launch_touches_only_its_own_security_groups() {
    for is_limited in [true, false] {
        let mut documents = list_documents(&["verifier-launch"]);
        let (_, document) = documents.get_mut("verifier-launch").unwrap();
        if !is_limited {
            for statement in document["Statement"].as_array_mut().unwrap() {
                statement.as_object_mut().unwrap().remove("Condition");
            }
        }
        let stage = Stage::new(World::generate(3, 2, 1, 2), &documents);
        let world = &stage.world;
        let theirs = create_group(&aws_sdk_ec2::Client::new(&world.config(B))).await;
        world.edit_role(B, stage::CONSUMER, |role| {
            let trust =
                json!({ "Effect": "Allow", "Principal": { "AWS": B }, "Action": "sts:AssumeRole" });
            let document = json!({ "Statement": trust }).to_string();
            role.trust = PutPolicy::parse(&document, Duration::ZERO).unwrap();
        });
        let config = world.assume_role(B, stage::CONSUMER, None).await;
        let ec2 = aws_sdk_ec2::Client::new(&config);
        let everything = IpPermission::builder().ip_protocol("-1");
        let everything = everything.ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build());
        let stripping = ec2.revoke_security_group_egress().group_id(&theirs);
        let stripping = stripping.ip_permissions(everything.build());
        assert_eq!(stripping.send().await.is_err(), is_limited);
        let removing = ec2.delete_security_group().group_id(&theirs);
        assert_eq!(removing.send().await.is_err(), is_limited);
        let creating = ec2.create_security_group().group_name("unmarked");
        let creating = creating.description("unmarked").send().await;
        assert_eq!(creating.is_err(), is_limited);
    }
}

/// Nobody with a published policy can write a key policy that nobody can change any more, not even
/// by the parameter that passes by KMS's own check.
#[tokio::test(start_paused = true)]
async fn no_policy_passes_by_the_lockout_check() {
    let mut names = Vec::new();
    for policy in all() {
        let mut actions = policy.statements.iter().flat_map(|one| one.actions);
        let writes = actions.any(|action| action.name == "kms:PutKeyPolicy");
        if writes && policy.kind == Kind::Identity {
            names.push(policy.name);
        }
    }
    assert!(names.contains(&"publisher") && names.contains(&"revoker"));
    for name in names {
        for is_guarded in [true, false] {
            check_lockout(name, is_guarded).await;
        }
    }
}

async fn check_lockout(name: &'static str, is_guarded: bool) {
    let mut documents = list_documents(&[name]);
    let (_, document) = documents.get_mut(name).unwrap();
    if !is_guarded {
        for statement in document["Statement"].as_array_mut().unwrap() {
            let members = statement.as_object_mut().unwrap();
            if members["Action"].to_string().contains("kms:PutKeyPolicy") {
                members.remove("Condition");
            }
        }
    }
    let stage = Stage::new(World::generate(3, 2, 1, 2), &documents);
    let config = stage.assume_runner().await;
    let kms = aws_sdk_kms::Client::new(&config);
    let everybody = json!({
        "Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
    });
    let locked = json!({ "Version": "2012-10-17", "Statement": [everybody] }).to_string();
    let key = stage.world.key_arn("key-1");
    let put = |bypass| {
        let call = kms.put_key_policy().key_id(&key).policy(&locked);
        let call = call.set_bypass_policy_lockout_safety_check(bypass);
        call.send()
    };
    // KMS's own check refuses it without the parameter.
    assert!(put(None).await.is_err() && put(Some(false)).await.is_err());
    assert_eq!(put(Some(true)).await.is_err(), is_guarded, "{name}");
}

/// A publisher can share snapshots only with the targets that its conditions name, and use only the
/// keys that its statements name. Of images, AWS has no condition that says with whom.
#[tokio::test(start_paused = true)]
async fn conditions_refuse_other_targets_and_keys() {
    let documents = list_documents(&["publisher", "snapshots"]);
    let stage = Stage::new(World::generate(3, 2, 1, 2), &documents);
    let other = "300000000000".parse().unwrap();
    let request = in_source::build_home_request(&stage).target_account(other);
    let request = request.share_snapshots(ShareSnapshots::Always);
    let error = stage.run(request).await.unwrap_err();
    let denial = "may not perform ec2:ModifySnapshotAttribute";
    assert!(error.contains(denial), "{error}");

    let one_key = stage.world.key_arn("key-eu-west-1");
    let mut documents = list_documents(&["publisher"]);
    let (_, document) = documents.get_mut("publisher").unwrap();
    for statement in document["Statement"].as_array_mut().unwrap() {
        let sid = statement["Sid"].as_str().unwrap();
        if ["ReadKeyPolicies", "WriteKeyPolicies"].contains(&sid) {
            statement["Resource"] = one_key.clone().into();
        }
    }
    let stage = Stage::new(World::generate(3, 2, 1, 2), &documents);
    let request = in_source::build_home_request(&stage);
    let error = stage.run(request).await.unwrap_err();
    assert!(
        error.contains("may not perform kms:GetKeyPolicy"),
        "{error}"
    );
    assert!(error.contains(&stage.world.key_arn("key-1")), "{error}");
}
