//! Users and groups, whose policies can be simulated (R7.22).

use std::time::Duration;

use super::policies::read_policy;
use super::{authorize, no_such_entity, own_account, pages};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Account, Group, PolicySet, User, World};

/// A user or a group, as the names of operations and parameters have it.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    User,
    Group,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    fn name_parameter(self) -> &'static str {
        match self {
            Self::User => "UserName",
            Self::Group => "GroupName",
        }
    }

    fn arn(self, request: &Request<'_>, path: &str, name: &str) -> String {
        let (partition, account) = (request.partition(), request.account());
        let kind = self.word().to_lowercase();
        format!("arn:{partition}:iam::{account}:{kind}{path}{name}")
    }
}

pub(super) fn create(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
    kind: Kind,
) -> Outcome {
    let name = query.need(kind.name_parameter())?.to_owned();
    let path = query.get("Path").unwrap_or("/");
    let arn = kind.arn(request, path, &name);
    authorize(request, &format!("Create{}", kind.word()), &arn, None)?;
    let id = world.issue(17).to_uppercase();
    let account = own_account(world, request);
    if exists(account, kind, &name) {
        let message = format!("{} with name {name} already exists.", kind.word());
        return Err(Fail::new(409, "EntityAlreadyExists", message));
    }
    let unique_id = match kind {
        Kind::User => format!("AIDA{id}"),
        Kind::Group => format!("AGPA{id}"),
    };
    let answer = Element::new(kind.word())
        .text("Path", path)
        .text(kind.name_parameter(), &name)
        .text(format!("{}Id", kind.word()), &unique_id)
        .text("Arn", &arn)
        .text("CreateDate", request.clock.text(request.now));
    match kind {
        Kind::User => {
            let user = User {
                arn,
                unique_id,
                ..User::default()
            };
            account.users.insert(name, user);
        }
        Kind::Group => {
            let policies = PolicySet::default();
            let group = Group {
                arn,
                unique_id,
                policies,
            };
            account.groups.insert(name, group);
        }
    }
    Ok(Body::Xml(vec![answer]))
}

fn exists(account: &Account, kind: Kind, name: &str) -> bool {
    match kind {
        Kind::User => account.users.contains_key(name),
        Kind::Group => account.groups.contains_key(name),
    }
}

pub(super) fn put_policy(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
    kind: Kind,
) -> Outcome {
    let operation = format!("Put{}Policy", kind.word());
    let policies = authorized_policies(world, query, request, kind, (&operation, None))?;
    let policy = read_policy(query, request)?;
    let name = query.need("PolicyName")?.to_owned();
    policies.inline.insert(name, policy);
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn attach(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
    kind: Kind,
) -> Outcome {
    let arn = query.need("PolicyArn")?;
    let known = own_account(world, request).policies.contains_key(arn);
    let operation = format!("Attach{}Policy", kind.word());
    let policies = authorized_policies(world, query, request, kind, (&operation, Some(arn)))?;
    if !known {
        let message = format!("Policy {arn} does not exist or is not attachable.");
        return Err(no_such_entity(message));
    }
    policies.attached.insert(arn.to_owned());
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn add_to_group(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let group = query.need("GroupName")?.to_owned();
    let operation = ("AddUserToGroup", None);
    authorized_policies(world, query, request, Kind::Group, operation)?;
    let user = find_user(world, query, request)?;
    user.groups.insert(group);
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn put_boundary(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let arn = query.need("PermissionsBoundary")?.to_owned();
    let operation = ("PutUserPermissionsBoundary", None);
    authorized_policies(world, query, request, Kind::User, operation)?;
    let user = find_user(world, query, request)?;
    user.boundary = Some(arn);
    Ok(Body::Xml(Vec::new()))
}

/// The user that a request names, if the caller may do this to it.
pub(super) fn authorized_user<'a>(
    world: &'a mut World,
    query: &Query,
    request: &Request<'_>,
    operation: &str,
) -> Result<&'a mut User, Fail> {
    authorized_policies(world, query, request, Kind::User, (operation, None))?;
    find_user(world, query, request)
}

fn render(user: &User, request: &Request<'_>) -> Vec<Element> {
    let (_, path) = user.arn.split_once(":user").unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    vec![
        Element::of("Path", path.trim_end_matches(|c| c != '/')),
        Element::of("UserName", name),
        Element::of("UserId", &user.unique_id),
        Element::of("Arn", &user.arn),
        // When a user was made is not kept.
        Element::of("CreateDate", request.clock.text(Duration::ZERO)),
    ]
}

pub(super) fn get(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let user = authorized_user(world, query, request, "GetUser")?;
    let shown = Element::new("User").children(render(user, request));
    Ok(Body::Xml(vec![shown]))
}

pub(super) fn list(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(
        request,
        "ListUsers",
        &Kind::User.arn(request, "/", ""),
        None,
    )?;
    let prefix = Kind::User.arn(request, query.get("PathPrefix").unwrap_or("/"), "");
    let users = own_account(world, request).users.values();
    let users = users.filter(|user| user.arn.starts_with(&prefix));
    let items = users
        .map(|user| pages::member(render(user, request)))
        .collect();
    pages::answer(query, request, "Users", items)
}

fn find_user<'a>(
    world: &'a mut World,
    query: &Query,
    request: &Request<'_>,
) -> Result<&'a mut User, Fail> {
    let name = query.need("UserName")?;
    let user = own_account(world, request).users.get_mut(name);
    user.ok_or_else(|| not_found(Kind::User, name))
}

fn not_found(kind: Kind, name: &str) -> Fail {
    let kind = kind.word().to_lowercase();
    no_such_entity(format!("The {kind} with name {name} cannot be found."))
}

/// The policies of the user or group that a request names, if the caller may do this to it, with
/// the policy that it is about.
fn authorized_policies<'a>(
    world: &'a mut World,
    query: &Query,
    request: &Request<'_>,
    kind: Kind,
    (operation, policy): (&str, Option<&str>),
) -> Result<&'a mut PolicySet, Fail> {
    let name = query.need(kind.name_parameter())?;
    let default_arn = kind.arn(request, "/", name);
    let account = own_account(world, request);
    let found = match kind {
        Kind::User => {
            let user = account.users.get_mut(name);
            user.map(|user| (user.arn.clone(), &mut user.policies))
        }
        Kind::Group => {
            let group = account.groups.get_mut(name);
            group.map(|group| (group.arn.clone(), &mut group.policies))
        }
    };
    let arn = found.as_ref().map_or(&default_arn, |(arn, _)| arn);
    authorize(request, operation, arn, policy)?;
    let (_, policies) = found.ok_or_else(|| not_found(kind, name))?;
    Ok(policies)
}
