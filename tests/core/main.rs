//! Scenarios through the library, in process, on a simulated AWS whose clock is paused, so that an
//! hour passes at once.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod answers;
mod codes;
mod contention;
mod copies;
mod crowds;
mod cut_off;
mod errors;
mod expanded;
mod expected;
mod failures;
mod field;
mod findings;
mod foreign_keys;
mod gate;
mod github;
mod grants;
mod groups;
mod image_parameters;
mod image_usage;
mod key_policies;
mod keys_in_use;
mod launch_templates;
mod lifecycle;
mod lost;
mod not_ours;
mod one_cause;
mod organizations;
mod own_copies;
mod pages;
mod partitions;
mod parts;
mod permissions;
mod policies;
mod propagation;
mod rates;
mod regions;
mod retire;
mod revoke;
mod round_trip;
mod scale;
mod service_roles;
mod settle;
mod share;
mod shared_tags;
mod slow;
mod spawned;
mod support;
mod target_scale;
mod targets;
mod traced;
mod unreadable;
mod verify;
mod watermarks;

#[path = "../../examples"]
mod examples {
    pub(crate) mod policies;
}
