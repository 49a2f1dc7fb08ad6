//! Cryptography as far as permissions go: a ciphertext is its own content, readable to anybody who
//! looks, with the key and the encryption context that it was made under.

use std::collections::BTreeMap;

use aws_smithy_types::base64;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Op, Params, allowed, allowed_on, dry_run, encryption_context, need, texts};
use crate::auth;
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Key, World};

#[derive(Deserialize, Serialize)]
struct Ciphertext {
    key: String,
    context: BTreeMap<String, String>,
    /// As the caller gave it, in base64.
    plaintext: String,
}

impl Ciphertext {
    fn write(&self) -> String {
        base64::encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_slice(&base64::decode(text).ok()?).ok()
    }
}

const ALGORITHM: &str = "SYMMETRIC_DEFAULT";

/// A key that can do this in its state and of its type.
fn usable(key: &Key, operation: &str) -> Result<String, Fail> {
    auth::usable(key)?;
    if key.spec == ALGORITHM {
        Ok(key.arn.clone())
    } else {
        let message = format!(
            "{} key usage is SIGN_VERIFY which is not valid for {operation}.",
            key.arn
        );
        Err(Fail::bad("InvalidKeyUsageException", message))
    }
}

pub(super) fn encrypt(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let plaintext = need(params, "Plaintext")?.to_owned();
    base64::decode(&plaintext)
        .ok()
        .ok_or_else(|| Fail::bad("SerializationException", ""))?;
    let key = usable(
        allowed(world, params, request, &Op::new("kms:Encrypt", true, true))?,
        "Encrypt",
    )?;
    dry_run(params)?;
    let context = encryption_context(params, "EncryptionContext")?;
    let blob = Ciphertext {
        key: key.clone(),
        context,
        plaintext,
    }
    .write();
    Ok(Body::Json(
        json!({ "CiphertextBlob": blob, "KeyId": key, "EncryptionAlgorithm": ALGORITHM }),
    ))
}

/// A data key is random to its users; here it is not, for nothing is protected by it.
pub(super) fn data_key(
    world: &mut World,
    operation: &str,
    params: &Params,
    request: &Request<'_>,
) -> Outcome {
    let action = format!("kms:{operation}");
    let key = usable(
        allowed(world, params, request, &Op::new(&action, true, true))?,
        operation,
    )?;
    let size = match (
        params.get("NumberOfBytes").and_then(Value::as_u64),
        params.get("KeySpec").and_then(Value::as_str),
    ) {
        (Some(bytes @ 1..=1024), None) => usize::try_from(bytes).unwrap_or(32),
        (None, Some("AES_256")) => 32,
        (None, Some("AES_128")) => 16,
        _ => {
            return Err(Fail::bad(
                "ValidationException",
                "Please specify either number of bytes or key spec.",
            ));
        }
    };
    dry_run(params)?;
    let plaintext = base64::encode(vec![0; size]);
    let context = encryption_context(params, "EncryptionContext")?;
    let blob = Ciphertext {
        key: key.clone(),
        context,
        plaintext: plaintext.clone(),
    }
    .write();
    let mut answer = json!({ "CiphertextBlob": blob, "KeyId": key });
    if operation == "GenerateDataKey" {
        answer["Plaintext"] = json!(plaintext);
    }
    Ok(Body::Json(answer))
}

/// What is to be decrypted, and the key that it is under. A dry run may do without (R3.5), and then
/// must name the key.
fn source(params: &Params, context: &str, key: &str) -> Result<(Option<Ciphertext>, String), Fail> {
    let named = params.get(key).and_then(Value::as_str);
    let ignored = texts(params, "DryRunModifiers")
        .iter()
        .any(|modifier| modifier == "IGNORE_CIPHERTEXT");
    if ignored && params.get("DryRun") != Some(&Value::Bool(true)) {
        return Err(Fail::bad(
            "ValidationException",
            "DryRunModifiers can only be used in a dry run.",
        ));
    }
    if ignored {
        return Ok((None, need(params, key)?.to_owned()));
    }
    let wrong = || Fail::bad("InvalidCiphertextException", "");
    let ciphertext = Ciphertext::read(need(params, "CiphertextBlob")?).ok_or_else(wrong)?;
    if encryption_context(params, context)? != ciphertext.context {
        return Err(wrong());
    }
    let under = named.unwrap_or(&ciphertext.key).to_owned();
    Ok((Some(ciphertext), under))
}

/// The key that a ciphertext is under must be the one that was named.
fn check_key(ciphertext: Option<&Ciphertext>, key: &str) -> Result<(), Fail> {
    if ciphertext.is_none_or(|ciphertext| ciphertext.key == key) {
        return Ok(());
    }
    let message =
        "The key ID in the request does not identify a CMK that can perform this operation.";
    Err(Fail::bad("IncorrectKeyException", message))
}

pub(super) fn decrypt(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let (ciphertext, named) = source(params, "EncryptionContext", "KeyId")?;
    let context = encryption_context(params, "EncryptionContext")?;
    let key = usable(
        allowed_on(
            world,
            &named,
            &context,
            params,
            request,
            &Op::new("kms:Decrypt", true, true),
        )?,
        "Decrypt",
    )?;
    check_key(ciphertext.as_ref(), &key)?;
    dry_run(params)?;
    let plaintext = ciphertext.map(|ciphertext| ciphertext.plaintext);
    Ok(Body::Json(
        json!({ "KeyId": key, "Plaintext": plaintext, "EncryptionAlgorithm": ALGORITHM }),
    ))
}

pub(super) fn re_encrypt(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let (ciphertext, named) = source(params, "SourceEncryptionContext", "SourceKeyId")?;
    let before = encryption_context(params, "SourceEncryptionContext")?;
    let after = encryption_context(params, "DestinationEncryptionContext")?;
    let from = Op::new("kms:ReEncryptFrom", true, true);
    let from = usable(
        allowed_on(world, &named, &before, params, request, &from)?,
        "ReEncrypt",
    )?;
    check_key(ciphertext.as_ref(), &from)?;
    let to = Op::new("kms:ReEncryptTo", true, true);
    let to = usable(
        allowed_on(
            world,
            need(params, "DestinationKeyId")?,
            &after,
            params,
            request,
            &to,
        )?,
        "ReEncrypt",
    )?;
    dry_run(params)?;
    let plaintext = ciphertext
        .map(|ciphertext| ciphertext.plaintext)
        .unwrap_or_default();
    let blob = Ciphertext {
        key: to.clone(),
        context: after,
        plaintext,
    }
    .write();
    Ok(Body::Json(json!({
        "CiphertextBlob": blob,
        "SourceKeyId": from,
        "KeyId": to,
        "SourceEncryptionAlgorithm": ALGORITHM,
        "DestinationEncryptionAlgorithm": ALGORITHM,
    })))
}
