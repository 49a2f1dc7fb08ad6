//! What CopyImage and CopySnapshot have in common.

use crate::services::Request;
use crate::wire::{Fail, Query};
use crate::world::{Fate, World};

/// How many snapshot copies and image copies may run at once to one Region (R1.5.10, R1.7).
const SNAPSHOT_COPIES: usize = 20;
const IMAGE_COPIES: usize = 300;

/// The answer to a key that comes without the request to encrypt (R1.3.1).
pub(super) fn key_without_encryption() -> Fail {
    let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
    Fail::bad("InvalidParameterDependency", message)
}

/// The minutes of a time-based copy (R7.5).
pub(super) fn completion_minutes(query: &Query, name: &str) -> Result<Option<u32>, Fail> {
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    match text.parse::<u32>() {
        Ok(minutes @ 15..=2880) if minutes.is_multiple_of(15) => Ok(Some(minutes)),
        _ => {
            let message = format!(
                "'{text}' is not a valid value for completion duration. Specify a value between \
                 15 and 2880 minutes, in 15 minute increments only"
            );
            Err(Fail::invalid_value(message))
        }
    }
}

/// Checks that `snapshots` more copies may run.
pub(super) fn check_quotas(
    world: &World,
    request: &Request<'_>,
    snapshots: usize,
) -> Result<(), Fail> {
    if !request.options.quotas {
        return Ok(());
    }
    let is_here =
        |owner: &str, region: &str| owner == request.account() && region == request.region;
    let running = world.snapshots.values().filter(|snapshot| {
        let is_copy = snapshot.copied_from.is_some();
        is_copy && snapshot.fate.is_some() && is_here(&snapshot.owner, &snapshot.region)
    });
    if running.count() + snapshots > SNAPSHOT_COPIES {
        let message =
            "Too many snapshot copies in progress. The limit is 20 for this destination region.";
        return Err(Fail::bad("ResourceLimitExceeded", message));
    }
    let running = world.images.values().filter(|image| {
        let is_copy = image.source.is_some();
        is_copy && image.fate.is_some() && is_here(&image.owner, &image.region)
    });
    if running.count() >= IMAGE_COPIES {
        let message = "Too many AMI copies in progress for this destination region.";
        return Err(Fail::bad("ResourceLimitExceeded", message));
    }
    Ok(())
}

/// How a copy ends that starts now. One that fails ends earlier.
pub(super) fn copy_fate(failure: Option<(String, String)>, request: &Request<'_>) -> Fate {
    let duration = if failure.is_some() {
        request.copy_time / 4
    } else {
        request.copy_time
    };
    Fate {
        failure,
        ..Fate::success(request.now, duration)
    }
}
