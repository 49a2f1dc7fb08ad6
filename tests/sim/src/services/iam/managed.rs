//! Customer managed policies and their versions. AWS's own can be attached, and are not listed.

use super::policies::read_policy;
use super::{authorize, no_such_entity, own_account, pages, url_encoded};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Account, Policy, World};

/// How many versions a policy has.
const VERSIONS: usize = 5;

fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

/// By how many roles a policy is attached, and by how many it is used as a boundary.
fn count_uses(account: &Account, arn: &str) -> (usize, usize) {
    let roles = || account.roles.values();
    let attached = roles().filter(|role| role.attached.contains_key(arn));
    let bound = roles().filter(|role| role.boundary.as_deref() == Some(arn));
    (attached.count(), bound.count())
}

fn render(account: &Account, arn: &str, policy: &Policy, request: &Request<'_>) -> Vec<Element> {
    let (attached, bound) = count_uses(account, arn);
    let (_, path) = arn.split_once(":policy").unwrap_or_default();
    let path = path.trim_end_matches(|c| c != '/');
    vec![
        Element::of("PolicyName", name_of(arn)),
        Element::of("Arn", arn),
        Element::of("Path", path),
        Element::of("DefaultVersionId", format!("v{}", policy.version)),
        Element::of("AttachmentCount", attached),
        Element::of("PermissionsBoundaryUsageCount", bound),
        Element::of("IsAttachable", true),
        Element::of("CreateDate", request.clock.text(policy.since)),
        Element::of("UpdateDate", request.clock.text(policy.since)),
    ]
}

fn missing(arn: &str) -> Fail {
    no_such_entity(format!("Policy {arn} was not found."))
}

/// The account and the policy that a request names, if the caller may do this to it.
fn authorized_policy<'a>(
    world: &'a mut World,
    query: &Query,
    request: &Request<'_>,
    operation: &str,
) -> Result<(&'a mut Account, String, Policy), Fail> {
    let arn = query.need("PolicyArn")?;
    authorize(request, operation, arn, None)?;
    let account = own_account(world, request);
    let policy = account.managed_policy(arn).ok_or_else(|| missing(arn))?;
    Ok((account, arn.to_owned(), policy))
}

/// A policy that can be attached to roles.
pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (name, path) = (query.need("PolicyName")?, query.get("Path").unwrap_or("/"));
    let (partition, account) = (request.partition(), request.account());
    let arn = format!("arn:{partition}:iam::{account}:policy{path}{name}");
    authorize(request, "CreatePolicy", &arn, None)?;
    let policy = read_policy(query, request)?;
    let account = own_account(world, request);
    let is_same = |known: &String| name_of(known).eq_ignore_ascii_case(name);
    if account.policies.keys().any(is_same) {
        let message =
            format!("A policy called {name} already exists. Duplicate names are not allowed.");
        return Err(Fail::new(409, "EntityAlreadyExists", message));
    }
    let shown = Element::new("Policy").children(render(account, &arn, &policy, request));
    account.policies.insert(arn, policy);
    Ok(Body::Xml(vec![shown]))
}

pub(super) fn get(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (account, arn, policy) = authorized_policy(world, query, request, "GetPolicy")?;
    let shown = Element::new("Policy").children(render(account, &arn, &policy, request));
    Ok(Body::Xml(vec![shown]))
}

/// Deletes a policy that nothing uses any more.
pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (account, arn, _) = authorized_policy(world, query, request, "DeletePolicy")?;
    if count_uses(account, &arn) != (0, 0) {
        return Err(super::roles::delete_conflict(
            "detach policy from all entities",
        ));
    }
    account.policies.remove(&arn).ok_or_else(|| missing(&arn))?;
    account.policy_versions.retain(|(of, _), _| *of != arn);
    Ok(Body::Xml(Vec::new()))
}

