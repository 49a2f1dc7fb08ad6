//! Whose policies are simulated, and which those are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::invalid;
use super::policies::Source;
use super::resources::{account_of, is_arn};
use crate::auth::ALLOW_EVERYTHING;
use crate::policy::{Document, PrincipalFacts};
use crate::services::Request;
use crate::services::iam::no_such_entity;
use crate::wire::Fail;
use crate::world::{Account, Policy, PolicySet, World};

/// The managed policy of administrators.
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// A principal of the caller's account with its policies.
#[derive(Default)]
pub(super) struct Subject {
    pub(super) facts: PrincipalFacts,
    pub(super) managed: Vec<Source>,
    pub(super) inline: Vec<Source>,
    pub(super) boundary: Option<Source>,
    /// Service control policies by level; `None` outside an organization.
    pub(super) controls: Option<Vec<Vec<Arc<Document>>>>,
}

/// Finds the principal that a request names: by the name alone, whatever the path (R7.22).
///
/// # Errors
/// For sessions, root, principals of another account, and those that do not exist.
pub(super) fn find(world: &World, arn: &str, request: &Request<'_>) -> Result<Subject, Fail> {
    if !is_arn(arn) || arn.split(':').nth(2) != Some("iam") {
        return Err(invalid(format!(
            "Invalid ARN provided in the request: {arn}"
        )));
    }
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let (Some((kind, _)), Some((_, name))) = (resource.split_once('/'), resource.rsplit_once('/'))
    else {
        return Err(unclear_entity(arn));
    };
    let (own, of_source) = (request.account(), account_of(arn).unwrap_or_default());
    if of_source != own {
        return Err(invalid(format!(
            "Invalid Policy Source Arn: caller's account {own} does not have access to policies \
             in account {of_source}."
        )));
    }
    let account = world.accounts.get(own);
    let subject = match (kind, account) {
        ("role", Some(account)) => role(account, name, request),
        ("user", Some(account)) => user(account, name).or_else(|| administrator(world, own, name)),
        ("group", Some(account)) => group(account, name),
        ("role" | "user" | "group", None) => None,
        _ => return Err(unclear_entity(arn)),
    };
    let mut subject = subject
        .ok_or_else(|| no_such_entity("Unable to retrieve specified IAM entity.".to_owned()))?;
    own.clone_into(&mut subject.facts.account);
    subject.controls = controls(world, own);
    Ok(subject)
}

pub(super) fn unclear_entity(arn: &str) -> Fail {
    invalid(format!(
        "Invalid Entity Arn: {arn} does not clearly define entity type and name."
    ))
}

fn controls(world: &World, account: &str) -> Option<Vec<Vec<Arc<Document>>>> {
    let organization = world.organization.as_ref()?;
    organization.membership(account)?;
    Some(organization.controls_of(account))
}

fn role(account: &Account, name: &str, request: &Request<'_>) -> Option<Subject> {
    let delay = request.options.delays.iam;
    let in_force = |since: Duration| since.is_zero() || since + delay <= request.now;
    let mut roles = account.roles.values();
    let role = roles.find(|role| role.name().eq_ignore_ascii_case(name))?;
    let mut subject = Subject {
        boundary: boundary(account, role.boundary.as_ref()),
        ..Subject::default()
    };
    subject.facts.arn.clone_from(&role.arn);
    subject.facts.role_arn = Some(role.arn.clone());
    for (arn, since) in &role.attached {
        if in_force(*since) {
            subject.managed.extend(managed(account, arn));
        }
    }
    for (name, policy) in &role.inline {
        if in_force(policy.since) {
            subject
                .inline
                .push(inline("role", role.name(), name, policy));
        }
    }
    Some(subject)
}

/// A user has the policies of its groups too.
fn user(account: &Account, name: &str) -> Option<Subject> {
    let (name, user) = find_by_name(&account.users, name)?;
    let mut subject = Subject {
        boundary: boundary(account, user.boundary.as_ref()),
        ..Subject::default()
    };
    subject.facts.arn.clone_from(&user.arn);
    for group in &user.groups {
        if let Some(group) = self::group(account, group) {
            subject.managed.extend(group.managed);
            subject.inline.extend(group.inline);
        }
    }
    add_policies(&mut subject, account, &user.policies, ("user", name));
    Some(subject)
}

fn group(account: &Account, name: &str) -> Option<Subject> {
    let (name, group) = find_by_name(&account.groups, name)?;
    let mut subject = Subject::default();
    subject.facts.arn.clone_from(&group.arn);
    add_policies(&mut subject, account, &group.policies, ("group", name));
    Some(subject)
}

/// Names ignore case (R7.30).
fn find_by_name<'a, T>(items: &'a BTreeMap<String, T>, name: &str) -> Option<(&'a String, &'a T)> {
    items
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// Adds policies, of which one may be attached already by a group.
fn add_policies(
    subject: &mut Subject,
    account: &Account,
    policies: &PolicySet,
    (kind, owner): (&str, &str),
) {
    for arn in &policies.attached {
        if !subject.managed.iter().any(|known| known.key == *arn) {
            subject.managed.extend(managed(account, arn));
        }
    }
    for (name, policy) in &policies.inline {
        subject.inline.push(inline(kind, owner, name, policy));
    }
}

fn inline(kind: &str, owner: &str, name: &str, policy: &Policy) -> Source {
    Source {
        id: format!("{kind}_{owner}_{name}"),
        key: format!("{kind}/{owner}/{name}"),
        text: policy.text.clone(),
        document: policy.document.clone(),
    }
}

/// A managed policy as it is now. Answers name it without its path.
fn managed(account: &Account, arn: &str) -> Option<Source> {
    account
        .managed_policy(arn)
        .map(|policy| of_arn(arn, &policy))
}

/// A boundary whose policy is gone allows nothing.
fn boundary(account: &Account, arn: Option<&String>) -> Option<Source> {
    let arn = arn?;
    let policy = managed(account, arn);
    Some(policy.unwrap_or_else(|| of_arn(arn, &Policy::default())))
}

fn of_arn(arn: &str, policy: &Policy) -> Source {
    Source {
        id: arn.rsplit('/').next().unwrap_or_default().to_owned(),
        key: arn.to_owned(),
        text: policy.text.clone(),
        document: policy.document.clone(),
    }
}

/// The user of the scenario who may do everything.
fn administrator(world: &World, account: &str, name: &str) -> Option<Subject> {
    let partition = world.partition.name;
    let arn = format!("arn:{partition}:iam::{account}:user/{name}");
    let mut credentials = world.credentials.values();
    let known = credentials.find(|known| known.administrator && known.facts.arn == arn)?;
    let everything = Policy::parse(ALLOW_EVERYTHING, Duration::ZERO).unwrap_or_default();
    Some(Subject {
        facts: known.facts.clone(),
        managed: vec![of_arn(ADMINISTRATOR, &everything)],
        ..Subject::default()
    })
}
