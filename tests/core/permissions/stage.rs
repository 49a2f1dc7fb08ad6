//! A world in which every role may do exactly what policies of the table allow.

use std::collections::BTreeMap;
use std::time::Duration;

use ami_share::aws_config::SdkConfig;
use ami_share::request::ShareRequestBuilder;
use ami_share::{Plan, Report, Sharer};
use ami_share_sim::policy::Document;
use ami_share_sim::world::{Policy as PutPolicy, World as State};
use serde_json::Value;

use crate::examples::policies::presets::{BY_GRANTS, list_roles};
use crate::examples::policies::{Account, Kind, Policy, all, json};
use crate::support::*;

/// The documents that are in force, by name.
pub(super) type Documents = BTreeMap<&'static str, (&'static Policy, Value)>;

/// The role of A that world and key policies know, the role in B that runs of A assume, and the
/// role that launches.
pub(super) const PUBLISHER: &str = "publisher";
pub(super) const CONSUMER: &str = "consumer";
pub(super) const LAUNCHER: &str = "launcher";
/// The managed policy of launchers.
pub(super) const LAUNCH_POLICY: &str = "ami-share-launch";

/// The findings of what could not be read.
const UNREAD: [&str; 2] = ["key.policy-unread", "target.key-unread"];

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) by_grants: bool,
    /// The role in A that runs the library.
    pub(super) runner: &'static str,
}

impl Stage {
    /// Gives the roles of a world these documents and nothing else.
    pub(super) fn new(world: World, documents: &Documents) -> Self {
        let runner = find_runner(documents);
        world.sim.edit(|state| {
            let account = state.accounts.get_mut(A).unwrap();
            let mut role = account.roles[PUBLISHER].clone();
            role.arn = format!("arn:aws:iam::{A}:role/{runner}");
            account.roles.insert(runner.to_owned(), role);
        });
        for (account, role) in [(A, runner), (B, CONSUMER), (B, LAUNCHER)] {
            world.edit_role(account, role, |role| {
                role.inline.clear();
                role.attached.clear();
            });
        }
        for (policy, document) in documents.values() {
            put_in_force(&world, policy, document, runner);
        }
        Self {
            world,
            by_grants: documents.contains_key("publisher-grants"),
            runner,
        }
    }

    pub(super) async fn assume_runner(&self) -> SdkConfig {
        self.world.assume_role(A, self.runner, None).await
    }

    pub(super) async fn build_sharer(&self) -> Sharer {
        Sharer::new(&self.assume_runner().await)
    }

    /// Plans as the publisher; the error is the first one of the plan.
    pub(super) async fn plan(&self, request: ShareRequestBuilder) -> Result<Plan, String> {
        let request = request.build().unwrap();
        let planned = self.build_sharer().await.plan(&request).await;
        let plan = planned.map_err(|errors| errors.to_string())?;
        match plan.errors.first() {
            Some(error) => Err(error.to_string()),
            None => Ok(plan),
        }
    }

    /// The same, where what could not be read is an error too.
    pub(super) async fn plan_fully(&self, request: ShareRequestBuilder) -> Result<Plan, String> {
        let plan = self.plan(request).await?;
        let mut findings = plan.findings.iter();
        match findings.find(|finding| UNREAD.contains(&finding.code.as_str())) {
            Some(finding) => Err(finding.to_string()),
            None => Ok(plan),
        }
    }

    /// Carries a request out as the publisher; what it could not remove or read is an error too.
    pub(super) async fn run(&self, request: ShareRequestBuilder) -> Result<Report, String> {
        let plan = self.plan(request).await?;
        let applied = self.build_sharer().await.apply(&plan).await;
        let report = applied.map_err(|incomplete| incomplete.to_string())?;
        let mut findings = report.findings.iter();
        let is_incomplete = |code: &str| code == "copy.not-cleaned" || UNREAD.contains(&code);
        match findings.find(|finding| is_incomplete(finding.code.as_str())) {
            Some(finding) => Err(finding.to_string()),
            None => Ok(report),
        }
    }

