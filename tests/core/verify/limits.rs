//! More that may be wrong in a world: what limits the launchers, what conditions of denies mean,
//! grants of wrong forms, Allowed AMIs, and paths of roles.

use ami_share_sim::world::{Constraint, Grant, Grantee, Watermark};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::obstacles::{KEY_ACTIONS, OWN_KEY, is_ours, launcher_arn};
use super::*;

/// One thing that may be wrong, or only look as if it was. A number is that of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// Allowed AMIs, enabled or in audit mode, by a row of [`criteria`].
    AllowedImages(usize, bool),
    /// Policies of [`policies`]: as the launcher's boundary, as a service control policy, or beside
    /// its other identity policies.
    Boundary(usize),
    Control(usize),
    Identity(usize),
    /// A row of [`key_denies`] in the policy of the shared image's key, or of B's own key.
    KeyDeny(usize),
    OwnKeyDeny(usize),
    /// A grant of [`grants`] instead of the statements of the key policy.
    Grant(usize),
    /// B's own key is the default one, and lets one role use it: the launcher, with its path, or
    /// without it.
    DefaultKeyForRole(bool),
}

const POLICIES: usize = 16;
const DENIES: usize = 12;
const GRANTS: usize = 9;
const CRITERIA: usize = 9;

pub(super) fn limits() -> impl Strategy<Value = Limit> {
    use Limit::*;
    prop_oneof![
        (0..CRITERIA, any::<bool>()).prop_map(|(n, audit)| AllowedImages(n, audit)),
        (0..POLICIES).prop_map(Boundary),
        (0..POLICIES).prop_map(Control),
        (0..POLICIES).prop_map(Identity),
        (0..DENIES).prop_map(KeyDeny),
        (0..DENIES).prop_map(OwnKeyDeny),
        (0..GRANTS).prop_map(Grant),
        any::<bool>().prop_map(DefaultKeyForRole),
    ]
}

/// Gives the launcher a path.
pub(super) fn move_launcher(world: &World) {
    let arn = world.iam_arn(B, &format!("role/apps/{LAUNCHER}"));
    world.edit_role(B, LAUNCHER, |role| {
        "/apps/".clone_into(&mut role.path);
        role.arn = arn;
    });
}

impl Limit {
    pub(super) async fn apply(self, world: &World) {
        match self {
            Self::AllowedImages(row, audit) => {
                let state = if audit { "audit-mode" } else { "enabled" };
                world.allow_images(B, state, criteria(row));
            }
            Self::Boundary(row) => world.set_boundary(B, LAUNCHER, &policies(row)),
            Self::Control(row) => world.set_control(B, &policies(row)),
            Self::Identity(row) => {
                let policy = world.localize(&policies(row));
                world.put_role_policy(B, LAUNCHER, "more", &policy).await;
            }
            Self::KeyDeny(row) => {
                let deny = world.localize(&key_denies(world, row));
                world.edit_statements(&world.key_arn("key-1"), |all| all.push(deny));
            }
            Self::OwnKeyDeny(row) => {
                make_default(world).await;
                let deny = world.localize(&key_denies(world, row));
                world.edit_statements(&world.key_arn(OWN_KEY), |all| all.push(deny));
            }
            Self::Grant(row) => {
                let key = world.key_arn("key-1");
                world.edit_statements(&key, |all| all.retain(|statement| !is_ours(statement)));
                let grant = grants(world, row);
                world.edit_key(&key, |key| key.grants.push(grant));
            }
            Self::DefaultKeyForRole(with_path) => {
                make_default(world).await;
                let mut arn = launcher_arn(world);
                if !with_path {
                    arn = world.iam_arn(B, &format!("role/{LAUNCHER}"));
                }
                limit_own_key(world, &arn);
            }
        }
    }
}

async fn make_default(world: &World) {
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    let call = ec2.modify_ebs_default_kms_key_id();
    let key = world.key_arn(OWN_KEY);
    call.kms_key_id(&key).send().await.unwrap();
}

