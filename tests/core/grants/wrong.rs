//! Grants that have our names and do something else: somebody in the key's account made them, or a
//! target that may make grants. None counts, whatever it is called.

use std::collections::BTreeMap;

use ami_share::report::{Conclusion, Verdict};
use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, TargetOptions, Verify};
use ami_share_sim::world::{Constraint, Grant, Grantee};

use super::super::support::*;

const C: &str = "300000000000";
const SERVICE: &str = "autoscaling.amazonaws.com";
const ROLE: &str = "AWSServiceRoleForAutoScaling";
const LAUNCHER: &str = "launcher";

/// What is wrong with a grant.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    OtherAccount,
    OtherRole,
    /// The role was deleted and made again since.
    FormerRole,
    FewerOperations,
    MoreOperations,
    Constraint,
    Issuer,
    Service,
}

const EACH: [Wrong; 8] = [
    Wrong::OtherAccount,
    Wrong::OtherRole,
    Wrong::FormerRole,
    Wrong::FewerOperations,
    Wrong::MoreOperations,
    Wrong::Constraint,
    Wrong::Issuer,
    Wrong::Service,
];

fn spoil(grant: &mut Grant, wrong: Wrong, role_id: &str) {
    let grantee = |arn: String, unique_id: Option<&str>| Grantee {
        arn,
        unique_id: unique_id.map(str::to_owned),
    };
    match wrong {
        Wrong::OtherAccount => grant.grantee = grantee(format!("arn:aws:iam::{C}:root"), None),
        Wrong::OtherRole => {
            let arn = format!("arn:aws:iam::{B}:role/consumer");
            grant.grantee = grantee(arn, Some(role_id));
        }
        Wrong::FormerRole => {
            grant.grantee = grantee(grant.grantee.arn.clone(), Some("AROAFORMERROLE0000000"));
        }
        Wrong::FewerOperations => grant
            .operations
            .retain(|operation| operation != "CreateGrant"),
        Wrong::MoreOperations => grant.operations.push("RetireGrant".to_owned()),
        Wrong::Constraint => {
            let context = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
            grant.constraint = Some(Constraint::EncryptionContextSubset(context));
        }
        Wrong::Issuer => {
            let other = if grant.issuing_account == A { B } else { A };
            other.clone_into(&mut grant.issuing_account);
        }
        Wrong::Service => {
            grant.grantee = grantee("ec2.us-east-1.amazonaws.com".to_owned(), None);
            grant.for_service = true;
        }
    }
}

/// A way to share, and whether a service launches too.
#[derive(Clone, Copy, Debug)]
struct Way {
    mode: KeyAccessMode,
    services: bool,
}

const WAYS: [Way; 3] = [
    Way {
        mode: KeyAccessMode::Grants,
        services: false,
    },
    Way {
        mode: KeyAccessMode::Grants,
        services: true,
    },
    Way {
        mode: KeyAccessMode::Policy,
        services: true,
    },
];

impl Way {
    async fn build_world(self) -> World {
        let world = World::generate(3, 1, 1, 1);
        for role in ["consumer", LAUNCHER] {
            world
                .allow_actions(B, role, &["ec2:*", "kms:*", "iam:*"])
                .await;
        }
        world.set_default_key(B, "us-east-1", "own-222222222222");
        world
    }

    fn build_request(self, world: &World) -> ShareRequestBuilder {
        let mut options = with_target_role().launch_roles([LAUNCHER.to_owned()]);
        if self.services {
            options = options.service_linked_roles([SERVICE.to_owned()]);
        }
        self.build_request_with(world, options)
    }

    fn build_request_with(self, world: &World, options: TargetOptions) -> ShareRequestBuilder {
        world
            .build_request(&["image-1"])
            .key_access(self.mode)
            .target_options(options)
    }

    /// Whether everybody who is to launch can.
    async fn launches(self, world: &World) -> bool {
        let image_id = world.image_id("image-1");
        let mut launched = vec![world.launch_as_role(B, LAUNCHER, &image_id).await];
        if self.services {
            launched.push(world.launch_as_service_role(B, ROLE, &image_id).await);
        }
        world.terminate_instances_of(B).await;
        launched.iter().all(|state| state == "running")
    }

