//! Scenarios through the library, in process, on a simulated AWS whose clock is paused: an hour passes in no time.

mod contention;
mod copies;
mod failures;
mod findings;
mod key_policies;
mod permissions;
mod scale;
mod sharing;
mod support;
