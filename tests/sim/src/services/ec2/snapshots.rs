//! DescribeSnapshots.

use std::time::Duration;

use super::authorize::authorize_all;
use super::sharing::may_copy;
use super::{dry_run, filter, ids, tags};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Fail, Outcome, Query, bool_text};
use crate::world::{Snapshot, World};

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeSnapshots")?;
    dry_run(query)?;
    ids::check_users(&query.list("Owner"), &ids::OWNERS)?;
    ids::check_users(&query.list("RestorableBy"), &ids::USERS)?;
    // A request by ID sees sharing at once, a search only later (R2.21).
    let requested = query.list("SnapshotId");
    let filters = query.members("Filter");
    let (candidates, as_of) = if requested.is_empty() {
        (candidates(world, &filters), request.shared_as_of())
    } else {
        let named = visible_snapshots(world, &requested, request)?;
        (named, request.now)
    };
    let asked = Asked {
        owners: query.list("Owner"),
        users: query.list("RestorableBy"),
        as_of,
    };
    let visible = candidates
        .into_iter()
        .filter(|snapshot| is_visible(snapshot, &asked, request));
    let fitting = visible.filter_map(|snapshot| match fits(snapshot, &filters, request) {
        Ok(true) => Some(Ok(snapshot)),
        Ok(false) => None,
        Err(fail) => Some(Err(fail)),
    });
    let page = filter::page(query, request, fitting, "SnapshotId")?;
    Ok(page.render("snapshotSet", |snapshot| render(snapshot, request)))
}

/// Whose snapshots a request asks for, and as of when.
struct Asked<'a> {
    owners: Vec<&'a str>,
    users: Vec<&'a str>,
    as_of: Duration,
}

/// The snapshots that an answer may have: if a filter names IDs, only these, so that a large world
/// costs no time.
fn candidates<'a>(world: &'a World, filters: &[Query]) -> Vec<&'a Snapshot> {
    match filter::ids(filters, "snapshot-id") {
        Some(ids) => {
            let found = ids.into_iter().filter_map(|id| world.snapshots.get(id));
            found.collect()
        }
        None => world.snapshots.values().collect(),
    }
}

/// The snapshots that a request names. One that is not visible does not exist for the caller
/// (recorded).
fn visible_snapshots<'a>(
    world: &'a World,
    ids: &[&str],
    request: &Request<'_>,
) -> Result<Vec<&'a Snapshot>, Fail> {
    let mut snapshots = Vec::new();
    for id in ids {
        ids::check_snapshot(id)?;
        match world.snapshots.get(*id) {
            Some(snapshot)
                if snapshot.region == request.region
                    && may_copy(snapshot, request.account(), request.now) =>
            {
                snapshots.push(snapshot);
            }
            _ => return Err(ids::snapshot_not_found(id)),
        }
    }
    Ok(snapshots)
}

/// Whether the caller sees a snapshot and the request asks for it.
fn is_visible(snapshot: &Snapshot, asked: &Asked<'_>, request: &Request<'_>) -> bool {
    let account = request.account();
    let owner_fits =
        |owner: &&str| *owner == snapshot.owner || (*owner == "self" && snapshot.owner == account);
    snapshot.region == request.region
        && (asked.owners.is_empty() || asked.owners.iter().any(owner_fits))
        && user_fits(snapshot, &asked.users, account)
        && may_copy(snapshot, account, asked.as_of)
}

/// `self` and the caller's own ID mean what it owns and what names it, `all` what is public.
/// Another account's ID means snapshots of the caller that name that account (R2.25).
fn user_fits(snapshot: &Snapshot, users: &[&str], account: &str) -> bool {
    let permissions = &snapshot.create_volume_permissions;
    let is_own = snapshot.owner == account;
    let fits = |user: &&str| match *user {
        "all" => permissions.contains("all"),
        user if user == "self" || user == account => is_own || permissions.contains(account),
        other => is_own && permissions.contains(other),
    };
    users.is_empty() || users.iter().any(fits)
}

fn fits(snapshot: &Snapshot, filters: &[Query], request: &Request<'_>) -> Result<bool, Fail> {
    let (size, progress) = (snapshot.size.to_string(), progress_of(snapshot, request));
    filter::fits(filters, snapshot.tags.get(request.account()), |name| {
        Some(match name {
            "snapshot-id" => vec![&snapshot.id],
            "status" => vec![snapshot.state],
            "owner-id" => vec![&snapshot.owner],
            "description" => vec![&snapshot.description],
            "volume-id" => vec![&snapshot.volume],
            "volume-size" => vec![&size],
            "progress" => vec![&progress],
            "storage-tier" => vec![storage_tier(snapshot)],
            "transfer-type" => vec![transfer_type(snapshot)],
            "encrypted" => vec![bool_text(snapshot.key.is_some())],
            _ => return None,
        })
    })
}

fn storage_tier(snapshot: &Snapshot) -> &'static str {
    if snapshot.archived {
        "archive"
    } else {
        "standard"
    }
}

fn transfer_type(snapshot: &Snapshot) -> &'static str {
    if snapshot.completion_minutes.is_some() {
        "time-based"
    } else {
        "standard"
    }
}

pub(super) fn render(snapshot: &Snapshot, request: &Request<'_>) -> Vec<Element> {
    render_with(snapshot, progress_of(snapshot, request), request)
}

fn progress_of(snapshot: &Snapshot, request: &Request<'_>) -> String {
    format!("{}%", snapshot.progress_at(request.now))
}

/// A snapshot that was just made of a volume: its progress is empty (recorded).
pub(super) fn render_new(snapshot: &Snapshot, request: &Request<'_>) -> Vec<Element> {
    render_with(snapshot, String::new(), request)
}

fn render_with(snapshot: &Snapshot, progress: String, request: &Request<'_>) -> Vec<Element> {
    // Size and encryption of a copy may not be known yet.
    let (size, key) = if snapshot.unknown {
        (0, None)
    } else {
        (snapshot.size, snapshot.key.as_ref())
    };
    let minutes = snapshot.completion_minutes;
    let mut members = vec![
        Element::of("snapshotId", &snapshot.id),
        Element::of("volumeId", &snapshot.volume),
        Element::of("status", snapshot.state),
        Element::of("startTime", request.clock.text(snapshot.created)),
        Element::of("progress", progress),
        Element::of("ownerId", &snapshot.owner),
        Element::of("volumeSize", size),
        Element::of("description", &snapshot.description),
        Element::of("encrypted", key.is_some()),
        Element::of("storageTier", storage_tier(snapshot)),
        Element::of("transferType", transfer_type(snapshot)),
    ];
    members.extend(Element::optional("completionDurationMinutes", minutes));
    if let Some(completed) = snapshot.completed {
        members.push(Element::of("completionTime", request.clock.text(completed)));
        // Simulated snapshots have no data.
        members.push(Element::of("fullSnapshotSizeInBytes", 0));
    }
    members.extend(Element::optional(
        "statusMessage",
        snapshot.state_message.as_ref(),
    ));
    // Every account that sees the snapshot sees its key's ARN, without access to KMS (R2.23).
    members.extend(Element::optional("kmsKeyId", key));
    let tags = tags::visible(&snapshot.tags, &snapshot.owner, request.account());
    members.extend(tags::render(&tags));
    members
}
