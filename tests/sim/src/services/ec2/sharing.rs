//! Which images and snapshots an account may use, and the settings that say so.

use std::time::Duration;

use crate::services::Request;
use crate::world::{Image, Settings, Snapshot, World};

/// The names by which sharing may mean an account: its ID, `all`, its organization and the units
/// above it (R2.1).
pub(super) fn names_of(world: &World, account: &str) -> Vec<String> {
    let mut names = vec![account.to_owned(), "all".to_owned()];
    if let Some(organization) = &world.organization
        && let Some(membership) = organization.membership(account)
    {
        names.extend(membership.arns);
    }
    names
}

/// Whether the caller may launch an image that was shared by a moment (R2.1), and the Allowed AMIs
/// of its account let it (R7.3).
pub(super) fn may_launch(
    world: &World,
    image: &Image,
    request: &Request<'_>,
    as_of: Duration,
) -> bool {
    let account = request.account();
    if image.owner == account {
        return true;
    }
    let names = names_of(world, account);
    let hidden = settings_of(world, request)
        .is_some_and(|settings| settings.allowed_images.hide(image, request.now));
    image.launch_permissions.names_any(&names, as_of) && !hidden
}

/// Whether the caller may launch an image now.
pub(crate) fn is_available_to(world: &World, image: &Image, request: &Request<'_>) -> bool {
    may_launch(world, image, request, request.shared_as_of())
}

/// Whether an account may copy a snapshot that was shared by a moment.
pub(super) fn may_copy(snapshot: &Snapshot, account: &str, as_of: Duration) -> bool {
    let names = [account.to_owned(), "all".to_owned()];
    snapshot.owner == account || snapshot.create_volume_permissions.names_any(&names, as_of)
}

/// The settings of the caller's account in the Region.
pub(super) fn settings_of<'a>(world: &'a World, request: &Request<'_>) -> Option<&'a Settings> {
    world
        .accounts
        .get(request.account())?
        .settings
        .get(request.region)
}

/// Whether the caller's account encrypts new snapshots and volumes in the Region by default.
pub(super) fn encrypts_by_default(world: &World, request: &Request<'_>) -> bool {
    settings_of(world, request).is_some_and(|settings| settings.encryption_by_default)
}
