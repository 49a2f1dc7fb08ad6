//! The alias of an account, of which it has at most one (R5.17).

use super::{authorize, no_such_entity, own_account, pages};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::World;

/// A new alias takes the place of the former.
pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(request, "CreateAccountAlias", "*", None)?;
    let alias = query.need("AccountAlias")?;
    let is_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let has_dash_outside = alias.starts_with('-') || alias.ends_with('-') || alias.contains("--");
    if !(3..=63).contains(&alias.len()) || !alias.chars().all(is_char) || has_dash_outside {
        let message = format!(
            "1 validation error detected: Value '{alias}' at 'accountAlias' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: \
             ^[a-z0-9]([a-z0-9]|-(?!-)){{1,61}}[a-z0-9]$"
        );
        return Err(Fail::bad("ValidationError", message));
    }
    let mut others = world.accounts.iter();
    if others.any(|(id, other)| id != request.account() && other.alias.as_deref() == Some(alias)) {
        let message = format!("The account alias {alias} already exists.");
        return Err(Fail::new(409, "EntityAlreadyExists", message));
    }
    own_account(world, request).alias = Some(alias.to_owned());
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(request, "DeleteAccountAlias", "*", None)?;
    let alias = query.need("AccountAlias")?;
    let account = own_account(world, request);
    if account.alias.as_deref() != Some(alias) {
        let message = format!("The Account Alias {alias} cannot be found.");
        return Err(no_such_entity(message));
    }
    account.alias = None;
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn list(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(request, "ListAccountAliases", "*", None)?;
    let alias = own_account(world, request).alias.iter();
    let items = alias.map(|alias| Element::of("member", alias)).collect();
    pages::answer(query, request, "AccountAliases", items)
}
