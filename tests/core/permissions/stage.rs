//! A world in which everybody may do exactly what policies of the table say.

use std::collections::BTreeMap;
use std::time::Duration;

use ami_share::request::ShareRequestBuilder;
use ami_share::{Plan, Report, Sharer};
use ami_share_sim::policy::Document;
use ami_share_sim::world::Policy as Put;
use serde_json::Value;

use crate::failures::assume;
use crate::support::*;
use crate::table::{Account, Kind, Policy, json};

/// The documents that are in force, by name.
pub(super) type Documents = BTreeMap<&'static str, (&'static Policy, Value)>;

/// The roles that run this tool in A, are assumed by it in B, and launch in B.
pub(super) const PUBLISHER: &str = "publisher";
pub(super) const CONSUMER: &str = "consumer";
pub(super) const LAUNCHER: &str = "launcher";
/// The managed policy of launchers.
pub(super) const LAUNCH_POLICY: &str = "ami-share-launch";

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) by_grants: bool,
}

impl Stage {
    /// Gives the roles of a world these documents and nothing else.
    pub(super) fn new(world: World, documents: &Documents) -> Self {
        world.sim.edit(|state| {
            for (account, role) in [(A, PUBLISHER), (B, CONSUMER), (B, LAUNCHER)] {
                let role = state
                    .accounts
                    .get_mut(account)
                    .unwrap()
                    .roles
                    .get_mut(role)
                    .unwrap();
                (role.inline, role.attached) = (BTreeMap::new(), BTreeMap::new());
            }
            let keys: Vec<String> = state
                .keys
                .values()
                .filter(|key| key.account == A)
                .map(|key| key.arn.clone())
                .collect();
            for (policy, document) in documents.values() {
                let put = Put::parse(&document.to_string(), Duration::ZERO).unwrap();
                match (policy.kind, role_of(policy)) {
                    (Kind::Identity, Some((account, role))) => {
                        let name = if role == LAUNCHER {
                            LAUNCH_POLICY
                        } else {
                            policy.name
                        };
                        let (account, arn) = (
                            state.accounts.get_mut(account).unwrap(),
                            format!("arn:aws:iam::{account}:policy/{name}"),
                        );
                        account.policies.insert(arn.clone(), put);
                        account
                            .roles
                            .get_mut(role)
                            .unwrap()
                            .attached
                            .insert(arn, Duration::ZERO);
                    }
                    (Kind::Trust, Some((account, role))) => {
                        state
                            .accounts
                            .get_mut(account)
                            .unwrap()
                            .roles
                            .get_mut(role)
                            .unwrap()
                            .trust = put;
                    }
                    (Kind::Key, _) => {
                        for key in &keys {
                            add(
                                &mut state
                                    .keys
                                    .get_mut(key)
                                    .unwrap()
                                    .policies
                                    .last_mut()
                                    .unwrap()
                                    .1,
                                document,
                            );
                        }
                    }
                    (Kind::Control, _) => {
                        let all = state.organization.as_mut().unwrap();
                        // The management account is subject to no control.
                        "300000000000".clone_into(&mut all.management);
                        let everything =
                            r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
                        let everything = Document::from_text(everything).unwrap();
                        all.controls
                            .insert(all.root.clone(), vec![everything.into(), put.document]);
                    }
                    (Kind::Identity | Kind::Trust, None) => {
                        unreachable!("{} is of nobody", policy.name)
                    }
                }
            }
        });
        Self {
            world,
            by_grants: documents.contains_key("publisher-grants"),
        }
    }

    pub(super) async fn sharer(&self) -> Sharer {
        Sharer::new(&assume(&self.world, PUBLISHER, None).await)
    }

    pub(super) async fn plan(&self, request: ShareRequestBuilder) -> Result<Plan, String> {
        let plan = self
            .sharer()
            .await
            .plan(&request.build().unwrap())
            .await
            .map_err(|errors| errors.to_string())?;
        match plan.errors.first() {
            Some(error) => Err(error.to_string()),
            None => Ok(plan),
        }
    }

    /// Carries a request out as the publisher; every error, and every leftover, is what it failed
    /// by.
    pub(super) async fn run(&self, request: ShareRequestBuilder) -> Result<Report, String> {
        let plan = self.plan(request).await?;
        let report = self
            .sharer()
            .await
            .apply(&plan)
            .await
            .map_err(|incomplete| incomplete.to_string())?;
        match report
            .findings
            .iter()
            .find(|finding| finding.code.as_str() == "copy.not-cleaned")
        {
            Some(finding) => Err(finding.to_string()),
            None => Ok(report),
        }
    }

    /// What a fault does to the first run is not the policies' fault.
    pub(super) async fn run_in_vain(&self, request: ShareRequestBuilder) {
        let _ = self.run(request).await;
    }
}

/// The role that a document is for.
pub(super) fn role_of(policy: &Policy) -> Option<(&'static str, &'static str)> {
    match (policy.account, policy.name) {
        (Account::Target, "launcher") => Some((B, LAUNCHER)),
        (Account::Target, _) => Some((B, CONSUMER)),
        (Account::Source, _) if matches!(policy.kind, Kind::Identity | Kind::Trust) => {
            Some((A, PUBLISHER))
        }
        _ => None,
    }
}

fn add(policy: &mut String, statements: &Value) {
    let mut whole: Value = serde_json::from_str(policy).unwrap();
    whole["Statement"]
        .as_array_mut()
        .unwrap()
        .extend(statements["Statement"].as_array().unwrap().iter().cloned());
    *policy = whole.to_string();
}

/// The documents of these names as they are published.
pub(super) fn published(names: &[&str]) -> Documents {
    let all = crate::table::all();
    let found = names
        .iter()
        .map(|name| *all.iter().find(|policy| policy.name == *name).unwrap());
    found
        .map(|policy| (policy.name, (policy, json::document(policy))))
        .collect()
}
