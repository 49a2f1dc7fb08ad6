//! A simulated AWS, requests to share in it, and what happened.

use std::collections::BTreeMap;
use std::time::Duration;

use ami_share::aws_config::SdkConfig;
use ami_share::request::{ShareRequestBuilder, TargetOptions, Timing};
use ami_share::{Plan, Principal, Report, ShareRequest, Sharer};
use ami_share_sim::{Fault, Options, Scenario, Sim, Size};
use aws_sdk_ec2::types::{BlockDeviceMapping, InstanceStateName};

pub(crate) const A: &str = "111111111111";
pub(crate) const B: &str = "222222222222";
/// Every action that changes something.
const CHANGING: &[&str] = &[
    "ec2:CopyImage",
    "ec2:CreateTags",
    "ec2:DeleteSnapshot",
    "ec2:DeregisterImage",
    "ec2:EnableImageDeprecation",
    "ec2:EnableImageDeregistrationProtection",
    "ec2:ModifyImageAttribute",
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

/// A world with A and B, and A's sharer.
pub(crate) struct World {
    pub(crate) sim: Sim,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(Scenario::two_accounts())
    }

    pub(crate) fn of(scenario: Scenario) -> Self {
        let options = Options {
            latency: Duration::from_millis(20),
            ..Options::default()
        };
        Self {
            sim: Sim::new(scenario, options),
        }
    }

    /// A world in which copies take an hour.
    pub(crate) fn slow() -> Self {
        let options = Options {
            copy_time: Duration::from_hours(1),
            ..Options::default()
        };
        Self {
            sim: Sim::new(Scenario::two_accounts(), options),
        }
    }

    pub(crate) fn with(self, fault: &str) -> Self {
        self.sim
            .fault(serde_json::from_str::<Fault>(fault).unwrap());
        self
    }

    pub(crate) fn config(&self, account: &str) -> SdkConfig {
        self.sim.sdk_config(account)
    }

    pub(crate) fn image(&self, name: &str) -> String {
        self.sim.facts().images[name].clone()
    }

    pub(crate) fn key(&self, name: &str) -> String {
        self.sim.facts().keys[name].clone()
    }

    /// A request to share images with B.
    pub(crate) fn request(&self, names: &[&str]) -> ShareRequestBuilder {
        ShareRequest::builder()
            .region("us-east-1".parse().unwrap())
            .images(names.iter().map(|name| self.image(name).parse().unwrap()))
            .target_account(B.parse().unwrap())
    }

    /// A request to share images with any principals.
    pub(crate) fn to(&self, names: &[&str], principals: &[&str]) -> ShareRequestBuilder {
        let images = names.iter().map(|name| self.image(name).parse().unwrap());
        let request = ShareRequest::builder()
            .region("us-east-1".parse().unwrap())
            .images(images);
        request.targets(
            principals
                .iter()
                .map(|text| text.parse::<Principal>().unwrap()),
        )
    }

    /// The same, re-encrypted with the key `golden`.
    pub(crate) fn copying(&self, names: &[&str]) -> ShareRequestBuilder {
        self.request(names).kms_key("alias/golden".parse().unwrap())
    }

    /// Plans and applies as A.
    pub(crate) async fn share(&self, request: ShareRequestBuilder) -> Report {
        self.try_share(request).await.unwrap()
    }

    pub(crate) async fn try_share(&self, request: ShareRequestBuilder) -> Result<Report, Report> {
        let sharer = Sharer::new(&self.config(A));
        let plan = sharer.plan(&request.build().unwrap()).await.unwrap();
        sharer
            .apply(&plan)
            .await
            .map_err(|incomplete| incomplete.report)
    }

    pub(crate) async fn plan(&self, request: ShareRequestBuilder) -> Plan {
        Sharer::new(&self.config(A))
            .plan(&request.build().unwrap())
            .await
            .unwrap()
    }

    /// Drops a run after so many calls of it, as a killed one ends.
    pub(crate) async fn cut_off<F: Future>(&self, calls: usize, run: F) {
        let from = self.sim.journal().len();
        let made = async {
            while self.sim.journal().len() < from + calls {
                tokio::task::yield_now().await;
                tokio::time::advance(Duration::from_millis(10)).await;
            }
        };
        tokio::select! { _ = run => {}, () = made => {} }
    }

    /// The actions of the journal, in order, from a position on.
    pub(crate) fn actions(&self, from: usize) -> Vec<String> {
        self.sim
            .journal()
            .into_iter()
            .skip(from)
            .map(|entry| entry.action)
            .collect()
    }

    /// How often each changing action was called, dry runs left out.
    pub(crate) fn changes(&self) -> BTreeMap<String, usize> {
        let mut changes = BTreeMap::new();
        let changing = |action: &str| CHANGING.contains(&action);
        for entry in self
            .sim
            .journal()
            .into_iter()
            .filter(|entry| changing(&entry.action) && !entry.dry_run)
        {
            *changes.entry(entry.action).or_default() += 1;
        }
        changes
    }

    /// A generated world: its first account is A, its second B.
    pub(crate) fn generated(
        accounts: usize,
        regions: usize,
        images: usize,
        snapshots: usize,
    ) -> Self {
        Self::of(
            Scenario::generate(Size {
                accounts,
                regions,
                images,
                snapshots,
            })
            .unwrap(),
        )
    }

    /// Launches as B's administrator: how the instance ended, or the error code.
    pub(crate) async fn launch(&self, image: &str) -> String {
        self.launch_as(B, "us-east-1", image).await
    }

    /// Launches as an account's administrator in a Region.
    pub(crate) async fn launch_as(&self, account: &str, region: &str, image: &str) -> String {
        let region = ami_share::aws_config::Region::new(region.to_owned());
        let config = self.config(account).to_builder().region(region).build();
        let ec2 = aws_sdk_ec2::Client::new(&config);
        launched(&ec2, &ec2, image).await
    }

    /// The text of the policy of the key `golden`.
    pub(crate) fn policy(&self) -> String {
        self.policy_of("golden")
    }

    pub(crate) fn policy_of(&self, key: &str) -> String {
        let key = self.key(key);
        self.sim.edit(|world| world.keys[&key].policy().to_owned())
    }

    /// Everything that sharing changes: who may launch, make volumes, and use keys.
    pub(crate) fn access(&self) -> serde_json::Value {
        let state = self.sim.state();
        let each = |kind: &str, members: &[&str]| {
            let of = state[kind].as_object().unwrap().iter();
            let pick = |one: &serde_json::Value| {
                members
                    .iter()
                    .map(|name| one[*name].clone())
                    .collect::<Vec<_>>()
            };
            of.map(|(id, one)| (id.clone(), pick(one).into()))
                .collect::<serde_json::Map<_, _>>()
        };
        // The keys of the scenario: AWS makes its own when it first needs one.
        let own: Vec<&String> = self.sim.facts().keys.values().collect();
        let policies: Vec<serde_json::Value> = self.sim.edit(|world| {
            world
                .keys
                .values()
                .filter(|key| own.contains(&&key.arn))
                .map(|key| serde_json::from_str(key.policy()).unwrap())
                .collect()
        });
        let grants: Vec<Option<String>> = self.sim.edit(|world| {
            world
                .keys
                .values()
                .flat_map(|key| key.grants.iter().map(|grant| grant.name.clone()))
                .collect()
        });
        serde_json::json!({
            "images": each("images", &["launch_permissions"]),
            "snapshots": each("snapshots", &["create_volume_permissions"]),
            "policies": policies,
            "grants": grants,
        })
    }

    /// The images that A owns beside those of the scenario, with their states.
    pub(crate) fn copies(&self) -> BTreeMap<String, String> {
        let named: Vec<String> = self.sim.facts().images.values().cloned().collect();
        let images = self.sim.state()["images"].as_object().unwrap().clone();
        images
            .into_iter()
            .filter(|(id, _)| !named.contains(id))
            .map(|(id, image)| (id, image["state"].as_str().unwrap().to_owned()))
            .collect()
    }

    /// How many snapshots there are.
    pub(crate) fn snapshots(&self) -> usize {
        self.sim.state()["snapshots"].as_object().unwrap().len()
    }
}

