//! Attributes of snapshots: create-volume permission (R2.14, R2.15, R2.20).

use super::change::{Change, Item};
use super::copy_keys::{self, Step};
use super::image_attributes::invalid;
use super::{authorize, done, dry_run, ids, settings_of, snapshot_on};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Snapshot, World};

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    let (id, attribute) = (query.need("SnapshotId")?, query.need("Attribute")?);
    // Before anybody is asked whether the caller may (recorded), and the ID's form after that.
    if !matches!(attribute, "createVolumePermission" | "productCodes") {
        return Err(invalid());
    }
    authorize(
        request,
        "ec2:DescribeSnapshotAttribute",
        &[snapshot_on(world, request.region, id, request)],
        &Context::new(),
    )?;
    // A dry run does not see whose it is (recorded of ModifySnapshotAttribute).
    dry_run(query)?;
    let snapshot = owned(world, id, request)?;
    let answer = if attribute == "productCodes" {
        Element::new("productCodes")
    } else {
        let kind = |who: &str| if who == "all" { "group" } else { "userId" };
        // The group stands first (recorded).
        let mut names: Vec<&str> = snapshot.create_volume_permissions.iter().collect();
        names.sort_by_key(|who| *who != "all");
        Element::list(
            "createVolumePermission",
            names
                .into_iter()
                .map(|who| vec![Element::of(kind(who), who)]),
        )
    };
    Ok(Body::Xml(vec![Element::of("snapshotId", id), answer]))
}

/// To anybody but the owner it does not exist, even where it is shared (R2.20).
fn owned<'a>(world: &'a World, id: &str, request: &Request<'_>) -> Result<&'a Snapshot, Fail> {
    ids::check_snapshot_attribute(id)?;
    let own = |snapshot: &&Snapshot| {
        snapshot.owner == request.account() && snapshot.region == request.region
    };
    world
        .snapshots
        .get(id)
        .filter(own)
        .ok_or_else(|| ids::snapshot_not_found(id))
}

fn unrecognized() -> Fail {
    Fail::bad("InvalidParameterValue", "Unrecognized attribute.")
}

/// Reads what is to change. The modern form wins over the older one and over whatever `Attribute`
/// says (recorded).
fn read(query: &Query) -> Result<Change, Fail> {
    let combination = |message: &str| Err(Fail::bad("InvalidParameterCombination", message));
    let modern = Change::modern(query, "CreateVolumePermission");
    if !modern.is_empty() {
        return Ok(modern);
    }
    match query.get("Attribute") {
        None if query.has("OperationType") || query.has("UserId") || query.has("UserGroup") => {
            let message =
                "Value for parameter attribute is invalid. Parameter may not be null or empty.";
            Err(Fail::bad("MissingParameter", message))
        }
        None => combination("No attributes specified."),
        Some("createVolumePermission") => {
            match Change::legacy(query).filter(|change| !change.is_empty()) {
                Some(change) => Ok(change),
                None => combination("No operation specified for createVolumePermission attribute."),
            }
        }
        Some(_) => Err(unrecognized()),
    }
}

pub(super) fn modify(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("SnapshotId")?;
    let change = read(query)?;
    authorize(
        request,
        "ec2:ModifySnapshotAttribute",
        &[snapshot_on(world, request.region, id, request)],
        &change.context(),
    )?;
    // A dry run sees neither whose snapshot it is nor its key (recorded).
    dry_run(query)?;
    let snapshot = owned(world, id, request)?;
    check(world, snapshot, &change, request)?;
    let (encrypted, source) = (snapshot.key.is_some(), snapshot.id.clone());
    if encrypted && !change.add.is_empty() {
        look_at_the_default_key(world, &source, request)?;
    }
    let account = request.account().to_owned();
    if let Some(snapshot) = world.snapshots.get_mut(id) {
        // The owner itself is silently left out (recorded).
        for item in change.add.iter().filter(|item| item.name != account) {
            snapshot
                .create_volume_permissions
                .add(item.name.clone(), request.now);
        }
        for item in &change.remove {
            snapshot.create_volume_permissions.remove(&item.name);
        }
    }
    Ok(done())
}

/// How EC2 tells the default key from others: with the sharer's identity. What it does where that
/// is denied is not known; here it does not share (R2.10).
fn look_at_the_default_key(
    world: &mut World,
    snapshot: &str,
    request: &Request<'_>,
) -> Result<(), Fail> {
    let Some(default) = world.find_key("alias/aws/ebs", request.account(), request.region) else {
        return Ok(());
    };
    let allowed = copy_keys::forward(
        world,
        request,
        &Step::new("kms:DescribeKey", &default, snapshot),
    );
    if let Some(event) = world.trail.last_mut().filter(|event| event.code.is_none()) {
        event.parameters = serde_json::json!({ "keyId": "alias/aws/ebs" });
    }
    allowed.ok().ok_or_else(|| {
        Fail::new(
            403,
            "AuthFailure",
            format!("Not authorized to use key {default} "),
        )
    })
}

fn check(
    world: &World,
    snapshot: &Snapshot,
    change: &Change,
    request: &Request<'_>,
) -> Result<(), Fail> {
    if !change.add.is_empty() && !change.remove.is_empty() {
        let message =
            "One and only one operation type may be specified for createVolumePermissions";
        return Err(Fail::bad("InvalidParameterCombination", message));
    }
    let fits =
        |item: &Item| matches!(item.kind.as_str(), "UserId" | "Group") && item.is_well_formed();
    if let Some(item) = change.items().find(|item| !fits(item)) {
        let kind = if item.kind == "Group" {
            "UserGroup"
        } else {
            &item.kind
        };
        return Err(Fail::bad(
            "InvalidAMIAttributeItemValue",
            format!("{kind} {}", item.name),
        ));
    }
    if change.items().count() > 500 {
        return Err(Fail::bad(
            "InvalidParameterValue",
            "Modification size must not be greater than 500.",
        ));
    }
    let refused = |message: &str| Err(Fail::bad("OperationNotPermitted", message));
    let public = change.add.iter().any(|item| item.name == "all");
    // This comes before the look at the key (recorded).
    if public && snapshot.key.is_some() {
        return refused("Encrypted snapshots cannot be shared publicly.");
    }
    let managed = snapshot
        .key
        .as_ref()
        .and_then(|key| world.keys.get(key))
        .is_some_and(|key| key.aws_managed);
    if managed && !change.add.is_empty() {
        return refused("Encrypted snapshots with EBS default key cannot be shared");
    }
    let blocked = settings_of(world, request.account(), request.region)
        .is_some_and(|own| own.block_public_snapshots.is_some());
    if public && blocked {
        // AWS's words are not known.
        return refused(
            "You can't publicly share this snapshot because block public access for snapshots is \
             enabled for this account.",
        );
    }
    Ok(())
}

pub(super) fn reset(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (id, attribute) = (query.need("SnapshotId")?, query.need("Attribute")?);
    if attribute != "createVolumePermission" {
        return Err(invalid());
    }
    authorize(
        request,
        "ec2:ResetSnapshotAttribute",
        &[snapshot_on(world, request.region, id, request)],
        &Context::new(),
    )?;
    dry_run(query)?;
    owned(world, id, request)?;
    if let Some(snapshot) = world.snapshots.get_mut(id) {
        snapshot.create_volume_permissions.clear();
    }
    Ok(done())
}
