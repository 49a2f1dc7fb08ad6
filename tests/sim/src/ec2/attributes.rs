//! Sharing: launch permission of images, create-volume permission of snapshots.

use std::collections::BTreeSet;

use super::{authorize, authorize_on, dry_run, ids, image_arn, snapshot_arn};
use crate::policy::Context;
use crate::sim::Ask;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::World;

pub(super) fn describe_image(world: &World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    authorize_on(ask, "ec2:DescribeImageAttribute", image_arn(ask.region, id), None)?;
    let image = ids::image(world, id, ask)?;
    owner_only(&image.owner, id, ask)?;
    dry_run(query)?;
    let answer = match query.need("Attribute")? {
        "launchPermission" => permissions("launchPermission", &image.launch_permissions),
        "description" => Element::new("description").text("value", &image.description),
        // Deprecated, and closed to everybody (R2.5).
        "blockDeviceMapping" => {
            return Err(Fail::bad("AuthFailure", "Unauthorized attempt to access restricted resource"));
        }
        _ => return Err(Fail::bad("InvalidRequest", "The request received was invalid.")),
    };
    Ok(Body::Xml(vec![Element::of("imageId", id), answer]))
}

fn owner_only(owner: &str, image: &str, ask: &Ask<'_>) -> Result<(), Fail> {
    if owner == ask.who.facts.account {
        Ok(())
    } else {
        Err(Fail::bad("AuthFailure", format!("Not authorized for image:{image}")))
    }
}

fn permissions(name: &'static str, of: &BTreeSet<String>) -> Element {
    let item = |who: &String| {
        if who == "all" { Element::of("group", "all") } else { Element::of("userId", who) }
    };
    Element::list(name, of.iter().map(|who| vec![item(who)]))
}

/// What a request adds and removes.
#[derive(Default)]
struct Change {
    add: BTreeSet<String>,
    remove: BTreeSet<String>,
}

impl Change {
    /// Reads the modern form under `name`, and the one with `OperationType`.
    fn read(query: &Query, name: &str) -> Result<Self, Fail> {
        let mut change = Self::default();
        for (list, set) in [("Add", &mut change.add), ("Remove", &mut change.remove)] {
            for item in query.members(&format!("{name}.{list}")) {
                for (key, value) in item.pairs() {
                    set.insert(check(key, value)?);
                }
            }
        }
        let set = match query.get("OperationType") {
            Some("add") => &mut change.add,
            Some("remove") => &mut change.remove,
            _ => return Ok(change),
        };
        for user in query.list("UserId") {
            set.insert(check("UserId", user)?);
        }
        for group in query.list("UserGroup") {
            set.insert(check("Group", group)?);
        }
        Ok(change)
    }

    fn context(&self) -> Context {
        let mut context = Context::new();
        for (set, name) in [(&self.add, "ec2:add"), (&self.remove, "ec2:remove")] {
            let (groups, users): (Vec<String>, Vec<String>) = set.iter().cloned().partition(|who| who == "all");
            for (kind, values) in [("userid", users), ("group", groups)] {
                if !values.is_empty() {
                    context.insert(format!("{name}/{kind}"), values);
                }
            }
        }
        context
    }
}

/// EC2's message has a blank before the closing quote (R2.17).
fn check(kind: &str, value: &str) -> Result<String, Fail> {
    let (fits, item) = match kind {
        "UserId" => (value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit()), "userId"),
        "Group" => (value == "all", "UserGroup"),
        other => {
            let message = format!("The parameter {other} is not simulated");
            return Err(Fail::bad("UnsupportedOperation", message));
        }
    };
    let message = || format!("Invalid attribute item value \"{value} \" for {item} item type.");
    if fits { Ok(value.to_owned()) } else { Err(Fail::bad("InvalidAMIAttributeItemValue", message())) }
}

