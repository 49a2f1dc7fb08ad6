//! RunInstances (R4): what KMS refuses shows only later, in the instance's end.

use super::copy_keys::{Step, context_of, data_of, forward, permitted, service};
use super::instances::reservation;
use super::place::Place;
use super::tags::Tagging;
use super::{
    authorize, dry_run, ids, image_on, key_pairs, may_launch, security_groups, settings_of,
};
use crate::auth::On;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::{Fail, Outcome, Query};
use crate::world::{Constraint, Grant, Image, ImageState, Instance, Snapshot, Volume, World};

/// What a launch asks of the key of the AMI.
const SOURCE: [&str; 4] = [
    "kms:DescribeKey",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
];
/// What it asks of the key of the volume beside the data key and the grants.
const VOLUME: [&str; 2] = ["kms:DescribeKey", "kms:ReEncryptTo"];

pub(super) fn run(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    check_counts(query)?;
    let tags = Tagging::read(query, &["instance", "volume", "network-interface"])?;
    let place = Place::read(query);
    authorize(
        request,
        "ec2:RunInstances",
        &asked_for(world, id, &place, query, request),
        &Context::new(),
    )?;
    if !tags.others.is_empty() {
        let on = On::arn(format!(
            "arn:aws:ec2:{}:{}:instance/*",
            request.region,
            request.account()
        ));
        authorize(
            request,
            "ec2:CreateTags",
            &[on],
            &super::tags::context(&tags.others, Some("RunInstances")),
        )?;
    }
    let image = launchable(world, id, request)?;
    let key_name = key_pairs::named(world, query, request)?;
    let overrides = query.members("BlockDeviceMapping");
    for mapping in &overrides {
        if mapping.get("Ebs.KmsKeyId").is_some() && mapping.flag("Ebs.Encrypted")? != Some(true) {
            let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
            return Err(Fail::bad("InvalidParameterDependency", message));
        }
    }
    place.check(world, &image, query, request)?;
    // A dry run never looks at KMS (R4.8).
    dry_run(query)?;
    let token = query.get("ClientToken").filter(|token| !token.is_empty());
    let token = token.map(|token| {
        (
            request.account().to_owned(),
            request.region.to_owned(),
            format!("run {token}"),
        )
    });
    if let Some((parameters, id)) = token.as_ref().and_then(|token| world.tokens.get(token)) {
        if *parameters != parameters_of(query) {
            let message =
                "The request uses the same client token as a previous, but non-identical request.";
            return Err(Fail::bad("IdempotentParameterMismatch", message));
        }
        let gone = || {
            Fail::bad(
                "InvalidInstanceID.NotFound",
                format!("The instance ID '{id}' does not exist"),
            )
        };
        let known = world
            .instances
            .get(id)
            .map(|instance| reservation(world, instance, instance.state, request));
        return known.ok_or_else(gone);
    }
    let mut instance = launch(world, &image, &overrides, request);
    place.kind.clone_into(&mut instance.kind);
    instance.tags = tags.others;
    instance.security_groups = place
        .groups
        .iter()
        .map(|group| (*group).to_owned())
        .collect();
    instance.key_name = key_name;
    let answer = reservation(world, &instance, "pending", request);
    if let Some(token) = token {
        world
            .tokens
            .insert(token, (parameters_of(query), instance.id.clone()));
    }
    world.instances.insert(instance.id.clone(), instance);
    Ok(answer)
}

/// How many instances are asked for. Where one is enough, one is launched.
fn check_counts(query: &Query) -> Result<(), Fail> {
    let count = |name: &str| {
        let text = query.need(name)?;
        let wrong = || {
            Fail::bad(
                "InvalidParameterValue",
                format!("Invalid value '{text}' for {name}."),
            )
        };
        text.parse::<u32>()
            .ok()
            .filter(|count| *count > 0)
            .ok_or_else(wrong)
    };
    let (least, most) = (count("MinCount")?, count("MaxCount")?);
    if least > most {
        let message = format!("Invalid value '{least}' for MinCount. It is more than MaxCount.");
        return Err(Fail::bad("InvalidParameterValue", message));
    }
    if least > 1 {
        return Err(Fail::bad(
            "UnsupportedOperation",
            "Only one instance a call is simulated.",
        ));
    }
    Ok(())
}

fn parameters_of(query: &Query) -> String {
    query
        .pairs()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect()
}

/// Everything that IAM is asked for: the image, and what is made or used (R4.1).
fn asked_for(
    world: &World,
    image: &str,
    place: &Place<'_>,
    query: &Query,
    request: &Request<'_>,
) -> Vec<On> {
    let subnet = format!("subnet/{}", place.subnet.unwrap_or("*"));
    let made = [
        "instance/*",
        "volume/*",
        "network-interface/*",
        subnet.as_str(),
    ];
    let made = made.map(|what| {
        On::arn(format!(
            "arn:aws:ec2:{}:{}:{what}",
            request.region,
            request.account()
        ))
    });
    let groups = if place.groups.is_empty() {
        &["*"][..]
    } else {
        &place.groups
    };
    let mut on = vec![image_on(world, request.region, image, request)];
    on.extend(made);
    on.extend(
        groups
            .iter()
            .map(|id| security_groups::on(world, id, request)),
    );
    on.extend(key_pairs::name(query).map(|name| key_pairs::on(name, request)));
    on
}

/// The image, if the caller may launch it in its state (R4.10).
fn launchable(world: &World, id: &str, request: &Request<'_>) -> Result<Image, Fail> {
    let image = ids::image(world, id, request)?;
    if image.state == ImageState::Deregistered {
        return Err(ids::image_not_found(id));
    }
    if !may_launch(world, image, request, request.shared_as_of()) {
        return Err(Fail::bad(
            "AuthFailure",
            format!("Not authorized for images: [{id}]"),
        ));
    }
    ids::unavailable(image).map_or_else(|| Ok(image.clone()), Err)
}