/// Lets the account read the key, and one role use it.
fn limit_own_key(world: &World, role: &str) {
    let reads = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants"];
    let statement = |principal: &str, actions: Value| {
        json!({
            "Effect": "Allow",
            "Principal": { "AWS": principal },
            "Action": actions,
            "Resource": "*",
        })
    };
    let root = world.iam_arn(B, "root");
    world.edit_statements(&world.key_arn(OWN_KEY), |all| {
        *all = vec![
            statement(&root, json!(reads)),
            statement(role, json!("kms:*")),
        ];
    });
}

/// Policies that allow everything, with something less.
fn policies(row: usize) -> Value {
    let allow = |actions: Value, resource: &str| {
        json!({
            "Effect": "Allow",
            "Action": actions,
            "Resource": resource,
        })
    };
    let everything = allow(json!("*"), "*");
    let deny = |action: &str, condition: Value| {
        json!({
            "Effect": "Deny",
            "Action": action,
            "Resource": "*",
            "Condition": condition,
        })
    };
    let region = |operator: &str, name: &str| json!({ operator: { "aws:RequestedRegion": name } });
    let via_ec2 = |operator: &str| json!({ operator: { "kms:ViaService": "ec2.*.amazonaws.com" } });
    let endpoint = |operator: &str| json!({ operator: { "aws:SourceVpce": "vpce-1" } });
    let statements = match row {
        0 => json!([everything]),
        1 => json!([allow(json!(["ec2:*", "sts:*", "iam:*"]), "*")]),
        2 => json!([allow(json!(["ec2:*", "kms:*", "sts:*", "iam:*"]), "*")]),
        3 => json!([
            everything,
            deny("kms:CreateGrant", region("StringLike", "*"))
        ]),
        4 => json!([
            everything,
            deny("ec2:RunInstances", region("StringNotEquals", "us-east-1"))
        ]),
        5 => json!([
            everything,
            deny("ec2:RunInstances", region("StringEquals", "us-east-1"))
        ]),
        6 => json!([everything, deny("kms:*", via_ec2("StringNotLike"))]),
        7 => json!([everything, deny("kms:*", via_ec2("StringLike"))]),
        8 => {
            let owner = json!({ "StringEquals": { "ec2:Owner": A } });
            json!([everything, deny("ec2:RunInstances", owner)])
        }
        9 => json!([everything, deny("kms:*", endpoint("StringEquals"))]),
        10 => json!([everything, deny("kms:Decrypt", endpoint("StringNotEquals"))]),
        11 => {
            let types = json!({ "StringNotLike": { "ec2:InstanceType": ["t3.*", "m7i.*"] } });
            json!([everything, deny("ec2:RunInstances", types)])
        }
        12 => {
            let tag = json!({ "Null": { "aws:RequestTag/Owner": "true" } });
            json!([everything, deny("ec2:RunInstances", tag)])
        }
        13 => {
            let subnet = "arn:aws:ec2:*:*:subnet/subnet-1";
            let mut only = deny("ec2:RunInstances", json!({}));
            only["Resource"] = json!(subnet);
            json!([everything, only])
        }
        14 => {
            let mut ebs = deny("kms:*", json!({}));
            ebs["Resource"] = json!(format!("arn:aws:kms:*:{A}:key/*"));
            json!([everything, ebs])
        }
        _ => {
            let of_a = format!("arn:aws:kms:*:{A}:key/*");
            let others = json!(["ec2:*", "sts:*", "iam:*"]);
            json!([allow(others, "*"), allow(json!("kms:*"), &of_a)])
        }
    };
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Denies of the use of a key.
fn key_denies(world: &World, row: usize) -> Value {
    let launcher = launcher_arn(world);
    let mut deny = json!({
        "Effect": "Deny",
        "Principal": { "AWS": "*" },
        // Not DescribeKey, without which A could not plan.
        "Action": KEY_ACTIONS[1..],
        "Resource": "*",
    });
    let condition = match row {
        0 => {
            deny["Resource"] = json!(format!("arn:aws:kms:us-east-1:{A}:key/other"));
            return deny;
        }
        1 => json!({ "StringNotLike": { "kms:ViaService": "ec2.*.amazonaws.com" } }),
        2 => json!({ "StringLike": { "kms:ViaService": "ec2.*.amazonaws.com" } }),
        3 => json!({ "StringNotEquals": { "kms:CallerAccount": A } }),
        4 => {
            json!({ "ArnLike": { "aws:PrincipalArn": format!("arn:aws:iam::{B}:role/{LAUNCHER}") } })
        }
        5 => json!({ "Bool": { "kms:GrantIsForAWSResource": "false" } }),
        6 => json!({ "StringNotEquals": { "aws:PrincipalArn": launcher } }),
        7 => json!({ "StringNotEquals": { "aws:PrincipalAccount": [A, B] } }),
        8 => {
            deny["Action"] = json!("kms:GenerateDataKey");
            return deny;
        }
        9 => json!({ "StringEquals": { "aws:SourceVpce": "vpce-1" } }),
        10 => json!({ "DateLessThan": { "aws:CurrentTime": "2020-01-01T00:00:00Z" } }),
        _ => json!({ "Bool": { "aws:ViaAWSService": "false" } }),
    };
    deny["Condition"] = condition;
    deny
}

/// A grant to B, or to a role there.
fn grants(world: &World, row: usize) -> Grant {
    let operations = [
        "DescribeKey",
        "CreateGrant",
        "Decrypt",
        "ReEncryptFrom",
        "ReEncryptTo",
        "GenerateDataKeyWithoutPlaintext",
    ];
    let of_role = |name: &str| {
        world.edit_role(B, name, |role| Grantee {
            arn: role.arn.clone(),
            unique_id: Some(role.unique_id.clone()),
        })
    };
    let root = Grantee {
        arn: world.iam_arn(B, "root"),
        unique_id: None,
    };
    let mut grant = Grant {
        id: "f".repeat(64),
        name: Some("ami-share".to_owned()),
        grantee: root,
        issuing_account: A.to_owned(),
        operations: operations.map(str::to_owned).to_vec(),
        ..Grant::default()
    };
    let volume = [("aws:ebs:id".to_owned(), "vol-1".to_owned())];
    match row {
        0 => {}
        1 => grant
            .operations
            .retain(|operation| operation != "CreateGrant"),
        2 => grant
            .operations
            .retain(|operation| operation != "ReEncryptFrom"),
        3 => grant.grantee = of_role(LAUNCHER),
        4 => grant.grantee = of_role("consumer"),
        5 => grant.constraint = Some(Constraint::EncryptionContextSubset(volume.into())),
        6 => {
            grant.grantee = of_role(LAUNCHER);
            B.clone_into(&mut grant.issuing_account);
        }
        7 => {
            grant.grantee = of_role(LAUNCHER);
            let session = format!("assumed-role/{LAUNCHER}/test");
            grant.grantee.arn = world.iam_arn(B, &session).replacen(":iam:", ":sts:", 1);
            let id = grant.grantee.unique_id.take();
            grant.grantee.unique_id = id.map(|id| format!("{id}:test"));
        }
        _ => grant.grantee.arn = world.iam_arn("300000000000", "root"),
    }
    grant
}

/// Criteria of Allowed AMIs, some of which an image of A meets.
fn criteria(row: usize) -> Value {
    match row {
        0 => json!([]),
        1 => json!([{ "providers": [A] }]),
        2 => json!([{ "names": ["image-*"], "providers": ["300000000000", A] }]),
        3 => json!([{ "names": ["golden-*"] }]),
        4 => json!([{ "max-days-since-created": 30 }]),
        5 => json!([{ "max-days-since-deprecated": 0 }]),
        6 => json!([{ "watermarks": [{ "key": "*:approved" }] }]),
        7 => json!([{ "watermarks": [{ "key": "*:tested" }] }, { "product-codes": ["abc"] }]),
        _ => json!([{ "scan": { "max-severity": "high" } }]),
    }
}

/// Marks the shared image, so that some criteria fit it.
pub(super) fn mark_image(world: &World) {
    world.edit_image(&world.image_id("image-1"), |image| {
        image.watermarks.push(Watermark {
            key: format!("{A}:approved"),
            region: world.region(),
            source_image: image.id.clone(),
            ..Watermark::default()
        });
    });
}
