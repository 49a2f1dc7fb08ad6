//! Random worlds and requests in them.

use std::collections::BTreeSet;

use ami_share::request::{KeyAccessMode, KeyScope, ShareRequestBuilder, ShareSnapshots};
use ami_share_sim::world::Grant;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::*;

const ACCOUNT: &str = "300000000000";
/// An account with access of its own, in no request.
const STRANGER: &str = "300000000002";

/// A world and a request in it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// The keys of each image's volumes, by number.
    pub(super) images: Vec<Vec<usize>>,
    /// Which of the foreign statements and grants the keys have.
    pub(super) statements: Vec<bool>,
    pub(super) grants: Vec<bool>,
    /// Whether a stranger can launch each image, and copy it.
    pub(super) stranger: bool,
    /// How many of the images are asked for.
    pub(super) asked: usize,
    pub(super) targets: BTreeSet<&'static str>,
    pub(super) mode: KeyAccessMode,
    pub(super) scope: KeyScope,
    pub(super) snapshots: ShareSnapshots,
    /// Re-encrypted under the second key.
    pub(super) copies: bool,
    /// Copied to another Region.
    pub(super) regions: bool,
}

pub(super) fn cases() -> impl Strategy<Value = Case> {
    let volumes = prop::collection::vec(1..=2_usize, 1..=2);
    let world = (
        prop::collection::vec(volumes, 1..=3),
        prop::collection::vec(any::<bool>(), 5),
        prop::collection::vec(any::<bool>(), 4),
        any::<bool>(),
    );
    let principals = prop::sample::select(vec![B, ACCOUNT, ORGANIZATION, UNIT]);
    let request = (
        1..=3_usize,
        prop::collection::btree_set(principals, 1..=4),
        prop::sample::select(vec![KeyAccessMode::Policy, KeyAccessMode::Grants]),
        prop::sample::select(vec![KeyScope::ViaEc2, KeyScope::Direct]),
        prop::sample::select(vec![ShareSnapshots::Auto, ShareSnapshots::Always]),
        any::<bool>(),
        any::<bool>(),
    );
    (world, request).prop_map(|(world, request)| {
        let (images, statements, grants, stranger) = world;
        let (asked, mut targets, mode, mut scope, snapshots, copies, regions) = request;
        if mode == KeyAccessMode::Grants {
            // Nor does it keep `via-ec2`.
            scope = KeyScope::Direct;
            // A grant takes no organization (R3.3.1).
            targets.retain(|target| !target.starts_with("arn:"));
            targets.extend(targets.is_empty().then_some(B));
        }
        let asked = asked.min(images.len());
        Case {
            images,
            statements,
            grants,
            stranger,
            asked,
            targets,
            mode,
            scope,
            snapshots,
            copies,
            regions,
        }
    })
}

impl Case {
    pub(super) fn build_world(&self) -> World {
        let mut scenario = generate_scenario(5, 2, self.images.len().max(2), 1);
        for (image, keys) in scenario.images.iter_mut().zip(&self.images) {
            image.volumes = keys.iter().map(|key| Some(format!("key-{key}"))).collect();
            if self.stranger {
                image.shared_with = vec![STRANGER.to_owned()];
                image.snapshots_shared_with = vec![STRANGER.to_owned()];
            }
        }
        scenario.images.truncate(self.images.len());
        for key in scenario.keys.iter_mut().filter(|key| key.account == A) {
            key.policy = Some(build_policy(&self.statements));
        }
        let world = World::from_scenario(scenario);
        for key in ["key-1", "key-2"] {
            let grants = build_grants(&self.grants);
            world.edit_key(&world.key_arn(key), |key| key.grants = grants);
        }
        world
    }

    pub(super) fn build_request(&self, world: &World) -> ShareRequestBuilder {
        self.build_request_of(world, 1..=self.asked)
    }

    /// The request for these images, by number.
    pub(super) fn build_request_of(
        &self,
        world: &World,
        images: impl IntoIterator<Item = usize>,
    ) -> ShareRequestBuilder {
        let names: Vec<String> = images.into_iter().map(|n| format!("image-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let targets: Vec<&str> = self.targets.iter().copied().collect();
        let mut request = world
            .build_request_for(&names, &targets)
            .key_access(self.mode)
            .key_scope(self.scope)
            .share_snapshots(self.snapshots);
        let key = |name: &str| world.key_arn(name).parse().unwrap();
        if self.copies || self.regions {
            request = request.kms_key_in("us-east-1".parse().unwrap(), key("key-2"));
        }
        if self.regions {
            let region = "eu-west-1".parse().unwrap();
            request = request
                .copy_to_regions(["eu-west-1".parse().unwrap()])
                .kms_key_in(region, key("key-eu-west-1"));
        }
        request
    }
}

/// Those of a list that are chosen.
fn choose<T>(all: impl IntoIterator<Item = T>, chosen: &[bool]) -> Vec<T> {
    let pairs = all.into_iter().zip(chosen);
    pairs
        .filter_map(|(one, chosen)| chosen.then_some(one))
        .collect()
}

/// A policy with statements as other people and tools write them: words and lists, with and without
/// a Sid, allow and deny, for A's own roles, for a stranger, and for a role of a target.
fn build_policy(chosen: &[bool]) -> Value {
    let publisher = "arn:aws:iam::111111111111:role/publisher";
    let foreign = [
        json!({
            "Effect": "Allow",
            "Principal": { "AWS": publisher },
            "Action": "kms:Describe*",
            "Resource": "*",
        }),
        json!({
            "Sid": "Theirs",
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{STRANGER}:root") },
            "Action": ["kms:Decrypt", "kms:CreateGrant"],
            "Resource": "*",
        }),
        json!({
            "Sid": "Not unencrypted",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "kms:ScheduleKeyDeletion",
            "Resource": "*",
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        }),
        json!({
            "Sid": "Launcher",
            "Effect": "Allow",
            "Principal": { "AWS": [format!("arn:aws:iam::{B}:role/launcher")] },
            "Action": "kms:Encrypt",
            "Resource": "*",
        }),
        json!({
            "Sid": "Whole organization",
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": "kms:DescribeKey",
            "Resource": "*",
            "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o-example123" } },
        }),
    ];
    let own = json!({
        "Sid": "Own",
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{A}:root") },
        "Action": "kms:*",
        "Resource": "*",
    });
    let mut statements = vec![own];
    statements.extend(choose(foreign, chosen));
    json!({ "Version": "2012-10-17", "Id": "mixed", "Statement": statements })
}

/// Grants that others made: A for its own role, A for a target by hand, one without a name, and a
/// stranger.
fn build_grants(chosen: &[bool]) -> Vec<Grant> {
    let publisher = "arn:aws:iam::111111111111:role/publisher";
    let grant = |n: usize, name: Option<&str>, issuer: &str, grantee: &str| Grant {
        name: name.map(str::to_owned),
        ..build_grant(&format!("foreign-{n}"), issuer, grantee)
    };
    let root = |account: &str| format!("arn:aws:iam::{account}:root");
    let launcher = format!("arn:aws:iam::{STRANGER}:role/launcher");
    let foreign = [
        grant(0, Some("backups"), A, publisher),
        grant(1, Some("by-hand"), A, &root(B)),
        grant(2, None, A, &root(ACCOUNT)),
        grant(3, Some("handed-on"), STRANGER, &launcher),
    ];
    choose(foreign, chosen)
}
