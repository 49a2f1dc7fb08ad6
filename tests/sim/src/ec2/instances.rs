//! `RunInstances`, `DescribeInstances`, `TerminateInstances` (R4).

use super::{authorize, authorize_all, dry_run, filter, ids, image_arn, may_launch};
use crate::auth;
use crate::policy::Context;
use crate::sim::Ask;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Grant, Image, Instance, Snapshot, World};

/// What a launch asks of the key of the AMI.
const SOURCE: [&str; 4] = ["kms:DescribeKey", "kms:CreateGrant", "kms:Decrypt", "kms:ReEncryptFrom"];
/// What it asks of the key of the volume.
const VOLUME: [&str; 4] =
    ["kms:DescribeKey", "kms:CreateGrant", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptTo"];

pub(super) fn run(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    let account = ask.who.facts.account.clone();
    let resources = [image_arn(ask.region, id), format!("arn:aws:ec2:{}:{account}:instance/*", ask.region)];
    authorize(ask, "ec2:RunInstances", &resources, &Context::new())?;
    let image = ids::image(world, id, ask)?.clone();
    if !may_launch(&image, &account) {
        return Err(Fail::bad("AuthFailure", format!("Not authorized for images: [{id}]")));
    }
    if image.state == crate::world::ImageState::Deregistered {
        return Err(ids::image_not_found(id));
    }
    if let Some(fail) = ids::unavailable(&image) {
        return Err(fail);
    }
    let overrides = query.members("BlockDeviceMapping");
    for mapping in &overrides {
        if mapping.get("Ebs.KmsKeyId").is_some() && mapping.flag("Ebs.Encrypted")? != Some(true) {
            let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
            return Err(Fail::bad("InvalidParameterDependency", message));
        }
    }
    // A dry run never looks at KMS (R4.8).
    dry_run(query)?;
    let replayed =
        query.get("ClientToken").map(|token| (account.clone(), ask.region.to_owned(), format!("run {token}")));
    if let Some((_, id)) = replayed.as_ref().and_then(|place| world.tokens.get(place)) {
        let found = world.instances.get(id).map(|instance| render(instance, instance.state));
        return Ok(reservation(&account, found.into_iter().collect()));
    }
    let instance = launch(world, &image, &overrides, ask);
    let shown = render(&instance, "pending");
    if let Some(place) = replayed {
        world.tokens.insert(place, (String::new(), instance.id.clone()));
    }
    world.instances.insert(instance.id.clone(), instance);
    Ok(reservation(&account, vec![shown]))
}

/// Every volume needs the AMI's key and its own; the first that KMS refuses ends the instance (R4.1, R4.4).
fn launch(world: &mut World, image: &Image, overrides: &[Query], ask: &Ask<'_>) -> Instance {
    let id = format!("i-{}", world.issue(17));
    let mut volume_keys = Vec::new();
    let mut refused = false;
    for mapping in &image.mappings {
        let Some(snapshot) = mapping.snapshot.as_ref().and_then(|id| world.snapshots.get(id)).cloned() else {
            continue;
        };
        let named = overrides
            .iter()
            .find(|of| of.get("DeviceName") == Some(&mapping.device))
            .and_then(|of| of.get("Ebs.KmsKeyId"));
        let Some(volume) = volume_key(world, image, &snapshot, named, ask) else {
            refused |= named.is_some();
            continue;
        };
        let allows = |arn: &String, actions: &[&str]| {
            world.keys.get(arn).is_some_and(|key| auth::via_ec2(ask.who, actions, key, ask.region).is_ok())
        };
        refused |= !(snapshot.key.iter().all(|key| allows(key, &SOURCE)) && allows(&volume, &VOLUME));
        volume_keys.push(volume);
    }
    let (state, state_reason, transition_reason) = if refused {
        let reason = "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state";
        (
            "terminated",
            Some(("Client.InvalidKMSKey.InvalidState".to_owned(), reason.to_owned())),
            "Client.InternalError",
        )
    } else {
        ("running", None, "")
    };
    if !refused {
        grant(world, &volume_keys, &id, ask);
    }
    Instance {
        id,
        image: image.id.clone(),
        owner: ask.who.facts.account.clone(),
        region: ask.region.to_owned(),
        state,
        state_reason,
        transition_reason: transition_reason.to_owned(),
        volume_keys,
    }
}

/// The key of a volume: as the mapping names it; of an own image the snapshot's; of a shared one the launcher's default
/// key, not the owner's (R4.2).
fn volume_key(
    world: &mut World,
    image: &Image,
    snapshot: &Snapshot,
    named: Option<&str>,
    ask: &Ask<'_>,
) -> Option<String> {
    let account = &ask.who.facts.account;
    match (named, &snapshot.key) {
        (Some(named), _) => world.find_key(named, account, ask.region),
        (None, None) => None,
        (None, Some(key)) if image.owner == *account => Some(key.clone()),
        (None, Some(_)) => world.default_ebs_key(account, ask.region),
    }
}

/// EC2's own grants on a volume's key stand until the instance is gone; those on the AMI's key are retired as soon as
/// the volumes exist, and so are never seen here.
fn grant(world: &mut World, volume_keys: &[String], instance: &str, ask: &Ask<'_>) {
    let account = &ask.who.facts.account;
    let grantees = [
        format!("ec2.{}.amazonaws.com", ask.region),
        format!("arn:aws:sts::{account}:assumed-role/aws:ec2-infrastructure/{instance}"),
    ];
    for arn in volume_keys {
        for grantee in &grantees {
            let id = world.issue(64);
            let Some(key) = world.keys.get_mut(arn) else { continue };
            key.grants.push(Grant {
                id,
                grantee: grantee.clone(),
                issuing_account: account.clone(),
                operations: vec!["Decrypt".to_owned()],
                instance: Some(instance.to_owned()),
            });
        }
    }
}

pub(super) fn describe(world: &World, query: &Query, ask: &Ask<'_>) -> Outcome {
    authorize_all(ask, "ec2:DescribeInstances")?;
    dry_run(query)?;
    let own = |instance: &&Instance| instance.owner == ask.who.facts.account && instance.region == ask.region;
    let wanted = query.list("InstanceId");
    for id in &wanted {
        world.instances.get(*id).filter(own).ok_or_else(|| not_found(id))?;
    }
    let filters = query.members("Filter");
    let mut found = Vec::new();
    for instance in world.instances.values().filter(own) {
        let named = wanted.is_empty() || wanted.contains(&instance.id.as_str());
        let fits = filter::fits(&filters, None, |name| {
            Some(match name {
                "instance-id" => vec![&instance.id],
                "image-id" => vec![&instance.image],
                "instance-state-name" => vec![instance.state],
                _ => return None,
            })
        })?;
        if named && fits {
            found.push(vec![
                Element::of("reservationId", format!("r-{}", &instance.id[2..])),
                Element::of("ownerId", &instance.owner),
                Element::list("instancesSet", [render(instance, instance.state)]),
            ]);
        }
    }
    Ok(Body::Xml(vec![Element::list("reservationSet", found)]))
}

pub(super) fn terminate(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let wanted = query.list("InstanceId");
    let account = &ask.who.facts.account;
    let arns: Vec<String> =
        wanted.iter().map(|id| format!("arn:aws:ec2:{}:{account}:instance/{id}", ask.region)).collect();
    authorize(ask, "ec2:TerminateInstances", &arns, &Context::new())?;
    for id in &wanted {
        world.instances.get(*id).filter(|instance| instance.owner == *account).ok_or_else(|| not_found(id))?;
    }
    dry_run(query)?;
    let mut changes = Vec::new();
    for id in wanted {
        let Some(instance) = world.instances.get_mut(id) else {
            continue;
        };
        let before = std::mem::replace(&mut instance.state, "terminated");
        changes.push(vec![
            Element::of("instanceId", id),
            state("currentState", "terminated"),
            state("previousState", before),
        ]);
        for key in world.keys.values_mut() {
            key.grants.retain(|grant| grant.instance.as_deref() != Some(id));
        }
    }
    Ok(Body::Xml(vec![Element::list("instancesSet", changes)]))
}

fn not_found(id: &str) -> Fail {
    Fail::bad("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))
}

fn reservation(account: &str, instances: Vec<Vec<Element>>) -> Body {
    Body::Xml(vec![
        Element::of("reservationId", "r-0123456789abcdef0"),
        Element::of("ownerId", account),
        Element::list("instancesSet", instances),
    ])
}

fn state(name: &'static str, state: &str) -> Element {
    let code = match state {
        "pending" => 0,
        "running" => 16,
        _ => 48,
    };
    Element::new(name).text("code", code).text("name", state)
}

fn render(instance: &Instance, shown: &str) -> Vec<Element> {
    let mut members = vec![
        Element::of("instanceId", &instance.id),
        Element::of("imageId", &instance.image),
        state("instanceState", shown),
        Element::of("reason", if shown == "pending" { "" } else { &instance.transition_reason }),
        Element::of("instanceType", "t3.micro"),
        Element::new("placement").text("availabilityZone", format!("{}a", instance.region)),
    ];
    if let Some((code, message)) = instance.state_reason.as_ref().filter(|_| shown != "pending") {
        members.push(Element::new("stateReason").text("code", code).text("message", message));
    }
    members
}
