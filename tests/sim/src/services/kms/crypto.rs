//! Cryptography, of which only the permissions are simulated. A ciphertext is readable: it is its
//! plaintext, with the key and the encryption context of its encryption.

use std::collections::BTreeMap;

use aws_smithy_types::base64;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::authorize::{KeyParams, Operation, authorized_key};
use super::params::{dry_run, encryption_context, is_true, need, text, texts};
use super::{Params, multi_region};
use crate::auth;
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Key, World};

#[derive(Deserialize, Serialize)]
struct Ciphertext {
    key: String,
    context: BTreeMap<String, String>,
    /// In base64, as the caller gave it.
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

/// The ARN of a key, if its state and type let it do this.
fn usable_key(key: &Key, operation: &str) -> Result<String, Fail> {
    auth::check_key_state(key)?;
    let arn = &key.arn;
    if key.spec != ALGORITHM {
        let usage = key.usage();
        let message = format!("{arn} key usage is {usage} which is not valid for {operation}.");
        return Err(Fail::bad("InvalidKeyUsageException", message));
    }
    Ok(arn.clone())
}

pub(super) fn encrypt(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let plaintext = need(params, "Plaintext")?.to_owned();
    if base64::decode(&plaintext).is_err() {
        return Err(Fail::bad("SerializationException", ""));
    }
    let operation = Operation::all_keys("kms:Encrypt").by_alias();
    let key = authorized_key(world, params, request, &operation)?;
    let key = usable_key(key, "Encrypt")?;
    dry_run(params)?;
    let ciphertext = Ciphertext {
        key: key.clone(),
        context: encryption_context(params, "EncryptionContext")?,
        plaintext,
    };
    Ok(Body::Json(json!({
        "CiphertextBlob": ciphertext.write(),
        "KeyId": key,
        "EncryptionAlgorithm": ALGORITHM,
    })))
}

/// A data key is random in AWS. Here it is not, because it protects nothing.
pub(super) fn data_key(
    world: &mut World,
    name: &str,
    params: &Params,
    request: &Request<'_>,
) -> Outcome {
    let action = format!("kms:{name}");
    let operation = Operation::all_keys(&action).by_alias();
    let key = authorized_key(world, params, request, &operation)?;
    let key = usable_key(key, name)?;
    let size = data_key_size(params)?;
    dry_run(params)?;
    let plaintext = base64::encode(vec![0; size]);
    let ciphertext = Ciphertext {
        key: key.clone(),
        context: encryption_context(params, "EncryptionContext")?,
        plaintext: plaintext.clone(),
    };
    let mut answer = json!({ "CiphertextBlob": ciphertext.write(), "KeyId": key });
    if name == "GenerateDataKey" {
        answer["Plaintext"] = json!(plaintext);
    }
    Ok(Body::Json(answer))
}

fn data_key_size(params: &Params) -> Result<usize, Fail> {
    let bytes = params.get("NumberOfBytes").and_then(Value::as_u64);
    match (bytes, text(params, "KeySpec")) {
        (Some(bytes @ 1..=1024), None) => Ok(usize::try_from(bytes).unwrap_or(32)),
        (None, Some("AES_256")) => Ok(32),
        (None, Some("AES_128")) => Ok(16),
        _ => {
            let message = "Please specify either number of bytes or key spec.";
            Err(Fail::bad("ValidationException", message))
        }
    }
}

/// What is to be decrypted: the ciphertext, which a dry run may leave out if it names the key
/// (R3.5), and the key that it is under.
struct Source {
    ciphertext: Option<Ciphertext>,
    key_id: String,
    /// Whether the request names the key.
    is_named: bool,
    encryption: BTreeMap<String, String>,
}

impl Source {
    /// Reads the parameters. `context` and `key` are the names of those that differ between
    /// operations.
    fn read(params: &Params, context: &str, key: &str) -> Result<Self, Fail> {
        let modifiers = texts(params, "DryRunModifiers");
        let ignores_ciphertext = modifiers.iter().any(|name| name == "IGNORE_CIPHERTEXT");
        if ignores_ciphertext {
            if !is_true(params, "DryRun") {
                let message = "DryRunModifiers can only be used in a dry run.";
                return Err(Fail::bad("ValidationException", message));
            }
            return Ok(Self {
                ciphertext: None,
                key_id: need(params, key)?.to_owned(),
                is_named: true,
                encryption: encryption_context(params, context)?,
            });
        }
        let ciphertext = Ciphertext::read(need(params, "CiphertextBlob")?);
        let ciphertext = ciphertext.ok_or_else(invalid_ciphertext)?;
        let encryption = encryption_context(params, context)?;
        if encryption != ciphertext.context {
            return Err(invalid_ciphertext());
        }
        let key_id = text(params, key).unwrap_or(&ciphertext.key).to_owned();
        Ok(Self {
            ciphertext: Some(ciphertext),
            key_id,
            is_named: text(params, key).is_some(),
            encryption,
        })
    }

