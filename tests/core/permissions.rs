//! The published policies are sufficient, and each action of each of their statements is needed
//! (promise P8).

mod conditions;
mod in_source;
mod in_target;
mod removals;
mod retiring;
mod stage;
mod verifying;

use futures::future::LocalBoxFuture;

use self::stage::{Documents, Stage, list_documents};
use super::support::*;

/// A task, and the policies that it is done with.
struct Case {
    name: &'static str,
    policies: &'static [&'static str],
    run: fn(Stage) -> LocalBoxFuture<'static, Result<(), String>>,
}

macro_rules! cases {
    ($($name:literal: [$($policy:literal),+ $(,)?] => $run:path,)+) => {
        &[$(Case {
            name: $name,
            policies: &[$($policy),+],
            run: |stage| Box::pin($run(stage)),
        },)+]
    };
}

const CASES: &[Case] = cases! {
    "launch": ["launcher"] => verifying::launch,
    "share with a copy to another Region": ["publisher"] => in_source::share,
    "share with a copy to another Region by grants": ["publisher-grants"] => in_source::share,
    "share with organizations and units": [
        "publisher",
    ] => in_source::share_with_organizations,
    "share with accounts of organizations": [
        "publisher", "organization-reader",
    ] => in_source::share_with_members,
    "share with accounts of organizations by a role": [
        "publisher", "organization-role",
    ] => in_source::share_with_members_by_role,
    "share snapshots": ["publisher", "snapshots"] => in_source::share_snapshots,
    "publish a parameter": ["publisher", "parameters"] => in_source::publish_parameter,
    "share tags": ["publisher", "shared-tags"] => in_source::share_tags,
    "attach a watermark": ["publisher", "watermarks"] => in_source::attach_watermark,
    "deprecate and protect": ["publisher", "lifecycle"] => in_source::deprecate_and_protect,
    "plan": ["reader"] => in_source::plan,
    "plan a retirement": ["reader"] => retiring::plan,
    "see who uses images": ["usage"] => in_source::usage,
    "revoke": ["revoker"] => in_source::revoke,
    "revoke a key that a target may use": [
        "revoker", "targets", "target-trust", "target-revoker",
    ] => in_target::revoke,
    "revoke and remove copies": ["revoker", "revoke-copies"] => in_source::revoke_copies,
    "retire images": ["revoker", "retire"] => retiring::retire,
    "retire and deregister images": [
        "revoker", "retire", "retire-deregister",
    ] => retiring::deregister,
    "revoke from unlisted accounts": ["publisher", "revoker"] => in_source::revoke_unlisted,
    "share with the key policy in code": [
        "publisher", "key-policy",
    ] => in_source::share_without_key,
    "copy in a target": [
        "publisher", "snapshots", "targets", "target-trust", "target-copies",
    ] => in_target::copy,
    "deprecate and protect the copy of a target": [
        "publisher", "lifecycle", "snapshots", "targets", "target-trust", "target-copies",
        "target-lifecycle",
    ] => in_target::copy_and_release,
    "copy in a target by grants": [
        "publisher-grants", "snapshots", "targets", "target-trust", "target-copies",
    ] => in_target::copy,
    "copy in a target with the key policy in code": [
        "publisher", "key-policy", "snapshots", "targets", "target-trust", "target-copies",
    ] => in_target::copy_without_key,
    "give temporary access for a copy": [
        "publisher", "snapshots", "targets", "target-trust", "target-copies", "revoker",
        "temporary-access",
    ] => in_target::copy_and_unshare,
    "give temporary access for a copy by grants": [
        "publisher-grants", "snapshots", "targets", "target-trust", "target-copies", "revoker",
        "temporary-access",
    ] => in_target::copy_and_unshare,
    "tag in a target": [
        "publisher", "targets", "target-trust", "target-tags",
    ] => in_target::tag,
    "publish a parameter in a target": [
        "publisher", "parameters", "targets", "target-trust", "target-parameters",
    ] => in_target::publish_parameter,
    "give a launch template a version": [
        "publisher", "targets", "target-trust", "target-launch-templates",
    ] => in_target::update_launch_template,
    "let a role launch by a managed policy": [
        "publisher", "revoker", "targets", "target-trust", "target-launch-roles", "launcher",
        "target-revoker",
    ] => in_target::attach_launch_policy,
    "let a role launch by an inline policy": [
        "publisher", "revoker", "targets", "target-trust", "target-launch-roles-inline",
        "target-revoker",
    ] => in_target::put_launch_policy,
    "let Auto Scaling launch": [
        "publisher", "service-linked-role-grants", "targets", "target-trust",
        "target-service-linked-roles",
    ] => in_target::let_service_launch,
    "let Auto Scaling launch by grants": [
        "publisher-grants", "service-linked-role-grants", "targets", "target-trust",
        "target-service-linked-roles",
    ] => in_target::let_service_launch,
    "let Auto Scaling launch copies in a target": [
        "publisher", "snapshots", "targets", "target-trust", "target-copies",
        "target-service-linked-roles",
    ] => in_target::let_service_launch_copies,
    "plan with targets": [
        "reader", "targets", "target-trust", "target-reader",
    ] => in_target::plan,
    "verify": [
        "reader", "targets", "target-trust", "target-reader", "verifier", "launcher",
    ] => verifying::verify,
    "verify by a launch": [
        "reader", "targets", "target-trust", "target-reader", "verifier", "verifier-launch",
        "launcher",
    ] => verifying::verify_by_launch,
};

impl Case {
    /// How it ends. If `as_recorded`, AWS asks for no more than was recorded.
    async fn run_with(&self, documents: &Documents, as_recorded: bool) -> Result<(), String> {
        let world = World::generate(3, 2, 1, 2);
        world
            .sim
            .edit(|state| state.copies_as_recorded = as_recorded);
        world.set_alias(A, "own-images");
        world.set_alias(B, "web-staging");
        (self.run)(Stage::new(world, documents)).await
    }
}

#[tokio::test(start_paused = true)]
async fn published_policies_are_sufficient() {
    for case in CASES {
        let documents = list_documents(case.policies);
        for as_recorded in [false, true] {
            let ended = case.run_with(&documents, as_recorded).await;
            assert_eq!(ended, Ok(()), "{} with {:?}", case.name, case.policies);
        }
    }
}
