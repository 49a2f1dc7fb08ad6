//! The rules of AWS that the simulation keeps. Each test is named after its rule in `RULES.md`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

mod book;
mod copies;
mod copy_snapshot;
mod files;
mod grants;
mod iam;
mod images;
mod instances;
mod keys;
mod launch;
mod launches;
mod lifecycle;
mod limits;
mod malformed;
mod network;
mod organization;
mod roles;
mod settings;
mod sharing;
mod support;