/// What targets' accounts do by themselves.
impl World {
    /// The same as [`Self::access`], of what an account owns.
    pub(crate) fn access_of(&self, account: &str) -> serde_json::Value {
        let state = self.sim.state();
        let mut access = self.access();
        for kind in ["images", "snapshots"] {
            let members = access[kind].as_object_mut().unwrap();
            members.retain(|id, _| state[kind][id]["owner"] == account);
        }
        let grants: Vec<Option<String>> = self.sim.edit(|world| {
            let own = world.keys.values().filter(|key| key.account == account);
            own.flat_map(|key| key.grants.iter().map(|grant| grant.name.clone()))
                .collect()
        });
        access["grants"] = serde_json::json!(grants);
        access
    }

    /// An image that an account owns; a target's own copy, say.
    pub(crate) fn image_of(&self, account: &str) -> Option<String> {
        self.sim.edit(|world| {
            world
                .images
                .values()
                .find(|image| image.owner == account)
                .map(|image| image.id.clone())
        })
    }

    /// Calls the own key of every target `alias/own`, in every Region.
    pub(crate) fn name_own_keys(&self) {
        self.sim.edit(|world| {
            for key in world
                .keys
                .values()
                .filter(|key| key.account != A && !key.aws_managed)
            {
                let place = (
                    key.account.clone(),
                    key.region.clone(),
                    "alias/own".to_owned(),
                );
                world.aliases.insert(place, key.arn.clone());
            }
        });
    }

