//! The forms of IDs and what EC2 says of wrong ones (R1.6).

use std::time::Duration;

use crate::services::Request;
use crate::wire::Fail;
use crate::world::{Image, ImageState, World};

/// Whether something has the form of an ID at all: the prefix and hexadecimal digits in lower case.
fn is_id(id: &str, prefix: &str) -> bool {
    let digits = |rest: &str| {
        !rest.is_empty() && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    id.strip_prefix(prefix).is_some_and(digits)
}

fn well_formed(id: &str, prefix: &str) -> bool {
    let rest = id.strip_prefix(prefix).unwrap_or_default();
    // All zeros look right, and EC2 calls them malformed.
    is_id(id, prefix) && (rest.len() == 8 || (rest.len() == 17 && rest.bytes().any(|b| b != b'0')))
}

pub(super) fn check_image(id: &str) -> Result<(), Fail> {
    if well_formed(id, "ami-") {
        Ok(())
    } else {
        Err(Fail::bad(
            "InvalidAMIID.Malformed",
            format!("Invalid id: \"{id}\""),
        ))
    }
}

pub(super) fn check_instance(id: &str) -> Result<(), Fail> {
    let message = || format!("Invalid id: \"{id}\"");
    if well_formed(id, "i-") {
        Ok(())
    } else {
        Err(Fail::bad("InvalidInstanceID.Malformed", message()))
    }
}

pub(super) fn check_volume(id: &str) -> Result<(), Fail> {
    let message =
        || format!("Value ({id}) for parameter volumeId is invalid. Expected: 'vol-...'.");
    if well_formed(id, "vol-") {
        Ok(())
    } else {
        Err(Fail::bad("InvalidParameterValue", message()))
    }
}

/// Of 17 digits the first is 0 (recorded); which of those AWS calls malformed nevertheless is not
/// known.
fn check_snapshot_or(id: &str, malformed: String) -> Result<(), Fail> {
    if !is_id(id, "snap-") {
        let message =
            format!("Value ({id}) for parameter snapshotId is invalid. Expected: 'snap-...'.");
        return Err(Fail::bad("InvalidParameterValue", message));
    }
    if well_formed(id, "snap-") && (id.len() < 22 || id.starts_with("snap-0")) {
        Ok(())
    } else {
        Err(Fail::bad("InvalidSnapshotID.Malformed", malformed))
    }
}

/// As DescribeSnapshots says it.
pub(super) fn check_snapshot(id: &str) -> Result<(), Fail> {
    check_snapshot_or(id, format!("Invalid id: \"{id}\""))
}

/// As operations on attributes say it.
pub(super) fn check_snapshot_attribute(id: &str) -> Result<(), Fail> {
    check_snapshot_or(
        id,
        format!("Value ( {id} ) for parameter SNAPSHOT is invalid. "),
    )
}

/// Whether CopySnapshot takes it as an ID.
pub(super) fn is_snapshot(id: &str) -> bool {
    check_snapshot(id).is_ok()
}

pub(super) fn image_not_found(id: &str) -> Fail {
    Fail::bad(
        "InvalidAMIID.NotFound",
        format!("The image id '[{id}]' does not exist"),
    )
}

pub(super) fn snapshot_not_found(id: &str) -> Fail {
    Fail::bad(
        "InvalidSnapshot.NotFound",
        format!("The snapshot '{id}' does not exist."),
    )
}

/// An image of the Region that has ever been, unless it is so new that EC2 does not know it
/// everywhere (R1.1.7).
pub(super) fn image<'a>(
    world: &'a World,
    id: &str,
    request: &Request<'_>,
) -> Result<&'a Image, Fail> {
    check_image(id)?;
    world
        .images
        .get(id)
        .filter(|image| is_known(image, request))
        .ok_or_else(|| image_not_found(id))
}

/// The same, if it is the caller's: attributes are for the owner only (R2.5).
pub(super) fn own_image<'a>(
    world: &'a World,
    id: &str,
    request: &Request<'_>,
) -> Result<&'a Image, Fail> {
    let image = image(world, id, request)?;
    if image.owner != request.account() {
        let message = format!("Not authorized for image:{id}");
        return Err(Fail::bad("AuthFailure", message));
    }
    Ok(image)
}

pub(super) fn is_known(image: &Image, request: &Request<'_>) -> bool {
    let new = image.created > Duration::ZERO
        && request.now
            < image.created
                + request
                    .options
                    .invisible
                    .max(request.options.delays.new_images);
    image.region == request.region && !new
}

/// What is said of an image that cannot be used in its state (R1.5.13, R1.6, R2.8).
pub(super) fn unavailable(image: &Image) -> Option<Fail> {
    let id = &image.id;
    let message = match image.state {
        ImageState::Available => return None,
        ImageState::Deregistered => format!("The image ID '{id}' is no longer available"),
        other => {
            let state = other.as_str();
            format!("The AMI ID '{id}' is currently {state} and may not be used for this operation")
        }
    };
    Some(Fail::bad("InvalidAMIID.Unavailable", message))
}

/// Checks what a search names as owners, or as those who may use something: account IDs, and words
/// that EC2 knows (R2.18).
pub(super) fn check_users(users: &[&str], words: &[&str]) -> Result<(), Fail> {
    let is_account = |user: &str| user.len() == 12 && user.bytes().all(|b| b.is_ascii_digit());
    match users
        .iter()
        .find(|user| !is_account(user) && !words.contains(*user))
    {
        None => Ok(()),
        Some(user) => Err(Fail::bad(
            "InvalidUserID.Malformed",
            format!("Invalid user id: \"{user}\""),
        )),
    }
}

/// Owners by another name than an ID.
pub(super) const OWNERS: [&str; 4] = ["self", "amazon", "aws-marketplace", "aws-backup-vault"];
/// Whom something is shared with, by another name than an ID.
pub(super) const USERS: [&str; 2] = ["self", "all"];
