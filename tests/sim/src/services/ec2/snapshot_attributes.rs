//! Attributes of snapshots: create-volume permission (R2.14, R2.15, R2.20).

use serde_json::json;

use super::authorize::{authorize, authorize_snapshot, snapshot_resource};
use super::image_attributes::invalid_request;
use super::kms_calls::{self, KmsCall};
use super::permission_change::{Item, PermissionChange};
use super::sharing::settings_of;
use super::{dry_run, ids, return_true};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Snapshot, World};

/// One call names at most this many recipients (R6.8).
const MOST_RECIPIENTS: usize = 500;

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    let (id, attribute) = (query.need("SnapshotId")?, query.need("Attribute")?);
    // EC2 checks the attribute before the permission, and the form of the ID after it (recorded).
    if !matches!(attribute, "createVolumePermission" | "productCodes") {
        return Err(invalid_request());
    }
    authorize_snapshot(world, id, "ec2:DescribeSnapshotAttribute", request)?;
    // A dry run does not see who owns it (recorded of ModifySnapshotAttribute).
    dry_run(query)?;
    let snapshot = ids::own_snapshot(world, id, request)?;
    let answer = if attribute == "productCodes" {
        Element::new("productCodes")
    } else {
        create_volume_permission(snapshot, request)
    };
    Ok(Body::Xml(vec![Element::of("snapshotId", id), answer]))
}

/// The accounts that may use a snapshot, after the group (recorded).
fn create_volume_permission(snapshot: &Snapshot, request: &Request<'_>) -> Element {
    let permissions = &snapshot.create_volume_permissions;
    let mut items = Vec::new();
    let names = || permissions.iter_at(request.read_as_of());
    if names().any(|name| name == "all") {
        items.push(vec![Element::of("group", "all")]);
    }
    for account in names().filter(|name| *name != "all") {
        items.push(vec![Element::of("userId", account)]);
    }
    Element::list("createVolumePermission", items)
}

/// Reads what is to change. The modern form wins over the older one and over the value of
/// `Attribute` (recorded).
fn read(query: &Query) -> Result<PermissionChange, Fail> {
    let modern = PermissionChange::modern(query, "CreateVolumePermission");
    if !modern.is_empty() {
        return Ok(modern);
    }
    let message = match query.get("Attribute") {
        None if query.has("OperationType") || query.has("UserId") || query.has("UserGroup") => {
            let message =
                "Value for parameter attribute is invalid. Parameter may not be null or empty.";
            return Err(Fail::bad("MissingParameter", message));
        }
        None => "No attributes specified.",
        Some("createVolumePermission") => match PermissionChange::legacy(query) {
            Some(change) if !change.is_empty() => return Ok(change),
            _ => "No operation specified for createVolumePermission attribute.",
        },
        Some(_) => return Err(Fail::invalid_value("Unrecognized attribute.")),
    };
    Err(Fail::bad("InvalidParameterCombination", message))
}

pub(super) fn modify(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("SnapshotId")?;
    let change = read(query)?;
    let resource = snapshot_resource(world, request.region, id, request);
    authorize(
        request,
        "ec2:ModifySnapshotAttribute",
        &[resource],
        &change.context(),
    )?;
    // A dry run sees neither who owns the snapshot nor its key (recorded).
    dry_run(query)?;
    let snapshot = ids::own_snapshot(world, id, request)?;
    check_form(&change)?;
    check_sharing(world, snapshot, &change, request)?;
    if snapshot.key.is_some() && !change.add.is_empty() {
        describe_default_key(world, id, request)?;
    }
    if let Some(snapshot) = world.snapshots.get_mut(id) {
        let permissions = &mut snapshot.create_volume_permissions;
        for item in &change.add {
            // EC2 ignores the owner itself (recorded).
            if item.name != request.account() {
                permissions.add(item.name.clone(), request.now);
            }
        }
        for item in &change.remove {
            permissions.remove(&item.name);
        }
    }
    Ok(return_true())
}

/// EC2 tells the default key from others by `DescribeKey` with the sharer's identity. What it does
/// if that is denied is not known; here it does not share (R2.10).
fn describe_default_key(
    world: &mut World,
    snapshot: &str,
    request: &Request<'_>,
) -> Result<(), Fail> {
    let Some(default) = world.find_key("alias/aws/ebs", request.account(), request.region) else {
        return Ok(());
    };
    let call = KmsCall::new("kms:DescribeKey", &default, snapshot);
    if kms_calls::forward(world, request, &call).is_err() {
        let message = format!("Not authorized to use key {default} ");
        return Err(Fail::new(403, "AuthFailure", message));
    }
    if let Some(event) = world.trail.last_mut() {
        event.parameters = json!({ "keyId": "alias/aws/ebs" });
    }
    Ok(())
}

fn check_form(change: &PermissionChange) -> Result<(), Fail> {
    if !change.add.is_empty() && !change.remove.is_empty() {
        let message =
            "One and only one operation type may be specified for createVolumePermissions";
        return Err(Fail::bad("InvalidParameterCombination", message));
    }
    if let Some(Item { kind, name }) = change.items().find(|item| !is_recipient(item)) {
        let kind = if kind == "Group" { "UserGroup" } else { kind };
        let message = format!("{kind} {name}");
        return Err(Fail::bad("InvalidAMIAttributeItemValue", message));
    }
    if change.items().count() > MOST_RECIPIENTS {
        let message = "Modification size must not be greater than 500.";
        return Err(Fail::invalid_value(message));
    }
    Ok(())
}

/// Snapshots are shared with accounts and everyone, not with organizations.
fn is_recipient(item: &Item) -> bool {
    matches!(item.kind.as_str(), "UserId" | "Group") && item.is_well_formed()
}

fn check_sharing(
    world: &World,
    snapshot: &Snapshot,
    change: &PermissionChange,
    request: &Request<'_>,
) -> Result<(), Fail> {
    let refused = |message: &str| Err(Fail::bad("OperationNotPermitted", message));
    let public = change.makes_public();
    // EC2 checks this before the key (recorded).
    if public && snapshot.key.is_some() {
        return refused("Encrypted snapshots cannot be shared publicly.");
    }
    let key = snapshot.key.as_ref().and_then(|arn| world.keys.get(arn));
    if key.is_some_and(|key| key.aws_managed) && !change.add.is_empty() {
        return refused("Encrypted snapshots with EBS default key cannot be shared");
    }
    let settings = settings_of(world, request);
    let blocked = settings.is_some_and(|settings| settings.block_public_snapshots.is_some());
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
        return Err(invalid_request());
    }
    authorize_snapshot(world, id, "ec2:ResetSnapshotAttribute", request)?;
    dry_run(query)?;
    ids::own_snapshot(world, id, request)?;
    if let Some(snapshot) = world.snapshots.get_mut(id) {
        snapshot.create_volume_permissions.clear();
    }
    Ok(return_true())
}
