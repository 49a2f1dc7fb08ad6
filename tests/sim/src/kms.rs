//! KMS: keys, aliases, policies, grants.

mod policy;

use serde_json::{Map, Value, json};

use crate::auth;
use crate::sim::Ask;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Key, World};

pub(crate) fn call(world: &mut World, operation: &str, params: &Map<String, Value>, ask: &Ask<'_>) -> Outcome {
    match operation {
        "DescribeKey" => describe_key(world, params, ask),
        "GetKeyPolicy" => policy::get(world, params, ask),
        "PutKeyPolicy" => policy::put(world, params, ask),
        "ListGrants" => list_grants(world, params, ask),
        "CreateKey" => create_key(world, params, ask),
        "ListAliases" => list_aliases(world, ask),
        _ => Err(Fail::bad("UnknownOperationException", "")),
    }
}

/// A parameter that must be there.
fn need<'a>(params: &'a Map<String, Value>, name: &str) -> Result<&'a str, Fail> {
    params.get(name).and_then(Value::as_str).ok_or_else(|| {
        let message = format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
        );
        Fail::bad("ValidationException", message)
    })
}

/// Finds the key that a call names. Some operations take no alias (R3.1.4).
fn find(world: &mut World, named: &str, ask: &Ask<'_>, alias: bool) -> Result<String, Fail> {
    if !alias && named.contains("alias/") {
        let message = format!("Invalid keyId '{named}'");
        return Err(Fail::bad(
            if named.starts_with("arn:") { "InvalidArnException" } else { "NotFoundException" },
            message,
        ));
    }
    world
        .find_key(named, &ask.who.facts.account, ask.region)
        .filter(|arn| arn.contains(&format!(":{}:", ask.region)))
        .ok_or_else(|| {
            let (account, region) = (&ask.who.facts.account, ask.region);
            let message = if named.starts_with("alias/") {
                format!("Alias arn:aws:kms:{region}:{account}:{named} is not found.")
            } else if named.starts_with("arn:") {
                format!("Key '{named}' does not exist")
            } else {
                format!("Key 'arn:aws:kms:{region}:{account}:key/{named}' does not exist")
            };
            Fail::bad("NotFoundException", message)
        })
}

/// Finds the key and asks whether the caller may.
fn allowed<'a>(
    world: &'a mut World,
    params: &Map<String, Value>,
    ask: &Ask<'_>,
    action: &str,
    (alias, across_accounts): (bool, bool),
) -> Result<&'a mut Key, Fail> {
    let arn = find(world, need(params, "KeyId")?, ask, alias)?;
    let key = world
        .keys
        .get_mut(&arn)
        .ok_or_else(|| Fail::bad("NotFoundException", format!("Key '{arn}' does not exist")))?;
    auth::kms(ask.who, action, key, &auth::context(&ask.who.facts, ask.region))?;
    if !across_accounts && key.account != ask.who.facts.account {
        // These operations never work across accounts, whatever policies say (R3.1.2).
        let message = format!("User: {} is not authorized to perform: {action} on resource: {arn}", ask.who.facts.arn);
        return Err(Fail::bad("AccessDeniedException", message));
    }
    Ok(key)
}

fn describe_key(world: &mut World, params: &Map<String, Value>, ask: &Ask<'_>) -> Outcome {
    let key = allowed(world, params, ask, "kms:DescribeKey", (true, true))?;
    Ok(Body::Json(json!({ "KeyMetadata": metadata(key, ask) })))
}

fn metadata(key: &Key, ask: &Ask<'_>) -> Value {
    let symmetric = key.spec == "SYMMETRIC_DEFAULT";
    json!({
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": ask.clock.epoch(key.created),
        "Enabled": key.state.as_str() == "Enabled",
        "Description": "",
        "KeyUsage": if symmetric { "ENCRYPT_DECRYPT" } else { "SIGN_VERIFY" },
        "KeyState": key.state.as_str(),
        "Origin": "AWS_KMS",
        "KeyManager": if key.aws_managed { "AWS" } else { "CUSTOMER" },
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "EncryptionAlgorithms": if symmetric { json!(["SYMMETRIC_DEFAULT"]) } else { json!([]) },
        "MultiRegion": key.id.starts_with("mrk-"),
    })
}

fn list_grants(world: &mut World, params: &Map<String, Value>, ask: &Ask<'_>) -> Outcome {
    let key = allowed(world, params, ask, "kms:ListGrants", (false, true))?;
    let grants: Vec<Value> = key
        .grants
        .iter()
        .map(|grant| {
            json!({
                "KeyId": key.arn,
                "GrantId": grant.id,
                "GranteePrincipal": grant.grantee,
                "IssuingAccount": format!("arn:aws:iam::{}:root", grant.issuing_account),
                "Operations": grant.operations,
            })
        })
        .collect();
    Ok(Body::Json(json!({ "Grants": grants, "Truncated": false })))
}

fn create_key(world: &mut World, params: &Map<String, Value>, ask: &Ask<'_>) -> Outcome {
    let account = &ask.who.facts.account;
    auth::iam(ask.who, "kms:CreateKey", &auth::context(&ask.who.facts, ask.region))?;
    let text = params.get("Policy").and_then(Value::as_str).map_or_else(|| Key::default_policy(account), str::to_owned);
    policy::check(world, &text, ask)?;
    let name = world.issue(16);
    let key = Key { created: ask.now, ..Key::new(account, ask.region, &name, &text) };
    let answer = json!({ "KeyMetadata": metadata(&key, ask) });
    world.keys.insert(key.arn.clone(), key);
    Ok(Body::Json(answer))
}

fn list_aliases(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let account = &ask.who.facts.account;
    auth::iam(ask.who, "kms:ListAliases", &auth::context(&ask.who.facts, ask.region))?;
    let own = world.aliases.iter().filter(|((of, region, _), _)| of == account && region == ask.region);
    let aliases: Vec<Value> = own
        .map(|((_, region, alias), arn)| {
            json!({
                "AliasName": alias,
                "AliasArn": format!("arn:aws:kms:{region}:{account}:{alias}"),
                "TargetKeyId": arn.rsplit('/').next(),
            })
        })
        .collect();
    Ok(Body::Json(json!({ "Aliases": aliases, "Truncated": false })))
}