    /// The same for a run that a fault makes fail, which the policies are not to blame for.
    pub(super) async fn run_into_fault(&self, request: ShareRequestBuilder) {
        let _ = self.run(request).await;
    }
}

fn put_in_force(world: &World, policy: &Policy, document: &Value, runner: &'static str) {
    let put = PutPolicy::parse(&document.to_string(), Duration::ZERO).unwrap();
    match (policy.kind, find_role(policy, runner)) {
        (Kind::Identity, Some((account, role))) => {
            let is_launcher = role == LAUNCHER;
            let name = if is_launcher {
                LAUNCH_POLICY
            } else {
                policy.name
            };
            let arn = format!("arn:aws:iam::{account}:policy/{name}");
            world.sim.edit(|state| {
                let account = state.accounts.get_mut(account).unwrap();
                account.policies.insert(arn.clone(), put);
                let role = account.roles.get_mut(role).unwrap();
                role.attached.insert(arn, Duration::ZERO);
            });
        }
        (Kind::Trust, Some((account, role))) => {
            world.edit_role(account, role, |role| role.trust = put);
        }
        (Kind::Key, _) => world.sim.edit(|state| add_to_key_policies(state, document)),
        (Kind::Control, _) => world.sim.edit(|state| add_control(state, put)),
        (Kind::Identity | Kind::Trust, None) => {
            unreachable!("{} belongs to no role", policy.name)
        }
    }
}

/// Adds statements to the policies of all keys of A.
fn add_to_key_policies(state: &mut State, document: &Value) {
    let statements = document["Statement"].as_array().unwrap();
    for key in state.keys.values_mut().filter(|key| key.account == A) {
        let text = &mut key.policies.last_mut().unwrap().1;
        let mut policy: Value = serde_json::from_str(text).unwrap();
        let own = policy["Statement"].as_array_mut().unwrap();
        own.extend(statements.iter().cloned());
        *text = policy.to_string();
    }
}

/// Adds a service control policy for all accounts.
fn add_control(state: &mut State, put: PutPolicy) {
    let organization = state.organization.as_mut().unwrap();
    // No service control policy applies to the management account.
    "300000000000".clone_into(&mut organization.management);
    let everything = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let everything = Document::from_text(everything).unwrap();
    let controls = vec![everything.into(), put.document];
    organization
        .controls
        .insert(organization.root.clone(), controls);
}

/// The role of the source account to which the presets give these documents, but for those that no
/// preset has: the last such, because the publisher of the largest preset can do nearly all.
pub(super) fn find_runner(documents: &Documents) -> &'static str {
    let (with_policy, with_grants) = BY_GRANTS;
    let roles = list_roles(Account::Source);
    let given: Vec<Vec<&str>> = roles.iter().map(|role| role.list_names()).collect();
    let names = documents.keys().map(|name| match *name {
        name if name == with_grants => with_policy,
        name => name,
    });
    let names: Vec<&str> = names
        .filter(|name| given.iter().any(|given| given.contains(name)))
        .collect();
    let mut fitting = roles
        .iter()
        .zip(&given)
        .filter(|(_, given)| names.iter().all(|name| given.contains(name)));
    fitting.next_back().unwrap().0.name
}

/// The role that a document is for, if this role of the source account runs the library.
pub(super) fn find_role(
    policy: &Policy,
    runner: &'static str,
) -> Option<(&'static str, &'static str)> {
    match (policy.account, policy.name) {
        (Account::Target, "launcher") => Some((B, LAUNCHER)),
        (Account::Target, _) => Some((B, CONSUMER)),
        (Account::Source, _) if matches!(policy.kind, Kind::Identity | Kind::Trust) => {
            Some((A, runner))
        }
        _ => None,
    }
}

/// The published documents with these names.
pub(super) fn list_documents(names: &[&str]) -> Documents {
    let mut documents = Documents::new();
    for name in names {
        let mut policies = all().into_iter();
        let policy = policies.find(|policy| policy.name == *name).unwrap();
        documents.insert(policy.name, (policy, json::build_document(policy)));
    }
    documents
}