    /// Gives a role exactly these actions, by the inline policy that the world has for it.
    pub(crate) async fn allow(&self, account: &str, role: &str, actions: &[&str]) {
        let statement =
            serde_json::json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
        let document = serde_json::json!({ "Version": "2012-10-17", "Statement": [statement] });
        self.put_role_policy(account, role, "more", &document).await;
    }

    pub(crate) async fn put_role_policy(
        &self,
        account: &str,
        role: &str,
        name: &str,
        document: &serde_json::Value,
    ) {
        let iam = aws_sdk_iam::Client::new(&self.config(account));
        let call = iam
            .put_role_policy()
            .role_name(role)
            .policy_name(name)
            .policy_document(document.to_string());
        call.send().await.unwrap();
    }

    pub(crate) async fn service_linked_role(&self, account: &str, service: &str) {
        let iam = aws_sdk_iam::Client::new(&self.config(account));
        iam.create_service_linked_role()
            .aws_service_name(service)
            .send()
            .await
            .unwrap();
    }

    /// The configuration of a role of an account, bound by a session policy (R5.4).
    pub(crate) async fn assumed(
        &self,
        account: &str,
        role: &str,
        policy: &serde_json::Value,
    ) -> SdkConfig {
        let sts = aws_sdk_sts::Client::new(&self.config(account));
        let arn = format!("arn:aws:iam::{account}:role/{role}");
        let call = sts
            .assume_role()
            .role_arn(arn)
            .role_session_name("test")
            .policy(policy.to_string());
        let assumed = call.send().await.unwrap();
        let of = assumed.credentials().unwrap();
        let token = Some(of.session_token().to_owned());
        let credentials = aws_credential_types::Credentials::new(
            of.access_key_id(),
            of.secret_access_key(),
            token,
            None,
            "test",
        );
        let provider = aws_credential_types::provider::SharedCredentialsProvider::new(credentials);
        self.config(account)
            .to_builder()
            .credentials_provider(provider)
            .build()
    }