/// Every volume needs the AMI's key and its own; the first that KMS refuses ends the instance
/// (R4.1, R4.4).
fn launch(
    world: &mut World,
    image: &Image,
    overrides: &[Query],
    request: &Request<'_>,
) -> Instance {
    let id = world.new_id("i");
    let mut volumes = Vec::new();
    let mut refused = false;
    for mapping in &image.mappings {
        let Some(snapshot) = mapping
            .snapshot
            .as_ref()
            .and_then(|id| world.snapshots.get(id))
            .cloned()
        else {
            continue;
        };
        let wanted = overrides
            .iter()
            .find(|of| of.get("DeviceName") == Some(&mapping.device));
        let Ok(key) = volume_key(world, image, &snapshot, wanted, request) else {
            refused = true;
            continue;
        };
        let volume = Volume {
            id: world.new_id("vol"),
            device: mapping.device.clone(),
            snapshot: snapshot.id.clone(),
            key,
            size: snapshot.size,
        };
        refused |= !through_kms(world, &snapshot, &volume, &id, request);
        volumes.push(volume);
    }
    if refused {
        // Nothing stays of one that did not come up (recorded).
        retire(world, &id);
        volumes.clear();
    }
    let reason = "Client.InvalidKMSKey.InvalidState";
    let state_reason = refused.then(|| {
        (
            reason.to_owned(),
            format!("{reason}: The KMS key provided is in an incorrect state"),
        )
    });
    Instance {
        id,
        image: image.id.clone(),
        owner: request.account().to_owned(),
        region: request.region.to_owned(),
        state: if refused { "terminated" } else { "running" },
        state_reason,
        transition_reason: if refused { "Client.InternalError" } else { "" }.to_owned(),
        kind: String::new(),
        launched: request.now,
        volumes,
        security_groups: Vec::new(),
        key_name: None,
        tags: std::collections::BTreeMap::new(),
    }
}

/// A key that the request names and that is not there.
struct Unknown;

/// The key of a volume: as the mapping names it; of an own image the snapshot's; of a shared one
/// the launcher's default key, not the owner's (R4.2).
fn volume_key(
    world: &mut World,
    image: &Image,
    snapshot: &Snapshot,
    wanted: Option<&Query>,
    request: &Request<'_>,
) -> Result<Option<String>, Unknown> {
    let account = request.account();
    if let Some(named) = wanted.and_then(|wanted| wanted.get("Ebs.KmsKeyId")) {
        return world
            .find_key(named, account, request.region)
            .map(Some)
            .ok_or(Unknown);
    }
    let encrypt = wanted.is_some_and(|wanted| wanted.get("Ebs.Encrypted") == Some("true"))
        || settings_of(world, account, request.region).is_some_and(|own| own.encryption_by_default);
    Ok(match &snapshot.key {
        Some(key) if image.owner == account => Some(key.clone()),
        None if !encrypt => None,
        _ => world.default_ebs_key(account, request.region),
    })
}

/// The way of one volume through KMS, in the recorded order (R4.3).
fn through_kms(
    world: &mut World,
    snapshot: &Snapshot,
    volume: &Volume,
    instance: &str,
    request: &Request<'_>,
) -> bool {
    if !snapshot
        .key
        .iter()
        .all(|key| permitted(world, request, key, &SOURCE))
    {
        return false;
    }
    let Some(key) = &volume.key else { return true };
    if !permitted(world, request, key, &VOLUME) {
        return false;
    }
    if let Some(of_image) = &snapshot.key {
        super::copy_keys::by_service(
            world,
            request.region,
            "kms:Decrypt",
            of_image,
            data_of(snapshot),
        );
    }
    let data_key = Step::new("kms:GenerateDataKeyWithoutPlaintext", key, &volume.id);
    if forward(world, request, &data_key).is_err() {
        return false;
    }
    let account = request.account();
    let instance_role =
        format!("arn:aws:sts::{account}:assumed-role/aws:ec2-infrastructure/{instance}");
    for grantee in [service(request.region), instance_role] {
        let constraint = Constraint::EncryptionContextSubset(context_of(&volume.id));
        let step = Step::grant(key, grantee, constraint, &volume.id, request);
        if forward(world, request, &step).is_err() {
            return false;
        }
        keep(world, key, step.grant, instance);
    }
    super::copy_keys::by_service(world, request.region, "kms:Decrypt", key, &volume.id);
    true
}

/// EC2's own grants on a volume's key stand until the instance is gone; those on the AMI's key are
/// retired as soon as the volumes exist, and so are never seen.
fn keep(world: &mut World, key: &str, grant: Option<Grant>, instance: &str) {
    let id = world.issue(64);
    if let (Some(key), Some(grant)) = (world.keys.get_mut(key), grant) {
        key.grants.push(Grant {
            id,
            instance: Some(instance.to_owned()),
            ..grant
        });
    }
}

/// Takes back the grants that serve an instance.
pub(super) fn retire(world: &mut World, instance: &str) {
    retire_where(world, instance, |_| true);
}

/// Takes back the grants of an instance's own role, as when it stops; EC2 keeps its own (R4.3).
pub(super) fn retire_of_role(world: &mut World, instance: &str) {
    retire_where(world, instance, |grant| {
        grant
            .grantee
            .arn
            .contains(":assumed-role/aws:ec2-infrastructure/")
    });
}

fn retire_where(world: &mut World, instance: &str, goes: impl Fn(&Grant) -> bool) {
    for key in world.keys.values_mut() {
        key.grants
            .retain(|grant| grant.instance.as_deref() != Some(instance) || !goes(grant));
    }
}
