//! `DescribeSnapshots`.

use super::{authorize_all, filter, ids, may_copy};
use crate::sim::Ask;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Snapshot, World};

pub(super) fn describe(world: &World, query: &Query, ask: &Ask<'_>) -> Outcome {
    authorize_all(ask, "ec2:DescribeSnapshots")?;
    super::dry_run(query)?;
    let account = &ask.who.facts.account;
    let wanted = query.list("SnapshotId");
    for id in &wanted {
        ids::check_snapshot(id)?;
        // One that is not visible is answered as one that does not exist (recorded of real AWS).
        let known =
            world.snapshots.get(*id).filter(|snapshot| snapshot.region == ask.region && may_copy(snapshot, account));
        known.ok_or_else(|| ids::snapshot_not_found(id))?;
    }
    let filters = query.members("Filter");
    let mut found = Vec::new();
    for snapshot in world.snapshots.values() {
        let named = wanted.is_empty() || wanted.contains(&snapshot.id.as_str());
        if named && is_shown(snapshot, query, ask) && fits(snapshot, &filters, ask)? {
            found.push(snapshot);
        }
    }
    let (page, next) = filter::page(query, found, "SnapshotId")?;
    let snapshots = Element::list("snapshotSet", page.into_iter().map(|snapshot| render(snapshot, ask)));
    Ok(Body::Xml([snapshots].into_iter().chain(next.map(|token| Element::of("nextToken", token))).collect()))
}

fn is_shown(snapshot: &Snapshot, query: &Query, ask: &Ask<'_>) -> bool {
    let account = &ask.who.facts.account;
    let owners = query.list("Owner");
    let owner_fits = owners.is_empty()
        || owners.iter().any(|owner| *owner == snapshot.owner || (*owner == "self" && snapshot.owner == *account));
    let users = query.list("RestorableBy");
    let user_fits =
        users.is_empty() || users.iter().any(|user| may_copy(snapshot, if *user == "self" { account } else { user }));
    snapshot.region == ask.region && may_copy(snapshot, account) && owner_fits && user_fits
}

fn fits(snapshot: &Snapshot, filters: &[Query], ask: &Ask<'_>) -> Result<bool, Fail> {
    filter::fits(filters, snapshot.tags.get(&ask.who.facts.account), |name| {
        Some(match name {
            "snapshot-id" => vec![&snapshot.id],
            "status" => vec![snapshot.state],
            "owner-id" => vec![&snapshot.owner],
            "description" => vec![&snapshot.description],
            "volume-id" => vec![&snapshot.volume],
            "encrypted" => vec![if snapshot.key.is_some() { "true" } else { "false" }],
            _ => return None,
        })
    })
}

fn render(snapshot: &Snapshot, ask: &Ask<'_>) -> Vec<Element> {
    let mut members = vec![
        Element::of("snapshotId", &snapshot.id),
        Element::of("volumeId", &snapshot.volume),
        Element::of("status", snapshot.state),
        Element::of("startTime", ask.clock.text(snapshot.created)),
        Element::of("progress", format!("{}%", snapshot.progress)),
        Element::of("ownerId", &snapshot.owner),
        Element::of("volumeSize", snapshot.size),
        Element::of("description", &snapshot.description),
        Element::of("encrypted", snapshot.key.is_some()),
        Element::of("storageTier", "standard"),
    ];
    members.extend(snapshot.state_message.as_ref().map(|message| Element::of("statusMessage", message)));
    // Whoever sees the snapshot sees its key's ARN, without any access to KMS (R2.23).
    members.extend(snapshot.key.as_ref().map(|key| Element::of("kmsKeyId", key)));
    members.extend(snapshot.tags.get(&ask.who.facts.account).filter(|tags| !tags.is_empty()).map(super::tags::render));
    members
}
