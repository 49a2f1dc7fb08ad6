//! The forms of IDs, and how EC2 answers wrong ones (R1.6).

use std::time::Duration;

use crate::services::Request;
use crate::wire::Fail;
use crate::world::{Image, ImageState, Snapshot, World};

/// Whether something has the form of an ID at all: the prefix and hexadecimal digits in lower case.
fn is_id(id: &str, prefix: &str) -> bool {
    let Some(digits) = id.strip_prefix(prefix) else {
        return false;
    };
    !digits.is_empty()
        && digits
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_well_formed(id: &str, prefix: &str) -> bool {
    let digits = id.strip_prefix(prefix).unwrap_or_default();
    // All zeros look right, and EC2 calls them malformed.
    let long = digits.len() == 17 && digits.bytes().any(|b| b != b'0');
    is_id(id, prefix) && (digits.len() == 8 || long)
}

pub(super) fn check_image(id: &str) -> Result<(), Fail> {
    if is_well_formed(id, "ami-") {
        return Ok(());
    }
    let message = format!("Invalid id: \"{id}\"");
    Err(Fail::bad("InvalidAMIID.Malformed", message))
}

pub(super) fn check_instance(id: &str) -> Result<(), Fail> {
    if is_well_formed(id, "i-") {
        return Ok(());
    }
    let message = format!("Invalid id: \"{id}\"");
    Err(Fail::bad("InvalidInstanceID.Malformed", message))
}

pub(super) fn check_volume(id: &str) -> Result<(), Fail> {
    if is_well_formed(id, "vol-") {
        return Ok(());
    }
    let message = format!("Value ({id}) for parameter volumeId is invalid. Expected: 'vol-...'.");
    Err(Fail::invalid_value(message))
}

/// Of 17 digits the first is 0 (recorded). AWS calls some of those malformed too; which is not
/// known.
fn check_snapshot_or(id: &str, malformed: String) -> Result<(), Fail> {
    if !is_id(id, "snap-") {
        let message =
            format!("Value ({id}) for parameter snapshotId is invalid. Expected: 'snap-...'.");
        return Err(Fail::invalid_value(message));
    }
    if is_well_formed(id, "snap-") && (id.len() < 22 || id.starts_with("snap-0")) {
        return Ok(());
    }
    Err(Fail::bad("InvalidSnapshotID.Malformed", malformed))
}

/// In the words of DescribeSnapshots.
pub(super) fn check_snapshot(id: &str) -> Result<(), Fail> {
    check_snapshot_or(id, format!("Invalid id: \"{id}\""))
}

/// In the words of operations on attributes.
pub(super) fn check_snapshot_attribute(id: &str) -> Result<(), Fail> {
    let malformed = format!("Value ( {id} ) for parameter SNAPSHOT is invalid. ");
    check_snapshot_or(id, malformed)
}

/// Whether something is an ID of a snapshot.
pub(super) fn is_snapshot(id: &str) -> bool {
    check_snapshot(id).is_ok()
}

pub(super) fn image_not_found(id: &str) -> Fail {
    let message = format!("The image id '[{id}]' does not exist");
    Fail::bad("InvalidAMIID.NotFound", message)
}

pub(super) fn snapshot_not_found(id: &str) -> Fail {
    let message = format!("The snapshot '{id}' does not exist.");
    Fail::bad("InvalidSnapshot.NotFound", message)
}

pub(super) fn instance_not_found(id: &str) -> Fail {
    let message = format!("The instance ID '{id}' does not exist");
    Fail::bad("InvalidInstanceID.NotFound", message)
}

/// An image of the Region, dead or alive, unless it is so new that EC2 may not know it yet
/// (R1.1.7).
pub(super) fn image<'a>(
    world: &'a World,
    id: &str,
    request: &Request<'_>,
) -> Result<&'a Image, Fail> {
    check_image(id)?;
    match world.images.get(id) {
        Some(image) if is_known(image, request) => Ok(image),
        _ => Err(image_not_found(id)),
    }
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
    let options = request.options;
    let visible_at = image.created + options.invisible.max(options.delays.new_images);
    let new = image.created > Duration::ZERO && request.read_as_of() < visible_at;
    image.region == request.region && !new
}

/// A snapshot of the Region that is the caller's. For everyone but the owner it does not exist,
/// even where it is shared (R2.20).
pub(super) fn own_snapshot<'a>(
    world: &'a World,
    id: &str,
    request: &Request<'_>,
) -> Result<&'a Snapshot, Fail> {
    check_snapshot_attribute(id)?;
    match world.snapshots.get(id) {
        Some(snapshot)
            if snapshot.owner == request.account() && snapshot.region == request.region =>
        {
            Ok(snapshot)
        }
        _ => Err(snapshot_not_found(id)),
    }
}

/// Fails if an image cannot be used in its state (R1.5.13, R1.6, R2.8).
pub(super) fn check_available(image: &Image) -> Result<(), Fail> {
    let id = &image.id;
    let message = match image.state {
        ImageState::Available => return Ok(()),
        ImageState::Deregistered => format!("The image ID '{id}' is no longer available"),
        other => {
            let state = other.as_str();
            format!("The AMI ID '{id}' is currently {state} and may not be used for this operation")
        }
    };
    Err(Fail::bad("InvalidAMIID.Unavailable", message))
}

/// Checks what a search names as owners, or as those who may use something: account IDs, and words
/// that EC2 knows (R2.18).
pub(super) fn check_users(users: &[&str], words: &[&str]) -> Result<(), Fail> {
    for user in users {
        let is_account = user.len() == 12 && user.bytes().all(|b| b.is_ascii_digit());
        if !is_account && !words.contains(user) {
            let message = format!("Invalid user id: \"{user}\"");
            return Err(Fail::bad("InvalidUserID.Malformed", message));
        }
    }
    Ok(())
}

/// The names of owners that are not IDs.
pub(super) const OWNERS: [&str; 4] = ["self", "amazon", "aws-marketplace", "aws-backup-vault"];
/// The names of recipients that are not IDs.
pub(super) const USERS: [&str; 2] = ["self", "all"];
