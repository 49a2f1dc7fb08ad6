//! Keys of targets whose policies may name service-linked roles already.

use serde_json::{Value, json};

use super::*;

/// What the policy of the target's own key says of the role.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    /// Everything that the role needs, as AWS publishes it.
    All,
    /// The same, and the target's role may not read it.
    Unread,
    /// Only some of it.
    Some,
    /// All, to another role.
    OtherRole,
    /// All, on a condition that nobody can judge from here.
    Conditional,
}

fn statements(says: Says) -> Vec<Value> {
    let role = if says == Says::OtherRole {
        "AWSServiceRoleForEC2Fleet"
    } else {
        ROLE
    };
    let principal =
        format!("arn:aws:iam::{B}:role/aws-service-role/autoscaling.amazonaws.com/{role}");
    let mut allow_use = json!({
        "Effect": "Allow",
        "Principal": { "AWS": principal },
        "Action": [
            "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*",
            "kms:DescribeKey",
        ],
        "Resource": "*",
    });
    if says == Says::Conditional {
        let tag = json!({ "StringEquals": { "aws:PrincipalTag/team": "web" } });
        allow_use["Condition"] = tag;
    }
    let allow_grants = json!({
        "Effect": "Allow",
        "Principal": { "AWS": principal },
        "Action": "kms:CreateGrant",
        "Resource": "*",
        "Condition": { "Bool": { "kms:GrantIsForAWSResource": true } },
    });
    if says == Says::Some {
        vec![allow_use]
    } else {
        vec![allow_use, allow_grants]
    }
}

/// B's role may do everything but what a policy that suffices makes needless.
async fn build_world_that_says(says: Says) -> World {
    let world = build_world(1).await;
    world.create_service_linked_role(B, AUTO_SCALING).await;
    world.set_default_key(B, "us-east-1", OWN_KEY);
    world.edit_statements(&world.key_arn(OWN_KEY), |all| {
        all.extend(statements(says));
    });
    let mut denied = Vec::new();
    if says == Says::All {
        denied.push("kms:CreateGrant");
    }
    if says == Says::Unread {
        denied.push("kms:GetKeyPolicy");
    }
    if !denied.is_empty() {
        let key = world.key_arn(OWN_KEY);
        let mut deny = json!({ "Effect": "Deny", "Action": denied, "Resource": key });
        if says == Says::All {
            // EC2 makes grants of its own for a copy.
            let to_services = json!({ "kms:GranteePrincipal": "*:role/aws-service-role/*" });
            deny["Condition"] = json!({ "StringLike": to_services });
        }
        let policy = json!({ "Version": "2012-10-17", "Statement": [deny] });
        world.put_role_policy(B, "consumer", "deny", &policy).await;
    }
    world
}

/// Both ways by which a service launches under a key of the target: a shared image under its
/// default key, and its own copy.
#[tokio::test(start_paused = true)]
async fn role_gets_no_grant_where_policy_of_own_key_suffices() {
    for copies in [false, true] {
        for says in [
            Says::All,
            Says::Unread,
            Says::Some,
            Says::OtherRole,
            Says::Conditional,
        ] {
            let case = format!("{says:?}, copies: {copies}");
            let world = build_world_that_says(says).await;
            let request = || {
                let mut options = with_auto_scaling();
                if copies {
                    options = options.kms_key(format!("alias/{OWN_KEY}").parse().unwrap());
                }
                build_request(&world, &["image-1"], options)
            };
            let report = world.share(request()).await;
            assert_eq!(report.errors, [], "{case}");
            let of_role = |grant: &ami_share_sim::world::Grant| grant.grantee.arn.ends_with(ROLE);
            let grants = world.edit_key(&world.key_arn(OWN_KEY), |key| key.grants.clone());
            let granted = grants.iter().filter(|grant| of_role(grant)).count();
            assert_eq!(granted, usize::from(says != Says::All), "{case}");
            let codes = list_codes(&report);
            let is_unread = codes.contains(&"key.policy-unread");
            assert_eq!(is_unread, says == Says::Unread, "{case}: {codes:?}");

            let image_id = world.find_image_of(B).unwrap_or(world.image_id("image-1"));
            let launched = world.launch_as_service_role(B, ROLE, &image_id).await;
            assert_eq!(launched, "running", "{case}");
            assert_eq!(find_verdict(&report).0, verdict(says), "{case}");
            let again = world.share(request()).await;
            assert!(!again.changed, "{case}");
            let codes = list_codes(&again);
            assert!(!codes.contains(&"key.policy-unread"), "{case}: {codes:?}");
        }
    }
}

/// Verification knows no more than it can read.
fn verdict(says: Says) -> Verdict {
    match says {
        Says::Unread => Verdict::Unknown,
        Says::All | Says::Some | Says::OtherRole | Says::Conditional => Verdict::Yes,
    }
}

/// A quota counts every grant that a run makes: of images, of roles, and those by which a target
/// passes on what it has.
#[tokio::test(start_paused = true)]
async fn too_many_grants_are_counted_on_every_key() {
    const QUOTA: usize = 50_000;
    // What is shared, the key in question, and how many grants a run makes of it.
    for (mode, copies, key, more) in [
        (KeyAccessMode::Grants, false, "key-1", 3),
        (KeyAccessMode::Policy, false, "key-1", 1),
        (KeyAccessMode::Grants, false, OWN_KEY, 1),
        (KeyAccessMode::Policy, true, OWN_KEY, 1),
    ] {
        for room in [more - 1, more] {
            let case = format!("{mode:?}, copies: {copies}, {key}: room for {room}");
            let world = build_world(1).await;
            world.create_service_linked_role(B, AUTO_SCALING).await;
            world.set_default_key(B, "us-east-1", OWN_KEY);
            let grantee = format!("arn:aws:iam::{A}:role/launcher");
            let grants = (0..QUOTA - room).map(|n| build_grant(&format!("grant-{n}"), A, &grantee));
            let key_arn = world.key_arn(key);
            world.edit_key(&key_arn, |key| key.grants.extend(grants));
            let mut options = with_auto_scaling();
            if copies {
                options = options.kms_key(format!("alias/{OWN_KEY}").parse().unwrap());
            }
            let request = build_request(&world, &["image-1"], options).key_access(mode);
            let plan = world.plan(request).await;
            let mut findings = plan.findings.iter();
            let finding = findings.find(|finding| finding.code.as_str() == "grants.too-many");
            assert_eq!(
                finding.is_some(),
                room < more,
                "{case}: {:?}",
                plan.findings
            );
            if let Some(finding) = finding {
                assert_eq!(finding.resource, key_arn, "{case}");
                let words = format!("{more} more");
                assert!(
                    finding.message.contains(&words),
                    "{case}: {}",
                    finding.message
                );
            }
        }
    }
}
