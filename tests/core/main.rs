//! Scenarios through the library, in process, on a simulated AWS whose clock is paused: an hour
//! passes in no time.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod codes;
mod contention;
mod copies;
mod failures;
mod findings;
mod grants;
mod in_targets;
mod keys_in_use;
mod lifecycle;
mod organizations;
mod own_copies;
mod permissions;
mod policies;
mod regions;
mod revoke;
mod round_trip;
mod scale;
mod service_roles;
mod sharing;
mod support;
#[path = "../../examples/policies/mod.rs"]
mod table;
mod target_scale;
mod verify;
mod verify_worlds;
