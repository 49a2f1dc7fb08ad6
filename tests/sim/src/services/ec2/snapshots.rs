//! `DescribeSnapshots`.

use std::time::Duration;

use super::{authorize_all, filter, ids, may_copy};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Snapshot, World};

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeSnapshots")?;
    super::dry_run(query)?;
    ids::check_users(&query.list("Owner"), &ids::OWNERS)?;
    ids::check_users(&query.list("RestorableBy"), &ids::USERS)?;
    let wanted = query.list("SnapshotId");
    for id in &wanted {
        ids::check_snapshot(id)?;
        // One that is not visible is answered as one that does not exist (recorded).
        let visible = |of: &&Snapshot| {
            of.region == request.region && may_copy(of, request.account(), request.now)
        };
        world
            .snapshots
            .get(*id)
            .filter(visible)
            .ok_or_else(|| ids::snapshot_not_found(id))?;
    }
    // A look by ID sees what was shared at once, a search only later (R2.21).
    let (candidates, as_of): (Vec<&Snapshot>, _) = if wanted.is_empty() {
        (world.snapshots.values().collect(), request.shared_as_of())
    } else {
        (
            wanted
                .iter()
                .filter_map(|id| world.snapshots.get(*id))
                .collect(),
            request.now,
        )
    };
    let filters = query.members("Filter");
    let shown = candidates
        .into_iter()
        .filter(|snapshot| is_shown(snapshot, query, request, as_of));
    let found = shown.filter_map(|snapshot| match fits(snapshot, &filters, request) {
        Ok(true) => Some(Ok(snapshot)),
        Ok(false) => None,
        Err(fail) => Some(Err(fail)),
    });
    let (page, next) = filter::page(query, found, "SnapshotId")?;
    let snapshots = Element::list(
        "snapshotSet",
        page.into_iter().map(|snapshot| render(snapshot, request)),
    );
    Ok(Body::Xml(
        [snapshots]
            .into_iter()
            .chain(next.map(|token| Element::of("nextToken", token)))
            .collect(),
    ))
}

fn is_shown(snapshot: &Snapshot, query: &Query, request: &Request<'_>, as_of: Duration) -> bool {
    let account = request.account();
    let owners = query.list("Owner");
    let owner_fits = owners.is_empty()
        || owners.iter().any(|owner| {
            *owner == snapshot.owner || (*owner == "self" && snapshot.owner == account)
        });
    let users = query.list("RestorableBy");
    let restorable =
        |user: &str| may_copy(snapshot, if user == "self" { account } else { user }, as_of);
    let user_fits = users.is_empty() || users.iter().any(|user| restorable(user));
    snapshot.region == request.region
        && owner_fits
        && user_fits
        && may_copy(snapshot, account, as_of)
}

fn fits(snapshot: &Snapshot, filters: &[Query], request: &Request<'_>) -> Result<bool, Fail> {
    let (size, progress) = (snapshot.size.to_string(), format!("{}%", snapshot.progress));
    filter::fits(
        filters,
        snapshot.tags.get(&request.caller.facts.account),
        |name| {
            Some(match name {
                "snapshot-id" => vec![&snapshot.id],
                "status" => vec![snapshot.state],
                "owner-id" => vec![&snapshot.owner],
                "description" => vec![&snapshot.description],
                "volume-id" => vec![&snapshot.volume],
                "volume-size" => vec![&size],
                "progress" => vec![&progress],
                "storage-tier" => vec!["standard"],
                "transfer-type" => vec![transfer_type(snapshot)],
                "encrypted" => vec![if snapshot.key.is_some() {
                    "true"
                } else {
                    "false"
                }],
                _ => return None,
            })
        },
    )
}

fn transfer_type(snapshot: &Snapshot) -> &'static str {
    if snapshot.completion_minutes.is_some() {
        "time-based"
    } else {
        "standard"
    }
}

pub(super) fn render(snapshot: &Snapshot, request: &Request<'_>) -> Vec<Element> {
    let mut members = vec![
        Element::of("snapshotId", &snapshot.id),
        Element::of("volumeId", &snapshot.volume),
        Element::of("status", snapshot.state),
        Element::of("startTime", request.clock.text(snapshot.created)),
        Element::of("progress", format!("{}%", snapshot.progress)),
        Element::of("ownerId", &snapshot.owner),
        Element::of(
            "volumeSize",
            if snapshot.unknown { 0 } else { snapshot.size },
        ),
        Element::of("description", &snapshot.description),
        Element::of("encrypted", snapshot.key.is_some() && !snapshot.unknown),
        Element::of("storageTier", "standard"),
        Element::of("transferType", transfer_type(snapshot)),
    ];
    members.extend(
        snapshot
            .completion_minutes
            .map(|minutes| Element::of("completionDurationMinutes", minutes)),
    );
    if let Some(completed) = snapshot.completed {
        members.push(Element::of("completionTime", request.clock.text(completed)));
        // What is simulated has no data.
        members.push(Element::of("fullSnapshotSizeInBytes", 0));
    }
    members.extend(
        snapshot
            .state_message
            .as_ref()
            .map(|message| Element::of("statusMessage", message)),
    );
    // Whoever sees the snapshot sees its key's ARN, without any access to KMS (R2.23).
    let key = snapshot.key.as_ref().filter(|_| !snapshot.unknown);
    members.extend(key.map(|key| Element::of("kmsKeyId", key)));
    members.extend(super::tags::seen(
        &snapshot.tags,
        &snapshot.owner,
        request.account(),
    ));
    members
}