pub(super) fn modify_image(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    let change = Change::read(query, "LaunchPermission")?;
    authorize(ask, "ec2:ModifyImageAttribute", &[image_arn(ask.region, id)], &change.context())?;
    let image = ids::image(world, id, ask)?;
    owner_only(&image.owner, id, ask)?;
    if let Some(fail) = ids::unavailable(image) {
        return Err(fail);
    }
    match kinds(query).as_slice() {
        [] => return Err(Fail::bad("InvalidParameterCombination", "No attributes specified.")),
        ["description"] => {
            let text = query.get("Description.Value").unwrap_or_default().to_owned();
            if text.is_empty() {
                return Err(Fail::bad("MissingParameter", "The request must contain the parameter description"));
            }
            dry_run(query)?;
            if let Some(image) = world.images.get_mut(id) {
                image.description = text;
            }
            return Ok(done());
        }
        ["launchPermission"] => {}
        several => {
            let message = format!("Fields for multiple attribute types specified: {}", several.join(", "));
            return Err(Fail::bad("InvalidParameterCombination", message));
        }
    }
    let keys: Vec<&str> = image
        .mappings
        .iter()
        .filter_map(|mapping| world.snapshots.get(mapping.snapshot.as_ref()?)?.key.as_deref())
        .collect();
    let to_others = change.add.iter().any(|who| *who != image.owner);
    if to_others && keys.iter().any(|key| world.keys.get(*key).is_some_and(|key| key.aws_managed)) {
        let message = "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.";
        return Err(Fail::bad("InvalidParameter", message));
    }
    if change.add.contains("all") && !keys.is_empty() {
        let message = "Encrypted snapshots can't be shared publicly. Specify another snapshot.";
        return Err(Fail::bad("UnsupportedOperation", message));
    }
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(id) {
        // Adding what is there and removing what is not succeed (R2.3).
        image.launch_permissions.extend(change.add);
        image.launch_permissions.retain(|who| !change.remove.contains(who));
    }
    Ok(done())
}

/// The kinds of attribute that a request changes; only one may be (R2.19).
fn kinds(query: &Query) -> Vec<&'static str> {
    let launch = query.has("LaunchPermission") || query.get("Attribute") == Some("launchPermission");
    let table = [
        ("description", query.has("Description")),
        ("imdsSupport", query.has("ImdsSupport")),
        ("launchPermission", launch),
    ];
    table.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
}

pub(super) fn describe_snapshot(world: &World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let id = query.need("SnapshotId")?;
    authorize_on(ask, "ec2:DescribeSnapshotAttribute", snapshot_arn(ask.region, id), None)?;
    ids::check_snapshot(id)?;
    // To anybody but the owner it does not exist, even where it is shared.
    let snapshot = world.snapshots.get(id).filter(|snapshot| snapshot.owner == ask.who.facts.account);
    let snapshot = snapshot.ok_or_else(|| ids::snapshot_not_found(id))?;
    dry_run(query)?;
    match query.need("Attribute")? {
        "createVolumePermission" => {
            let shared = permissions("createVolumePermission", &snapshot.create_volume_permissions);
            Ok(Body::Xml(vec![Element::of("snapshotId", id), shared]))
        }
        _ => Err(Fail::bad("InvalidRequest", "The request received was invalid.")),
    }
}

pub(super) fn modify_snapshot(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let id = query.need("SnapshotId")?;
    let change = Change::read(query, "CreateVolumePermission")?;
    authorize(ask, "ec2:ModifySnapshotAttribute", &[snapshot_arn(ask.region, id)], &change.context())?;
    ids::check_snapshot(id)?;
    let account = ask.who.facts.account.clone();
    let snapshot = world.snapshots.get_mut(id).filter(|snapshot| snapshot.owner == account);
    let snapshot = snapshot.ok_or_else(|| ids::snapshot_not_found(id))?;
    if change.add.is_empty() == change.remove.is_empty() {
        let message = "One and only one operation type may be specified for createVolumePermissions";
        return Err(Fail::bad("InvalidParameterCombination", message));
    }
    if change.add.len().max(change.remove.len()) > 500 {
        return Err(Fail::bad("InvalidParameterValue", "Modification size must not be greater than 500."));
    }
    let managed = snapshot.key.as_ref().and_then(|key| world.keys.get(key)).is_some_and(|key| key.aws_managed);
    if managed && !change.add.is_empty() {
        return Err(Fail::bad("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared"));
    }
    if change.add.contains("all") && snapshot.key.is_some() {
        return Err(Fail::bad("OperationNotPermitted", "Encrypted snapshots cannot be shared publicly."));
    }
    dry_run(query)?;
    // The owner itself is silently left out (recorded of real AWS).
    snapshot.create_volume_permissions.extend(change.add.into_iter().filter(|who| *who != account));
    snapshot.create_volume_permissions.retain(|who| !change.remove.contains(who));
    Ok(done())
}

fn done() -> Body {
    Body::Xml(vec![Element::of("return", true)])
}
