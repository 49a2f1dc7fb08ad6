//! Finds the key that a call names, and asks whether the caller may use it.

use std::collections::BTreeMap;

use super::params::{encryption_context, need, texts};
use super::{Params, key_not_found};
use crate::auth::{self, KeyUse};
use crate::partition;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::Fail;
use crate::world::{Grant, Key, World};

/// What an operation takes and needs.
pub(super) struct Operation<'a> {
    action: &'a str,
    /// Whether it takes aliases (R3.1.4).
    takes_alias: bool,
    /// Whether it works on keys of other accounts, if policies allow it (R3.1.2).
    cross_account: bool,
    /// The grant that CreateGrant is to make.
    new_grant: Option<&'a Grant>,
    /// Condition keys of its own.
    context: Context,
}

impl<'a> Operation<'a> {
    /// An operation on keys of the caller's account.
    pub(super) fn own_keys(action: &'a str) -> Self {
        Self {
            action,
            takes_alias: false,
            cross_account: false,
            new_grant: None,
            context: Context::new(),
        }
    }

    /// An operation on keys of every account.
    pub(super) fn all_keys(action: &'a str) -> Self {
        Self {
            cross_account: true,
            ..Self::own_keys(action)
        }
    }

    /// The same, by alias too.
    pub(super) fn by_alias(self) -> Self {
        Self {
            takes_alias: true,
            ..self
        }
    }

    /// The same, with condition keys of its own.
    pub(super) fn with_context(self, context: Context) -> Self {
        Self { context, ..self }
    }

    /// CreateGrant.
    pub(super) fn create_grant(grant: &'a Grant, context: Context) -> Self {
        Self {
            new_grant: Some(grant),
            context,
            ..Self::all_keys("kms:CreateGrant")
        }
    }
}

/// The key that a call names as `KeyId`, if the caller may use it so.
pub(super) fn authorized_key<'a>(
    world: &'a mut World,
    params: &Params,
    request: &Request<'_>,
    operation: &Operation<'_>,
) -> Result<&'a mut Key, Fail> {
    let key_use = KeyParams {
        key_id: need(params, "KeyId")?,
        encryption: encryption_context(params, "EncryptionContext")?,
        tokens: texts(params, "GrantTokens"),
    };
    key_use.authorize(world, request, operation)
}

/// How a call names a key, and in which encryption context it uses it.
pub(super) struct KeyParams<'a> {
    pub(super) key_id: &'a str,
    pub(super) encryption: BTreeMap<String, String>,
    /// Grant tokens.
    pub(super) tokens: Vec<String>,
}

impl KeyParams<'_> {
    /// The key, if the caller may use it so.
    pub(super) fn authorize<'a>(
        &self,
        world: &'a mut World,
        request: &Request<'_>,
        operation: &Operation<'_>,
    ) -> Result<&'a mut Key, Fail> {
        let arn = find(world, self.key_id, request, operation.takes_alias)?;
        let owner = world.keys.get(&arn).map(|key| key.account.clone());
        let controls = world.resource_controls(&owner.unwrap_or_default());
        let Some(key) = world.keys.get_mut(&arn) else {
            return Err(key_not_found(&arn));
        };
        let mut context = request.context();
        context.extend(operation.context.clone());
        let delays = &request.options.delays;
        let key_use = KeyUse {
            action: operation.action,
            context: &context,
            encryption: &self.encryption,
            tokens: &self.tokens,
            new_grant: operation.new_grant,
            policies_as_of: request.now.saturating_sub(delays.key_policies),
            grants_as_of: request.now.saturating_sub(delays.grants),
            controls: &controls,
        };
        auth::authorize_key_use(request.caller, key, &key_use)?;
        if !operation.cross_account && key.account != request.account() {
            let (user, action) = (&request.caller.facts.arn, operation.action);
            let message =
                format!("User: {user} is not authorized to perform: {action} on resource: {arn}");
            return Err(Fail::bad("AccessDeniedException", message));
        }
        Ok(key)
    }
}

/// The ARN of the key that a call names. Some operations take no alias (R3.1.4).
fn find(
    world: &mut World,
    name: &str,
    request: &Request<'_>,
    takes_alias: bool,
) -> Result<String, Fail> {
    let is_arn = name.starts_with("arn:");
    if !takes_alias && name.contains("alias/") {
        let code = if is_arn {
            "InvalidArnException"
        } else {
            "NotFoundException"
        };
        return Err(Fail::bad(code, format!("Invalid keyId '{name}'")));
    }
    let (account, region) = (request.account(), request.region);
    if is_arn
        && let Some(of_arn) = name.split(':').nth(3)
        && of_arn != region
    {
        let message = format!("Invalid arn {of_arn}");
        return Err(Fail::bad("NotFoundException", message));
    }
    world.find_key(name, account, region).ok_or_else(|| {
        let partition = partition::of_region(region).name;
        let message = if name.starts_with("alias/") {
            format!("Alias arn:{partition}:kms:{region}:{account}:{name} is not found.")
        } else if is_arn {
            format!("Key '{name}' does not exist")
        } else if is_key_id(name) {
            format!("Key 'arn:{partition}:kms:{region}:{account}:key/{name}' does not exist")
        } else {
            format!("Invalid keyId '{name}'")
        };
        Fail::bad("NotFoundException", message)
    })
}

/// Whether a text has the form of a key ID: a UUID, or that of a multi-Region key.
fn is_key_id(text: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(rest) = text.strip_prefix("mrk-") {
        return rest.len() == 32 && is_hex(rest);
    }
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.into_iter().all(is_hex)
}

/// Asks IAM for an action that uses no key yet.
pub(super) fn authorize_without_key(request: &Request<'_>, action: &str) -> Result<(), Fail> {
    let context = request.context();
    let denied = (400, "AccessDeniedException");
    auth::authorize_service(request.caller, action, "*", &context, denied)
}
