//! Key pairs, as far as a launch names one (R4.17).

use super::{authorize, dry_run};
use crate::auth::On;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{KeyPair, World, hex};

pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let name = query.need("KeyName")?;
    authorize(
        request,
        "ec2:CreateKeyPair",
        &[on(name, request)],
        &Context::new(),
    )?;
    if find(world, name, request).is_some() {
        return Err(Fail::bad(
            "InvalidKeyPair.Duplicate",
            format!("The keypair '{name}' already exists."),
        ));
    }
    dry_run(query)?;
    let id = world.new_id("key");
    let (owner, region) = (request.account().to_owned(), request.region.to_owned());
    world.key_pairs.insert(
        id.clone(),
        KeyPair {
            id: id.clone(),
            name: name.to_owned(),
            owner,
            region,
        },
    );
    // Nobody can log in to a simulated instance: the form is a key's, the content is not.
    let armour = |end: &str| format!("-----{end} RSA PRIVATE KEY-----");
    let material = format!(
        "{}\n{}\n{}",
        armour("BEGIN"),
        hex(&format!("private {id}"), 64),
        armour("END")
    );
    let digits = hex(&format!("fingerprint {id}"), 40);
    let bytes = digits
        .as_bytes()
        .chunks(2)
        .map(|byte| String::from_utf8_lossy(byte).into_owned());
    Ok(Body::Xml(vec![
        Element::of("keyName", name),
        Element::of("keyFingerprint", bytes.collect::<Vec<_>>().join(":")),
        Element::of("keyMaterial", material),
        Element::of("keyPairId", id),
    ]))
}

/// One that is not there is deleted already.
pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let name = query.need("KeyName")?;
    authorize(
        request,
        "ec2:DeleteKeyPair",
        &[on(name, request)],
        &Context::new(),
    )?;
    dry_run(query)?;
    let id = find(world, name, request).map(|pair| pair.id.clone());
    let mut answer = vec![Element::of("return", true)];
    if let Some(id) = id {
        world.key_pairs.remove(&id);
        answer.push(Element::of("keyPairId", id));
    }
    Ok(Body::Xml(answer))
}

/// The key pair that a launch names.
pub(super) fn name(query: &Query) -> Option<&str> {
    query.filled("KeyName")
}

/// The same, if it is there.
pub(super) fn named(
    world: &World,
    query: &Query,
    request: &Request<'_>,
) -> Result<Option<String>, Fail> {
    let missing = |name| {
        Fail::bad(
            "InvalidKeyPair.NotFound",
            format!("The key pair '{name}' does not exist"),
        )
    };
    name(query)
        .map(|name| {
            find(world, name, request)
                .map(|pair| pair.name.clone())
                .ok_or_else(|| missing(name))
        })
        .transpose()
}

/// A key pair as IAM sees it.
pub(super) fn on(name: &str, request: &Request<'_>) -> On {
    On::arn(format!(
        "arn:aws:ec2:{}:{}:key-pair/{name}",
        request.region,
        request.account()
    ))
}

fn find<'a>(world: &'a World, name: &str, request: &Request<'_>) -> Option<&'a KeyPair> {
    let same = |pair: &&KeyPair| {
        pair.name == name && pair.owner == request.account() && pair.region == request.region
    };
    world.key_pairs.values().find(same)
}
