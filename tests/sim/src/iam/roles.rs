//! Roles, those of services too.

use std::time::Duration;

use serde_json::{Value, json};

use super::{arn, authorize, changeable, no_such, role};
use crate::sim::Ask;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Policy, Role, World};

fn render(role: &Role, ask: &Ask<'_>) -> Vec<Element> {
    let document: String =
        url::form_urlencoded::byte_serialize(role.trust.text.as_bytes()).collect();
    vec![
        Element::of("Path", &role.path),
        Element::of("RoleName", name_of(role)),
        Element::of("RoleId", &role.unique_id),
        Element::of("Arn", &role.arn),
        Element::of("CreateDate", ask.clock.text(role.created)),
        // Clients decode it as a URL: a blank is %20.
        Element::of("AssumeRolePolicyDocument", document.replace('+', "%20")),
        Element::of("MaxSessionDuration", 3600),
    ]
}

fn name_of(role: &Role) -> &str {
    role.arn.rsplit('/').next().unwrap_or_default()
}

pub(super) fn get(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let role = role(world, query, ask, "GetRole", None)?;
    Ok(Body::Xml(vec![
        Element::new("Role").children(render(role, ask)),
    ]))
}

pub(super) fn list(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    authorize(
        ask,
        "ListRoles",
        &format!("arn:aws:iam::{}:role/", ask.account()),
        None,
    )?;
    let prefix = query.get("PathPrefix").unwrap_or("/");
    let roles = world
        .accounts
        .get(ask.account())
        .into_iter()
        .flat_map(|account| account.roles.values());
    let shown = roles
        .filter(|role| role.path.starts_with(prefix))
        .map(|role| render(role, ask));
    Ok(Body::Xml(vec![
        Element::members("Roles", shown),
        Element::of("IsTruncated", false),
    ]))
}

pub(super) fn create(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let (name, path) = (query.need("RoleName")?, query.get("Path").unwrap_or("/"));
    let arn = arn(ask.account(), path, name);
    authorize(ask, "CreateRole", &arn, None)?;
    let trust = Policy::parse(query.need("AssumeRolePolicyDocument")?, ask.now)
        .map_err(|problem| Fail::bad("MalformedPolicyDocument", problem))?;
    // Made anew, it is another role (R3.3.8).
    let digits = world.issue(17).to_uppercase();
    let account = world.accounts.entry(ask.account().to_owned()).or_default();
    let boundary = match query.get("PermissionsBoundary") {
        None => None,
        Some(arn) => {
            let missing = || {
                no_such(format!(
                    "Scope ARN: {arn} does not exist or is not attachable."
                ))
            };
            Some(
                account
                    .policies
                    .get(arn)
                    .ok_or_else(missing)?
                    .document
                    .clone(),
            )
        }
    };
    if account.roles.contains_key(name) {
        return Err(Fail::new(
            409,
            "EntityAlreadyExists",
            format!("Role with name {name} already exists."),
        ));
    }
    let unique_id = format!("AROA{digits}");
    let role = Role {
        arn,
        path: path.to_owned(),
        unique_id,
        trust,
        boundary,
        created: ask.now,
        ..Role::default()
    };
    let shown = Element::new("Role").children(render(&role, ask));
    account.roles.insert(name.to_owned(), role);
    Ok(Body::Xml(vec![shown]))
}

/// Deletes a role that has no policies left. Key policies keep its unique ID (R3.2.6).
pub(super) fn delete(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let name = query.need("RoleName")?.to_owned();
    let role = role(world, query, ask, "DeleteRole", None)?;
    changeable(role, &name)?;
    let conflict = |what: &str| {
        Err(Fail::new(
            409,
            "DeleteConflict",
            format!("Cannot delete entity, must {what} first."),
        ))
    };
    if !role.attached.is_empty() {
        return conflict("detach all policies");
    }
    if !role.inline.is_empty() {
        return conflict("delete policies");
    }
    let (arn, unique_id) = (role.arn.clone(), role.unique_id.clone());
    if let Some(account) = world.accounts.get_mut(ask.account()) {
        account.roles.remove(&name);
    }
    for (_, policy) in world
        .keys
        .values_mut()
        .filter_map(|key| key.policies.last_mut())
    {
        *policy = policy.replace(&format!("\"{arn}\""), &format!("\"{unique_id}\""));
    }
    Ok(Body::Xml(Vec::new()))
}

/// The role of a service, such as `AWSServiceRoleForAutoScaling` (R4.11).
pub(super) fn create_service_linked(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let service = query.need("AWSServiceName")?;
    let invalid = |message: String| Fail::bad("InvalidInput", message);
    let base = role_of_service(service).ok_or_else(|| {
        invalid(format!(
            "Service {service} is not simulated; AWS has others."
        ))
    })?;
    let suffix = query
        .get("CustomSuffix")
        .map(|suffix| format!("_{suffix}"))
        .unwrap_or_default();
    let name = format!("{base}{suffix}");
    authorize(
        ask,
        "CreateServiceLinkedRole",
        &arn(ask.account(), &path_of_service(service), &name),
        None,
    )?;
    if world
        .accounts
        .get(ask.account())
        .is_some_and(|account| account.roles.contains_key(&name))
    {
        let message = format!(
            "Service role name {name} has been taken in this account, please try a different \
             suffix."
        );
        return Err(invalid(message));
    }
    let role = service_linked(world, ask.account(), service, &name, ask.now);
    let shown = Element::new("Role").children(render(&role, ask));
    if let Some(account) = world.accounts.get_mut(ask.account()) {
        account.roles.insert(name, role);
    }
    Ok(Body::Xml(vec![shown]))
}

/// The roles of services that launch instances.
fn role_of_service(service: &str) -> Option<&'static str> {
    Some(match service {
        "autoscaling.amazonaws.com" => "AWSServiceRoleForAutoScaling",
        "spot.amazonaws.com" => "AWSServiceRoleForEC2Spot",
        "spotfleet.amazonaws.com" => "AWSServiceRoleForEC2SpotFleet",
        "ec2fleet.amazonaws.com" => "AWSServiceRoleForEC2Fleet",
        _ => return None,
    })
}

fn path_of_service(service: &str) -> String {
    format!("/aws-service-role/{service}/")
}

/// A role of a service. By it the service may do anything in EC2; of keys, what key policies and
/// grants give it.
fn service_linked(
    world: &mut World,
    account: &str,
    service: &str,
    name: &str,
    created: Duration,
) -> Role {
    let parse =
        |document: &Value| Policy::parse(&document.to_string(), Duration::ZERO).unwrap_or_default();
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" },
    ] });
    let policy =
        json!({ "Statement": [{ "Effect": "Allow", "Action": "ec2:*", "Resource": "*" }] });
    let path = path_of_service(service);
    Role {
        arn: arn(account, &path, name),
        path,
        unique_id: format!("AROA{}", world.issue(17).to_uppercase()),
        trust: parse(&trust),
        inline: [("service".to_owned(), parse(&policy))].into(),
        created,
        ..Role::default()
    }
}

/// Puts the role of a service into an account; its name and ARN, where the service is known.
pub(crate) fn add_service_linked(
    world: &mut World,
    account: &str,
    service: &str,
    created: Duration,
) -> Option<(String, String)> {
    let name = role_of_service(service)?;
    let role = service_linked(world, account, service, name, created);
    let arn = role.arn.clone();
    world
        .accounts
        .get_mut(account)?
        .roles
        .insert(name.to_owned(), role);
    Some((name.to_owned(), arn))
}
