//! A simulated AWS, requests to share in it, and what happened.

mod access;
mod edit;
mod faults;
mod launch;
mod roles;

use std::collections::BTreeMap;
use std::time::Duration;

use ami_share::aws_config::SdkConfig;
use ami_share::request::{Revoke, ShareRequestBuilder, TargetOptions, Timing};
use ami_share::{Plan, Principal, Report, ShareRequest, Sharer};
use ami_share_sim::{Options, Scenario, Sim, Size};
use serde_json::Value;

pub(crate) use self::edit::{build_grant, make_organization};
pub(crate) use self::faults::*;
pub(crate) use self::launch::launch_with_client;

pub(crate) const A: &str = "111111111111";
pub(crate) const B: &str = "222222222222";
pub(crate) const ORGANIZATION: &str =
    "arn:aws:organizations::111111111111:organization/o-example123";
/// B is in this unit, `300000000000` in a unit within it, `300000000001` one deeper, and
/// `300000000002` in a sibling.
pub(crate) const UNIT: &str =
    "arn:aws:organizations::111111111111:ou/o-example123/ou-ab12-11111111";

/// Every action that changes something.
const CHANGING: &[&str] = &[
    "ec2:AttachImageWatermark",
    "ec2:CopyImage",
    "ec2:CreateLaunchTemplateVersion",
    "ec2:CreateTags",
    "ec2:DeleteSnapshot",
    "ec2:DeregisterImage",
    "ec2:DisableImage",
    "ec2:EnableImageDeprecation",
    "ec2:EnableImageDeregistrationProtection",
    "ec2:ModifyImageAttribute",
    "ec2:ModifyLaunchTemplate",
    "ec2:ModifySnapshotAttribute",
    "kms:CreateGrant",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "ec2:DeleteTags",
    "iam:AttachRolePolicy",
    "iam:CreateServiceLinkedRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePolicy",
    "ssm:PutParameter",
];

/// A simulated AWS in which A shares images with B and others.
pub(crate) struct World {
    pub(crate) sim: Sim,
}

impl World {
    /// A with images of several kinds, and B.
    pub(crate) fn new() -> Self {
        Self::from_scenario(Scenario::two_accounts())
    }

    pub(crate) fn from_scenario(scenario: Scenario) -> Self {
        let options = Options {
            latency: Duration::from_millis(20),
            ..Options::default()
        };
        Self::with_options(scenario, options)
    }

    pub(crate) fn with_options(scenario: Scenario, mut options: Options) -> Self {
        // Reports on the usage of images are a day behind, as AWS's are.
        options.delays.usage = Some(Duration::from_hours(24));
        Self {
            sim: Sim::new(scenario, options),
        }
    }

    /// A world in which a copy takes an hour.
    pub(crate) fn with_slow_copies() -> Self {
        let options = Options {
            copy_time: Duration::from_hours(1),
            ..Options::default()
        };
        Self::with_options(Scenario::two_accounts(), options)
    }

    /// A generated world: its first account is A, its second B.
    pub(crate) fn generate(
        accounts: usize,
        regions: usize,
        images: usize,
        snapshots: usize,
    ) -> Self {
        Self::from_scenario(generate_scenario(accounts, regions, images, snapshots))
    }

    pub(crate) fn with_fault(self, fault: impl Into<serde_json::Value>) -> Self {
        self.sim
            .fault(serde_json::from_value(fault.into()).unwrap());
        self
    }

    pub(crate) fn config(&self, account: &str) -> SdkConfig {
        self.sim.sdk_config(account)
    }

    pub(crate) fn image_id(&self, name: &str) -> String {
        self.sim.facts().images[name].clone()
    }

    pub(crate) fn key_arn(&self, name: &str) -> String {
        self.sim.facts().keys[name].clone()
    }

    /// The first Region.
    pub(crate) fn region(&self) -> String {
        self.sim.facts().region.clone()
    }

    /// An ARN of IAM in the partition of the world: of `role/launcher`, for example.
    pub(crate) fn iam_arn(&self, account: &str, resource: &str) -> String {
        let partition = self.sim.edit(|world| world.partition.name);
        format!("arn:{partition}:iam::{account}:{resource}")
    }

    /// A document that is written for `us-east-1`, for the world's own Region and partition.
    pub(crate) fn localize(&self, document: &Value) -> Value {
        let arns = self.iam_arn("", "").replace("iam:::", "");
        let text = document.to_string().replace("arn:aws:", &arns);
        serde_json::from_str(&text.replace("us-east-1", &self.region())).unwrap()
    }