/// A policy that is only used as a boundary counts as attached, and `PolicyUsageFilter` means
/// nothing without `OnlyAttached` (recorded).
pub(super) fn list(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(request, "ListPolicies", "*", None)?;
    let only_attached = query.flag("OnlyAttached")? == Some(true);
    let (prefix, usage) = (query.get("PathPrefix"), query.get("PolicyUsageFilter"));
    let prefix = format!(":policy{}", prefix.unwrap_or("/"));
    let account = own_account(world, request);
    let mut items = Vec::new();
    for (arn, policy) in &account.policies {
        let (attached, bound) = count_uses(account, arn);
        let used = match usage {
            Some("PermissionsBoundary") => bound > 0,
            Some(_) => attached > 0,
            None => attached + bound > 0,
        };
        if arn.contains(&prefix) && (used || !only_attached) {
            items.push(pages::member(render(account, arn, policy, request)));
        }
    }
    pages::answer(query, request, "Policies", items)
}

fn render_version(policy: &Policy, is_default: bool, request: &Request<'_>) -> Vec<Element> {
    vec![
        Element::of("VersionId", format!("v{}", policy.version)),
        Element::of("IsDefaultVersion", is_default),
        Element::of("CreateDate", request.clock.text(policy.since)),
    ]
}

/// Every version of a policy, which has one as long as no other was made.
fn versions(account: &Account, arn: &str, current: &Policy) -> Vec<Policy> {
    let of_policy = account
        .policy_versions
        .iter()
        .filter(|((of, _), _)| of == arn);
    let mut versions: Vec<_> = of_policy.map(|(_, policy)| policy.clone()).collect();
    if versions.is_empty() {
        versions.push(current.clone());
    }
    versions
}

pub(super) fn create_version(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let mut new = read_policy(query, request)?;
    let operation = "CreatePolicyVersion";
    let (account, arn, current) = authorized_policy(world, query, request, operation)?;
    let versions = versions(account, &arn, &current);
    if versions.len() >= VERSIONS {
        let message = format!(
            "A managed policy can have up to {VERSIONS} versions. Before you create a new version, \
             you must delete an existing version."
        );
        return Err(Fail::new(409, "LimitExceeded", message));
    }
    new.version = versions
        .iter()
        .map(|policy| policy.version)
        .max()
        .unwrap_or(0)
        + 1;
    for version in versions.into_iter().chain([new.clone()]) {
        let place = (arn.clone(), version.version);
        account.policy_versions.insert(place, version);
    }
    let is_default = query.flag("SetAsDefault")? == Some(true);
    let shown = Element::new("PolicyVersion").children(render_version(&new, is_default, request));
    if is_default {
        account.policies.insert(arn, new);
    }
    Ok(Body::Xml(vec![shown]))
}

/// The version that a request names.
fn find_version(
    account: &Account,
    arn: &str,
    current: &Policy,
    query: &Query,
) -> Result<Policy, Fail> {
    let id = query.need("VersionId")?;
    let mut versions = versions(account, arn, current).into_iter();
    let version = versions.find(|policy| format!("v{}", policy.version) == id);
    version.ok_or_else(|| {
        no_such_entity(format!(
            "Policy {arn} version {id} does not exist or is not attachable."
        ))
    })
}

pub(super) fn get_version(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (account, arn, current) = authorized_policy(world, query, request, "GetPolicyVersion")?;
    let version = find_version(account, &arn, &current, query)?;
    let is_default = version.version == current.version;
    let shown = Element::new("PolicyVersion")
        .text("Document", url_encoded(&version.text))
        .children(render_version(&version, is_default, request));
    Ok(Body::Xml(vec![shown]))
}

pub(super) fn list_versions(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let operation = "ListPolicyVersions";
    let (account, arn, current) = authorized_policy(world, query, request, operation)?;
    let mut items = Vec::new();
    for version in versions(account, &arn, &current) {
        let is_default = version.version == current.version;
        items.push(pages::member(render_version(&version, is_default, request)));
    }
    pages::answer(query, request, "Versions", items)
}

pub(super) fn set_default(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let operation = "SetDefaultPolicyVersion";
    let (account, arn, current) = authorized_policy(world, query, request, operation)?;
    let version = find_version(account, &arn, &current, query)?;
    account.policies.insert(arn, version);
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn delete_version(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let operation = "DeletePolicyVersion";
    let (account, arn, current) = authorized_policy(world, query, request, operation)?;
    let version = find_version(account, &arn, &current, query)?.version;
    if version == current.version {
        let message = "Cannot delete the default version of a policy.";
        return Err(Fail::new(409, "DeleteConflict", message));
    }
    account.policy_versions.remove(&(arn, version));
    Ok(Body::Xml(Vec::new()))
}
