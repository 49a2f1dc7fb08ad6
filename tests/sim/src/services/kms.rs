//! KMS: keys, aliases, policies, grants, and cryptography as far as permissions go.

mod crypto;
mod grants;
mod keys;
mod policy;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::auth::{self, KeyUse};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::{Fail, Outcome};
use crate::world::{Grant, Key, World};

pub(crate) use policy::exists;

pub(crate) type Params = Map<String, Value>;

pub(crate) fn call(
    world: &mut World,
    operation: &str,
    params: &Params,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "DescribeKey" => keys::describe(world, params, request),
        "CreateKey" => keys::create(world, params, request),
        "EnableKey" | "DisableKey" | "ScheduleKeyDeletion" | "CancelKeyDeletion" => {
            keys::change_state(world, operation, params, request)
        }
        "CreateAlias" => keys::create_alias(world, params, request),
        "DeleteAlias" => keys::delete_alias(world, params, request),
        "ListAliases" => keys::list_aliases(world, params, request),
        "GetKeyPolicy" => policy::get(world, params, request),
        "PutKeyPolicy" => policy::put(world, params, request),
        "CreateGrant" => grants::create(world, params, request),
        "ListGrants" => grants::list(world, params, request),
        "RevokeGrant" => grants::revoke(world, params, request),
        "RetireGrant" => grants::retire(world, params, request),
        "Encrypt" => crypto::encrypt(world, params, request),
        "Decrypt" => crypto::decrypt(world, params, request),
        "ReEncrypt" => crypto::re_encrypt(world, params, request),
        "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" => {
            crypto::data_key(world, operation, params, request)
        }
        _ => Err(Fail::bad("UnknownOperationException", "")),
    }
}

/// A parameter that must be there.
fn need<'a>(params: &'a Params, name: &str) -> Result<&'a str, Fail> {
    if params
        .get(name)
        .is_some_and(|value| !value.is_string() && !value.is_null())
    {
        return Err(Fail::bad("SerializationException", ""));
    }
    params.get(name).and_then(Value::as_str).ok_or_else(|| {
        let message = format!(
            "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member \
             must not be null",
            name[..1].to_lowercase() + &name[1..]
        );
        Fail::bad("ValidationException", message)
    })
}

/// Finds the key that a call names. Some operations take no alias (R3.1.4).
fn find(
    world: &mut World,
    named: &str,
    request: &Request<'_>,
    alias: bool,
) -> Result<String, Fail> {
    if !alias && named.contains("alias/") {
        let message = format!("Invalid keyId '{named}'");
        return Err(Fail::bad(
            if named.starts_with("arn:") {
                "InvalidArnException"
            } else {
                "NotFoundException"
            },
            message,
        ));
    }
    let not_found = |message: String| Fail::bad("NotFoundException", message);
    let (account, region) = (request.account(), request.region);
    if let Some(of_arn) = named
        .strip_prefix("arn:")
        .and_then(|rest| rest.split(':').nth(2))
        && of_arn != region
    {
        return Err(not_found(format!("Invalid arn {of_arn}")));
    }
    world.find_key(named, account, region).ok_or_else(|| {
        not_found(if named.starts_with("alias/") {
            format!("Alias arn:aws:kms:{region}:{account}:{named} is not found.")
        } else if named.starts_with("arn:") {
            format!("Key '{named}' does not exist")
        } else if is_key_id(named) {
            format!("Key 'arn:aws:kms:{region}:{account}:key/{named}' does not exist")
        } else {
            format!("Invalid keyId '{named}'")
        })
    })
}

/// Whether a text has the form of a key ID: a UUID, or that of a multi-Region key.
fn is_key_id(text: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    (lengths == [8, 4, 4, 4, 12] && text.split('-').all(hex))
        || text
            .strip_prefix("mrk-")
            .is_some_and(|rest| rest.len() == 32 && hex(rest))
}

/// What an operation takes and needs.
struct Op<'a> {
    action: &'a str,
    /// Whether it takes aliases (R3.1.4).
    alias: bool,
    /// Whether it works on keys of other accounts, whatever policies say (R3.1.2).
    across: bool,
    /// The grant that is to be made.
    child: Option<&'a Grant>,
    /// Condition keys of its own.
    context: Context,
}

impl<'a> Op<'a> {
    fn new(action: &'a str, alias: bool, across: bool) -> Self {
        Self {
            action,
            alias,
            across,
            child: None,
            context: Context::new(),
        }
    }
}

/// Finds the key that a call names as `KeyId`, and asks whether the caller may.
fn allowed<'a>(
    world: &'a mut World,
    params: &Params,
    request: &Request<'_>,
    op: &Op<'_>,
) -> Result<&'a mut Key, Fail> {
    allowed_on(
        world,
        need(params, "KeyId")?,
        &encryption_context(params, "EncryptionContext")?,
        params,
        request,
        op,
    )
}

/// Finds a key and asks whether the caller may use it so.
fn allowed_on<'a>(
    world: &'a mut World,
    named: &str,
    encryption: &BTreeMap<String, String>,
    params: &Params,
    request: &Request<'_>,
    op: &Op<'_>,
) -> Result<&'a mut Key, Fail> {
    let arn = find(world, named, request, op.alias)?;
    let key = world.keys.get_mut(&arn).ok_or_else(|| gone(&arn))?;
    let mut context = auth::context(request.caller, request.region);
    context.extend(op.context.clone());
    let tokens = texts(params, "GrantTokens");
    let wanted = KeyUse {
        action: op.action,
        context: &context,
        encryption,
        tokens: &tokens,
        child: op.child,
        policies_as_of: request
            .now
            .saturating_sub(request.options.delays.key_policies),
        grants_as_of: request.now.saturating_sub(request.options.delays.grants),
    };
    auth::kms(request.caller, key, &wanted)?;
    if !op.across && key.account != request.account() {
        let (user, action) = (&request.caller.facts.arn, op.action);
        let message =
            format!("User: {user} is not authorized to perform: {action} on resource: {arn}");
        return Err(Fail::bad("AccessDeniedException", message));
    }
    Ok(key)
}

fn gone(arn: &str) -> Fail {
    Fail::bad("NotFoundException", format!("Key '{arn}' does not exist"))
}

/// The texts of a list.
fn texts(params: &Params, name: &str) -> Vec<String> {
    let list = params.get(name).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn encryption_context(params: &Params, name: &str) -> Result<BTreeMap<String, String>, Fail> {
    let Some(value) = params.get(name) else {
        return Ok(BTreeMap::new());
    };
    serde_json::from_value(value.clone())
        .ok()
        .ok_or_else(|| Fail::bad("SerializationException", ""))
}

/// The end of a dry run that would have succeeded (R3.5).
fn dry_run(params: &Params) -> Result<(), Fail> {
    if params.get("DryRun") == Some(&Value::Bool(true)) {
        let message = "The request would have succeeded, but the DryRun option is set.";
        return Err(Fail::bad("DryRunOperationException", message));
    }
    Ok(())
}

/// Whether IAM alone lets the principal do something that concerns no key yet.
fn without_key(request: &Request<'_>, action: &str) -> Result<(), Fail> {
    let context = auth::context(request.caller, request.region);
    auth::service(
        request.caller,
        action,
        "*",
        &context,
        (400, "AccessDeniedException"),
    )
}