    /// Launches as a role of an account, which the account's administrator assumes.
    pub(crate) async fn launch_by(&self, account: &str, role: &str, image: &str) -> String {
        let sts = aws_sdk_sts::Client::new(&self.config(account));
        let arn = format!("arn:aws:iam::{account}:role/{role}");
        let assumed = sts
            .assume_role()
            .role_arn(arn)
            .role_session_name("test")
            .send()
            .await
            .unwrap();
        let session = assumed.credentials().unwrap();
        self.launch_with(
            account,
            session.access_key_id(),
            session.secret_access_key(),
            session.session_token(),
            image,
        )
        .await
    }

    /// Launches as the service-linked role of a service, as Auto Scaling does.
    pub(crate) async fn launch_by_service(
        &self,
        account: &str,
        service: &str,
        image: &str,
    ) -> String {
        let (id, token) = self.sim.service_session(account, service).unwrap();
        self.launch_with(account, &id, "secret", &token, image)
            .await
    }

    async fn launch_with(
        &self,
        account: &str,
        id: &str,
        secret: &str,
        token: &str,
        image: &str,
    ) -> String {
        let credentials = aws_credential_types::Credentials::new(
            id,
            secret,
            Some(token.to_owned()),
            None,
            "test",
        );
        let provider = aws_credential_types::provider::SharedCredentialsProvider::new(credentials);
        let config = self
            .config(account)
            .to_builder()
            .credentials_provider(provider)
            .build();
        launched(
            &aws_sdk_ec2::Client::new(&config),
            &aws_sdk_ec2::Client::new(&self.config(account)),
            image,
        )
        .await
    }

    /// Ends every instance of an account.
    pub(crate) async fn terminate_all(&self, account: &str) {
        let ec2 = aws_sdk_ec2::Client::new(&self.config(account));
        let shown = ec2.describe_instances().send().await.unwrap();
        let ids = shown
            .reservations()
            .iter()
            .flat_map(|of| of.instances())
            .filter_map(|one| one.instance_id.clone());
        let ids: Vec<String> = ids.collect();
        ec2.terminate_instances()
            .set_instance_ids(Some(ids))
            .send()
            .await
            .unwrap();
    }
}

/// How an instance ended that one client starts and another looks at; or the error code.
pub(crate) async fn launched(
    by: &aws_sdk_ec2::Client,
    seen_by: &aws_sdk_ec2::Client,
    image: &str,
) -> String {
    let launched = by
        .run_instances()
        .image_id(image)
        .min_count(1)
        .max_count(1)
        .send()
        .await;
    let launched = match launched {
        Ok(launched) => launched,
        Err(error) => return error.into_service_error().meta().code().unwrap().to_owned(),
    };
    let id = launched.instances()[0].instance_id().unwrap();
    let shown = seen_by
        .describe_instances()
        .instance_ids(id)
        .send()
        .await
        .unwrap();
    let state = shown.reservations()[0].instances()[0]
        .state()
        .unwrap()
        .name()
        .unwrap();
    assert!(matches!(
        state,
        InstanceStateName::Running | InstanceStateName::Terminated
    ));
    state.as_str().to_owned()
}

/// The devices of an image that have a snapshot.
pub(crate) fn volumes(mappings: &[BlockDeviceMapping]) -> usize {
    mappings
        .iter()
        .filter(|mapping| mapping.ebs().is_some())
        .count()
}

/// The role in every target that trusts A.
pub(crate) fn by_role() -> TargetOptions {
    TargetOptions::default()
        .role("consumer".parse().unwrap())
        .external_id("example")
}

pub(crate) fn timing(timeout: u64) -> Timing {
    Timing {
        timeout: Duration::from_secs(timeout),
        ..Timing::default()
    }
}

/// The codes of a report's findings and errors.
pub(crate) fn codes(report: &Report) -> Vec<&'static str> {
    let findings = report.findings.iter().map(|finding| finding.code.as_str());
    findings
        .chain(report.errors.iter().map(|error| error.code.as_str()))
        .collect()
}
