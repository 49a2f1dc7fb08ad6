//! Key pairs, as a launch names them (R4.17).

use super::authorize::{account_resource, authorize};
use super::dry_run;
use crate::auth::Resource;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{KeyPair, World, hex};

pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let name = query.need("KeyName")?;
    let key_pair = resource(name, request);
    authorize(request, "ec2:CreateKeyPair", &[key_pair], &Context::new())?;
    if find(world, name, request).is_some() {
        let message = format!("The keypair '{name}' already exists.");
        return Err(Fail::bad("InvalidKeyPair.Duplicate", message));
    }
    dry_run(query)?;
    let id = world.new_id("key");
    let key_pair = KeyPair {
        id: id.clone(),
        name: name.to_owned(),
        owner: request.account().to_owned(),
        region: request.region.to_owned(),
    };
    world.key_pairs.insert(id.clone(), key_pair);
    Ok(Body::Xml(vec![
        Element::of("keyName", name),
        Element::of("keyFingerprint", fingerprint(&id)),
        Element::of("keyMaterial", key_material(&id)),
        Element::of("keyPairId", id),
    ]))
}

fn fingerprint(id: &str) -> String {
    let mut text = String::new();
    for (index, digit) in hex(&format!("fingerprint {id}"), 40).chars().enumerate() {
        if index > 0 && index % 2 == 0 {
            text.push(':');
        }
        text.push(digit);
    }
    text
}

/// A text of the form of a private key. It is not one: nobody can log in to a simulated instance.
fn key_material(id: &str) -> String {
    let kind = "RSA PRIVATE KEY";
    let content = hex(&format!("private {id}"), 64);
    format!("-----BEGIN {kind}-----\n{content}\n-----END {kind}-----")
}

/// Deletes a key pair. Deleting an unknown one succeeds.
pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let name = query.need("KeyName")?;
    let key_pair = resource(name, request);
    authorize(request, "ec2:DeleteKeyPair", &[key_pair], &Context::new())?;
    dry_run(query)?;
    let mut answer = vec![Element::of("return", true)];
    if let Some(id) = find(world, name, request).map(|pair| pair.id.clone()) {
        world.key_pairs.remove(&id);
        answer.push(Element::of("keyPairId", id));
    }
    Ok(Body::Xml(answer))
}

/// The name of the key pair in a launch.
pub(super) fn name(query: &Query) -> Option<&str> {
    query.filled("KeyName")
}

/// The same, if the key pair exists.
pub(super) fn named(
    world: &World,
    query: &Query,
    request: &Request<'_>,
) -> Result<Option<String>, Fail> {
    let Some(name) = name(query) else {
        return Ok(None);
    };
    if find(world, name, request).is_none() {
        let message = format!("The key pair '{name}' does not exist");
        return Err(Fail::bad("InvalidKeyPair.NotFound", message));
    }
    Ok(Some(name.to_owned()))
}

/// A key pair as IAM sees it.
pub(super) fn resource(name: &str, request: &Request<'_>) -> Resource {
    account_resource(&format!("key-pair/{name}"), request)
}

fn find<'a>(world: &'a World, name: &str, request: &Request<'_>) -> Option<&'a KeyPair> {
    let (account, region) = (request.account(), request.region);
    world
        .key_pairs
        .values()
        .find(|pair| pair.name == name && pair.owner == account && pair.region == region)
}