    /// How long the world has existed.
    pub(crate) fn elapsed(&self) -> Duration {
        self.sim.clock().now()
    }
}

/// Requests.
impl World {
    /// A request to share images with B.
    pub(crate) fn build_request(&self, images: &[&str]) -> ShareRequestBuilder {
        self.build_request_for(images, &[B])
    }

    /// A request to share images with any principals.
    pub(crate) fn build_request_for(
        &self,
        images: &[&str],
        principals: &[&str],
    ) -> ShareRequestBuilder {
        let image_ids = images
            .iter()
            .map(|name| self.image_id(name).parse().unwrap());
        let principals = principals
            .iter()
            .map(|text| text.parse::<Principal>().unwrap());
        ShareRequest::builder()
            .region(self.region().parse().unwrap())
            .images(image_ids)
            .targets(principals)
    }

    /// A request to share images with B, re-encrypted with the key `golden`.
    pub(crate) fn build_copy_request(&self, images: &[&str]) -> ShareRequestBuilder {
        self.build_request(images)
            .kms_key("alias/golden".parse().unwrap())
    }
}

/// Runs.
impl World {
    /// Plans and applies as A.
    pub(crate) async fn share(&self, request: ShareRequestBuilder) -> Report {
        self.try_share(request).await.unwrap()
    }

    pub(crate) async fn try_share(&self, request: ShareRequestBuilder) -> Result<Report, Report> {
        let sharer = Sharer::new(&self.config(A));
        let request = request.build().unwrap();
        // On the heap, because tests nest and join many runs.
        let run = Box::pin(async {
            let plan = sharer.plan(&request).await.unwrap();
            sharer.apply(&plan).await
        });
        run.await.map_err(|incomplete| incomplete.report)
    }

    pub(crate) async fn plan(&self, request: ShareRequestBuilder) -> Plan {
        Sharer::new(&self.config(A))
            .plan(&request.build().unwrap())
            .await
            .unwrap()
    }

    /// Drops a run after that many calls, as if its process was killed.
    pub(crate) async fn drop_after_calls<F: Future>(&self, calls: usize, run: F) {
        let from = self.sim.journal().len();
        let made = async {
            while self.sim.journal().len() < from + calls {
                tokio::task::yield_now().await;
                tokio::time::advance(Duration::from_millis(10)).await;
            }
        };
        tokio::select! { _ = run => {}, () = made => {} }
    }

    /// The actions that AWS was asked for, in order, from a position on.
    pub(crate) fn list_actions(&self, from: usize) -> Vec<String> {
        let calls = self.sim.journal().into_iter().skip(from);
        calls.map(|call| call.action).collect()
    }

    pub(crate) fn has_called(&self, action: &str) -> bool {
        self.list_actions(0).iter().any(|called| called == action)
    }

    /// How often each operation was called.
    pub(crate) fn count_calls(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for action in self.list_actions(0) {
            *counts.entry(action).or_default() += 1;
        }
        counts
    }

    /// How often each changing action was called, without dry runs.
    pub(crate) fn count_changes(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in self.sim.journal() {
            if CHANGING.contains(&call.action.as_str()) && !call.dry_run {
                *counts.entry(call.action).or_default() += 1;
            }
        }
        counts
    }
}

pub(crate) fn generate_scenario(
    accounts: usize,
    regions: usize,
    images: usize,
    snapshots: usize,
) -> Scenario {
    Scenario::generate(Size {
        accounts,
        regions,
        images,
        snapshots,
    })
    .unwrap()
}

/// The request that revokes what this one shares.
pub(crate) fn into_revoke(request: ShareRequestBuilder) -> ShareRequestBuilder {
    request.revoke(Revoke::default())
}

/// Options with the role in every target that trusts A.
pub(crate) fn with_target_role() -> TargetOptions {
    TargetOptions::default()
        .role("consumer".parse().unwrap())
        .external_id("example")
}

/// The default timing, but with a deadline after this many seconds.
pub(crate) fn with_timeout(seconds: u64) -> Timing {
    Timing {
        timeout: Duration::from_secs(seconds),
        ..Timing::default()
    }
}

/// The codes of a report's findings and errors.
pub(crate) fn list_codes(report: &Report) -> Vec<&'static str> {
    let findings = report.findings.iter().map(|finding| finding.code.as_str());
    findings
        .chain(report.errors.iter().map(|error| error.code.as_str()))
        .collect()
}
