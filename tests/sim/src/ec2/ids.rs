//! The forms of IDs and what EC2 says of wrong ones (R1.6).

use std::time::Duration;

use crate::sim::Ask;
use crate::wire::Fail;
use crate::world::{Image, ImageState, World};

fn well_formed(id: &str, prefix: &str) -> bool {
    let hex = |rest: &str| matches!(rest.len(), 8 | 17) && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    // All zeros look right, and EC2 calls them malformed.
    id.strip_prefix(prefix).is_some_and(|rest| hex(rest) && rest.bytes().any(|b| b != b'0'))
}

pub(super) fn check_image(id: &str) -> Result<(), Fail> {
    if well_formed(id, "ami-") {
        Ok(())
    } else {
        Err(Fail::bad("InvalidAMIID.Malformed", format!("Invalid id: \"{id}\"")))
    }
}

pub(super) fn check_snapshot(id: &str) -> Result<(), Fail> {
    if well_formed(id, "snap-") {
        Ok(())
    } else {
        Err(Fail::bad(
            "InvalidParameterValue",
            format!("Value ({id}) for parameter snapshotId is invalid. Expected: 'snap-...'."),
        ))
    }
}

pub(super) fn image_not_found(id: &str) -> Fail {
    Fail::bad("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist"))
}

pub(super) fn snapshot_not_found(id: &str) -> Fail {
    Fail::bad("InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist."))
}

/// An image of the Region that has ever been, unless it is so new that EC2 does not know it everywhere (R1.1.7).
pub(super) fn image<'a>(world: &'a World, id: &str, ask: &Ask<'_>) -> Result<&'a Image, Fail> {
    check_image(id)?;
    world.images.get(id).filter(|image| is_known(image, ask)).ok_or_else(|| image_not_found(id))
}

pub(super) fn is_known(image: &Image, ask: &Ask<'_>) -> bool {
    let new = image.created > Duration::ZERO && ask.now < image.created + ask.options.invisible;
    image.region == ask.region && !new
}

/// What is said of an image that cannot be used in its state (R1.5.13, R1.6, R2.8).
pub(super) fn unavailable(image: &Image) -> Option<Fail> {
    let id = &image.id;
    let message = match image.state {
        ImageState::Available => return None,
        ImageState::Pending => format!("The AMI ID '{id}' is currently pending and may not be used for this operation"),
        ImageState::Deregistered => format!("The image ID '{id}' is no longer available"),
        ImageState::Failed => format!("The AMI ID '{id}' is currently failed and may not be used for this operation"),
        ImageState::Disabled => {
            format!("The AMI ID '{id}' is currently disabled and may not be used for this operation")
        }
    };
    Some(Fail::bad("InvalidAMIID.Unavailable", message))
}