    /// The ARN of the key, if the caller may decrypt with it and the ciphertext is under it.
    fn authorize(
        &self,
        world: &mut World,
        params: &Params,
        request: &Request<'_>,
        action: &str,
    ) -> Result<String, Fail> {
        let key_id = self.key_in_region(world, request)?;
        let key_use = KeyParams {
            key_id: &key_id,
            encryption: self.encryption.clone(),
            tokens: texts(params, "GrantTokens"),
        };
        let operation = Operation::all_keys(action).by_alias();
        let key = key_use.authorize(world, request, &operation)?;
        let name = if action == "kms:Decrypt" {
            "Decrypt"
        } else {
            "ReEncrypt"
        };
        let key = usable_key(key, name)?;
        match &self.ciphertext {
            Some(ciphertext) if ciphertext.key != key => {
                match multi_region::in_region(world, &ciphertext.key, request.region) {
                    Some(replica) if replica == key => Ok(key),
                    _ => Err(incorrect_key()),
                }
            }
            _ => Ok(key),
        }
    }

    /// The key as it is named in this Region: a replica decrypts what another of its keys
    /// encrypted, but not under that one's ARN (R3.6).
    fn key_in_region(&self, world: &World, request: &Request<'_>) -> Result<String, Fail> {
        let elsewhere = self
            .key_id
            .split(':')
            .nth(3)
            .is_some_and(|of| of != request.region);
        let replica = multi_region::in_region(world, &self.key_id, request.region);
        match replica {
            Some(_) if elsewhere && self.is_named => Err(incorrect_key()),
            Some(replica) if elsewhere => Ok(replica),
            _ => Ok(self.key_id.clone()),
        }
    }

    fn plaintext(self) -> Option<String> {
        self.ciphertext.map(|ciphertext| ciphertext.plaintext)
    }
}

fn incorrect_key() -> Fail {
    let message =
        "The key ID in the request does not identify a CMK that can perform this operation.";
    Fail::bad("IncorrectKeyException", message)
}

fn invalid_ciphertext() -> Fail {
    Fail::bad("InvalidCiphertextException", "")
}

pub(super) fn decrypt(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let source = Source::read(params, "EncryptionContext", "KeyId")?;
    let key = source.authorize(world, params, request, "kms:Decrypt")?;
    dry_run(params)?;
    Ok(Body::Json(json!({
        "KeyId": key,
        "Plaintext": source.plaintext(),
        "EncryptionAlgorithm": ALGORITHM,
    })))
}

pub(super) fn re_encrypt(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let source = Source::read(params, "SourceEncryptionContext", "SourceKeyId")?;
    let context = encryption_context(params, "DestinationEncryptionContext")?;
    let source_key = source.authorize(world, params, request, "kms:ReEncryptFrom")?;
    let destination = KeyParams {
        key_id: need(params, "DestinationKeyId")?,
        encryption: context.clone(),
        tokens: texts(params, "GrantTokens"),
    };
    let operation = Operation::all_keys("kms:ReEncryptTo").by_alias();
    let key = destination.authorize(world, request, &operation)?;
    let key = usable_key(key, "ReEncrypt")?;
    dry_run(params)?;
    let ciphertext = Ciphertext {
        key: key.clone(),
        context,
        plaintext: source.plaintext().unwrap_or_default(),
    };
    Ok(Body::Json(json!({
        "CiphertextBlob": ciphertext.write(),
        "SourceKeyId": source_key,
        "KeyId": key,
        "SourceEncryptionAlgorithm": ALGORITHM,
        "DestinationEncryptionAlgorithm": ALGORITHM,
    })))
}