    /// Shares, and then spoils each grant that the run made.
    async fn share_and_spoil(self, wrong: Wrong) -> World {
        let world = self.build_world().await;
        world.share(self.build_request(&world)).await;
        assert!(self.launches(&world).await, "{self:?}");
        let role_id = world.edit_role(B, "consumer", |role| role.unique_id.clone());
        world.sim.edit(|state| {
            for key in state.keys.values_mut() {
                for grant in &mut key.grants {
                    spoil(grant, wrong, &role_id);
                }
            }
        });
        world
    }
}

fn list_grants_of(world: &World, key: &str) -> Vec<Grant> {
    world.edit_key(&world.key_arn(key), |key| key.grants.clone())
}

fn list_ids(grants: &[Grant]) -> Vec<&str> {
    grants.iter().map(|grant| grant.id.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn wrong_grant_gets_right_one_beside_it_and_revoke_leaves_it() {
    for way in WAYS {
        for wrong in EACH {
            let world = way.share_and_spoil(wrong).await;
            let (spoiled, of_default_key) = (
                list_grants_of(&world, "key-1"),
                list_grants_of(&world, "own-222222222222").len(),
            );

            // 1. It is a finding, and a right one is made under another name.
            let report = world.share(way.build_request(&world)).await;
            let mut named = report.findings.iter();
            let is_named = named.any(|finding| finding.code.as_str() == "grants.name-taken");
            assert!(is_named, "{way:?} {wrong:?}: {:?}", report.findings);
            assert!(way.launches(&world).await, "{way:?} {wrong:?}");
            let count = |key: &str| list_grants_of(&world, key).len();
            assert_eq!(count("key-1"), 2 * spoiled.len(), "{way:?} {wrong:?}");
            assert_eq!(count("own-222222222222"), 2 * of_default_key);
            let before = world.count_changes();
            let again = world.share(way.build_request(&world)).await;
            assert!(!again.changed, "{way:?} {wrong:?}");
            assert_eq!(world.count_changes(), before, "{way:?} {wrong:?}");

            // 2. A revoke takes what this tool made and what the target made, and nothing else.
            let revoke = Revoke {
                keys_in_use: true,
                ..Revoke::default()
            };
            let report = world.share(way.build_request(&world).revoke(revoke)).await;
            let mut kept = spoiled;
            kept.retain(|grant| grant.issuing_account == A || grant.for_service);
            let is_of_b = |grant: &Grant| {
                let named = grant.grantee.arn.contains(B);
                named && grant.grantee.unique_id.as_deref() != Some("AROAFORMERROLE0000000")
            };
            // Whoever keeps access by such a grant is named.
            let is_told = list_codes(&report).contains(&"revoke.other-way");
            assert_eq!(is_told, kept.iter().any(is_of_b), "{way:?} {wrong:?}");
            let left = list_grants_of(&world, "key-1");
            assert_eq!(list_ids(&left), list_ids(&kept), "{way:?} {wrong:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn verification_says_what_wrong_grants_do() {
    for way in WAYS {
        for wrong in EACH {
            let world = way.share_and_spoil(wrong).await;
            let mut options = with_target_role()
                .launch_roles([LAUNCHER.to_owned()])
                .verify(Verify::Permissions);
            if way.services {
                options = options.service_linked_roles([SERVICE.to_owned()]);
            }
            let sharer = ami_share::Sharer::new(&world.config(A));
            let request = way.build_request_with(&world, options).build().unwrap();
            let verified = sharer.verify(&request).await.unwrap();
            let is_blocked = verified.verifications[0].conclusion == Conclusion::Blocked;
            let launches = way.launches(&world).await;
            let checks = &verified.verifications[0].checks;
            let mut all = checks.iter();
            let is_unknown = all.any(|check| check.verdict == Verdict::Unknown);
            if is_unknown && matches!(wrong, Wrong::Constraint) {
                // Some launches may meet a constraint.
                assert!(!is_blocked, "{way:?}: {checks:?}");
            } else {
                assert_eq!(is_blocked, !launches, "{way:?} {wrong:?}: {checks:?}");
            }
        }
    }
}
