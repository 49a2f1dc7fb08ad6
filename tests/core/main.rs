//! Scenarios through the library, in process, on a simulated AWS whose clock is paused: an hour passes in no time.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod contention;
mod copies;
mod failures;
mod findings;
mod key_policies;
mod permissions;
mod scale;
mod sharing;
mod support;
