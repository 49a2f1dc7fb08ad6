//! The names of images.

use crate::services::Request;
use crate::wire::Fail;
use crate::world::{Image, ImageState, World};

/// Checks the form of a name (R1.2.1).
pub(super) fn check(name: &str) -> Result<(), Fail> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "()[] ./-'@_".contains(c);
    if (3..=128).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    let message = "AMI names must be between 3 and 128 characters long, and may contain letters, \
                   numbers, '(', ')', '.', '-', '/' and '_'";
    Err(Fail::bad("InvalidAMIName.Malformed", message))
}

/// Checks that a name is not in use. RegisterImage and CreateImage do that, CopyImage does not
/// (R1.2.8).
pub(super) fn check_unique(world: &World, name: &str, request: &Request<'_>) -> Result<(), Fail> {
    let has_name = |image: &&Image| {
        image.owner == request.account()
            && image.region == request.region
            && image.name == name
            && !matches!(image.state, ImageState::Deregistered | ImageState::Failed)
    };
    if let Some(other) = world.images.values().find(has_name) {
        let message = format!("AMI name {name} is already in use by AMI {}", other.id);
        return Err(Fail::bad("InvalidAMIName.Duplicate", message));
    }
    Ok(())
}
