//! CopySnapshot (R1.3.4, R1.4.5, R1.5.4 to R1.5.12): what is wrong with the source shows only
//! later.

use super::copy::{completion_minutes, quotas};
use super::copy_keys::{self, Step};
use super::tags::Tagging;
use super::{authorize, dry_run, ids, may_copy, new_on, regions, snapshot_on};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Fate, KeyState, Shared, Snapshot, World};

pub(super) fn copy_snapshot(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let source = query.need("SourceSnapshotId")?;
    let wrong = |message: String| Fail::bad("InvalidParameterValue", message);
    if !ids::is_snapshot(source) {
        return Err(wrong("The specified snapshotId is invalid".to_owned()));
    }
    // That is what EC2 says of a missing Region (recorded; the status is not).
    let from = query
        .get("SourceRegion")
        .ok_or_else(|| Fail::new(500, "InternalError", "An internal error has occurred"))?;
    regions::check(world, from)?;
    let minutes = completion_minutes(query, "CompletionDurationMinutes")?;
    let tags = Tagging::read(query, &["snapshot"])?;
    let on = [
        new_on("snapshot", request),
        snapshot_on(world, from, source, request),
    ];
    authorize(request, "ec2:CopySnapshot", &on, &Context::new())?;
    tags.authorize(request, "CopySnapshot")?;
    dry_run(query)?;
    if let Some(region) = query
        .get("DestinationRegion")
        .filter(|region| *region != request.region)
    {
        let here = request.region;
        return Err(wrong(format!(
            "DestinationRegion '{region}' does not match the current region ({here})."
        )));
    }
    check_presigned(query, source, request)?;
    let destination = named_key(world, query, request)?;
    quotas(world, request, 1)?;
    let id = make(
        world,
        query,
        request,
        (from, source),
        destination,
        tags,
        minutes,
    );
    let tags = world
        .snapshots
        .get(&id)
        .and_then(|copy| copy.tags.get(request.account()))
        .filter(|tags| !tags.is_empty());
    let tags = tags.map(super::tags::render);
    Ok(Body::Xml(
        [Element::of("snapshotId", id)]
            .into_iter()
            .chain(tags)
            .collect(),
    ))
}

/// Between Regions clients sign a URL for the source: it must mean the same copy. Its signature is
/// not looked at.
fn check_presigned(query: &Query, source: &str, request: &Request<'_>) -> Result<(), Fail> {
    let wrong = |message: String| Err(Fail::bad("InvalidParameterValue", message));
    let Some(text) = query.get("PresignedUrl").filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    let url = url::Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(url) = url else {
        return wrong("The protocol in PresignedUrl should be http or https".to_owned());
    };
    let of = |name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    if let Some(other) = of("SourceSnapshotId").filter(|other| other != source) {
        return wrong(format!(
            "The source snapshot specified in PresignedUrl '{other}' does not match the source \
             snapshot in the request: '{source}'"
        ));
    }
    match of("DestinationRegion").filter(|region| region != request.region) {
        Some(region) => wrong(format!(
            "The destination region specified in PresignedUrl: '{region}' is incorrect"
        )),
        None => Ok(()),
    }
}

/// The destination's key, where one is named: it is looked at in the call itself (R1.5.4 to R1.5.6,
/// R1.4.8).
fn named_key(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
) -> Result<Option<String>, Fail> {
    let (encrypted, named) = (query.flag("Encrypted")?, query.get("KmsKeyId"));
    let Some(named) = named else {
        let default = (encrypted == Some(true))
            .then(|| world.default_ebs_key(request.account(), request.region))
            .flatten();
        return Ok(default);
    };
    if encrypted != Some(true) {
        let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
        return Err(Fail::bad("InvalidParameterDependency", message));
    }
    let invalid = |why: &str| {
        Fail::bad(
            "InvalidParameterValue",
            format!("The specified keyId {named} is {why}"),
        )
    };
    let arn = world
        .find_key(named, request.account(), request.region)
        .ok_or_else(|| invalid("invalid"))?;
    if copy_keys::forward(
        world,
        request,
        &Step::new("kms:DescribeKey", &arn, source_of(query)),
    )
    .is_err()
    {
        // The blank at the end is AWS's.
        return Err(Fail::new(
            403,
            "AuthFailure",
            format!("Not authorized to use key {arn} "),
        ));
    }
    match world.keys.get(&arn) {
        Some(key) if key.region != request.region || key.spec != "SYMMETRIC_DEFAULT" => {
            Err(invalid("invalid"))
        }
        Some(key) if key.state == KeyState::Disabled => Err(invalid("disabled")),
        Some(key) if key.state != KeyState::Enabled => Err(invalid("invalid")),
        _ => Ok(Some(arn)),
    }
}

fn source_of(query: &Query) -> &str {
    query.get("SourceSnapshotId").unwrap_or_default()
}

/// Makes the copy, pending, with the end that its source and KMS let it have.
fn make(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
    (region, source): (&str, &str),
    named: Option<String>,
    tags: Tagging,
    completion_minutes: Option<u32>,
) -> String {
    let id = world.new_id("snap");
    let account = request.account();
    let as_of = request.shared_as_of();
    let readable = |of: &&Snapshot| of.region == region && may_copy(of, account, as_of);
    let original = world.snapshots.get(source).filter(readable).cloned();
    let by_default = super::settings_of(world, account, request.region)
        .is_some_and(|own| own.encryption_by_default);
    // Without a named key the copy of an encrypted snapshot falls to the default key, whatever it
    // was under (R1.3.4).
    let falls = original.as_ref().is_some_and(|of| of.key.is_some()) || by_default;
    // Of a key that was named the call itself has seen to that (R1.5.4).
    let describes = query.get("KmsKeyId").is_none();
    let key = named.or_else(|| {
        falls
            .then(|| world.default_ebs_key(account, request.region))
            .flatten()
    });
    let mut size = 0;
    let failure = match &original {
        None => Some("Source snapshot is not found"),
        Some(of) if of.state != "completed" => Some("Source snapshot is not complete"),
        Some(of) => {
            size = of.size;
            let through = key.as_ref().is_none_or(|key| {
                // DescribeKey on the default key is needed where that is taken (R1.4.4).
                let seen = !describes
                    || copy_keys::forward(world, request, &Step::new("kms:DescribeKey", key, &id))
                        .is_ok();
                seen && copy_keys::copy(world, request, of, key, &id)
            });
            (!through).then_some("Given key ID is not accessible")
        }
    };
    let failure = failure.map(|why| (why.to_owned(), why.to_owned()));
    let failure = failure.or_else(|| request.fail_copy.clone().map(|(why, _)| (why.clone(), why)));
    let after = if failure.is_some() {
        request.copy_time / 4
    } else {
        request.copy_time
    };
    let fate = Fate {
        failure,
        ..Fate::success(request.now, after)
    };
    let snapshot = Snapshot {
        id: id.clone(),
        owner: account.to_owned(),
        region: request.region.to_owned(),
        state: "pending",
        state_message: Some("Metadata not updated".to_owned()),
        progress: 0,
        volume: "vol-ffffffff".to_owned(),
        // Of a source that was not found nothing is known, now or later.
        unknown: true,
        size,
        key,
        description: query.get("Description").unwrap_or_default().to_owned(),
        created: request.now,
        completed: None,
        fate: Some(fate),
        completion_minutes,
        copied_from: Some((region.to_owned(), source.to_owned())),
        tags: [(account.to_owned(), tags.snapshot)].into(),
        create_volume_permissions: Shared::default(),
    };
    world.snapshots.insert(id.clone(), snapshot);
    world.touch();
    id
}
