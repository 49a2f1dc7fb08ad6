//! Principals that policies and grants name: whether they exist, and their unique IDs.

use crate::partition;
use crate::services::Request;
use crate::wire::Fail;
use crate::world::{Credential, Grantee, World};

/// The account and the resource of an ARN of IAM or STS.
fn split_arn(arn: &str) -> Option<(&str, &str)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        [_, _, "iam" | "sts", _, account, resource] => Some((account, resource)),
        _ => None,
    }
}

/// Whether a principal exists. Accounts do unless the scenario says otherwise. A new role is not
/// known at once, and the unique ID of a deleted role is no principal (R3.2.4, R3.2.6).
pub(super) fn exists(world: &World, principal: &str, request: &Request<'_>) -> bool {
    if principal == "*" {
        return true;
    }
    let Some((account, resource)) = split_arn(principal) else {
        return is_account(world, principal);
    };
    if !is_account(world, account) {
        return false;
    }
    let is_role = |name: Option<&str>| role_is_known(world, account, name, request);
    match resource.split_once('/') {
        None => resource == "root",
        Some(("user", _)) => {
            let mut credentials = world.credentials.values();
            credentials.any(|credential| credential.facts.arn == principal)
        }
        Some(("role", path)) => is_role(path.rsplit('/').next()),
        Some(("assumed-role", path)) => is_role(path.split('/').next()),
        Some((kind, _)) => kind == "federated-user",
    }
}

fn is_account(world: &World, text: &str) -> bool {
    text.len() == 12
        && text.bytes().all(|b| b.is_ascii_digit())
        && !world.nonexistent_accounts.contains(text)
}

fn role_is_known(world: &World, account: &str, name: Option<&str>, request: &Request<'_>) -> bool {
    let account = world.accounts.get(account);
    let Some(role) = account.and_then(|account| account.roles.get(name?)) else {
        return false;
    };
    let delay = request.options.delays.iam;
    role.created.is_zero() || role.created + delay <= request.now
}

/// The grantee that an ARN, an account ID or a unique ID names, if there is such a principal.
/// Grants mean a role by its unique ID, and a session by that and its name (R3.3.8).
pub(super) fn find(world: &World, name: &str, request: &Request<'_>) -> Option<Grantee> {
    let arn = if is_unique_id(name) {
        arn_of_unique_id(world, name)?
    } else if name.len() == 12 && !name.contains(':') {
        partition::account_root(request.partition(), name)
    } else {
        name.to_owned()
    };
    let grantee = find_grantee(world, &arn)?;
    (arn.starts_with("arn:") && exists(world, &arn, request)).then_some(grantee)
}

/// The same, of a request that needs one.
pub(super) fn resolve(world: &World, name: &str, request: &Request<'_>) -> Result<Grantee, Fail> {
    find(world, name, request).ok_or_else(|| {
        let message = if is_unique_id(name) {
            "Input does not refer to a valid principal".to_owned()
        } else {
            format!("ARN does not refer to a valid principal: {name}")
        };
        Fail::bad("InvalidArnException", message)
    })
}

fn is_unique_id(name: &str) -> bool {
    name.starts_with("AROA") || name.starts_with("AIDA")
}

/// The ARN of a role, of a session or of a user by its unique ID.
fn arn_of_unique_id(world: &World, name: &str) -> Option<String> {
    let (id, session) = match name.split_once(':') {
        Some((id, session)) => (id, Some(session)),
        None => (name, None),
    };
    for account in world.accounts.values() {
        for role in account.roles.values() {
            if role.unique_id == id {
                return Some(match session {
                    Some(session) => role.session_arn(session),
                    None => role.arn.clone(),
                });
            }
        }
    }
    let mut credentials = world.credentials.values();
    let user = credentials.find(|credential| is_user(credential, id))?;
    Some(user.facts.arn.clone())
}

/// The grantee of an ARN, with the unique ID of a role, session or user. Other principals have
/// none.
fn find_grantee(world: &World, arn: &str) -> Option<Grantee> {
    let (account, resource) = split_arn(arn)?;
    let role_id = |name: &str| {
        let roles = &world.accounts.get(account)?.roles;
        Some(roles.get(name)?.unique_id.clone())
    };
    let unique_id = match resource.split_once('/') {
        Some(("role", path)) => Some(role_id(path.rsplit('/').next()?)?),
        Some(("assumed-role", path)) => {
            let (name, session) = path.split_once('/')?;
            Some(format!("{}:{session}", role_id(name)?))
        }
        Some(("user", _)) => {
            let mut credentials = world.credentials.values();
            let user = credentials.find(|credential| credential.facts.arn == arn);
            user.map(|user| user.facts.unique_id.clone())
        }
        _ => None,
    };
    Some(Grantee {
        arn: arn.to_owned(),
        unique_id,
    })
}

/// Whether a credential is of the user with a unique ID. Sessions outlive their roles.
fn is_user(credential: &Credential, id: &str) -> bool {
    credential.facts.role_arn.is_none() && credential.facts.unique_id == id
}

/// The name of a grantee in answers. Of a deleted role only its unique ID is left (R3.2.6).
pub(super) fn shown_name<'a>(world: &World, grantee: &'a Grantee) -> &'a str {
    let Some(id) = &grantee.unique_id else {
        return &grantee.arn;
    };
    let role_id = id.split(':').next().unwrap_or(id);
    let mut roles = world
        .accounts
        .values()
        .flat_map(|account| account.roles.values());
    let mut credentials = world.credentials.values();
    if roles.any(|role| role.unique_id == role_id)
        || credentials.any(|credential| is_user(credential, id))
    {
        &grantee.arn
    } else {
        id
    }
}
