//! The rules of AWS that the simulation keeps. The name of each test begins with its rule in
//! `RULES.md`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

mod allowed_images;
mod autoscaling;
mod autoscaling_refusals;
mod book;
mod caller;
mod copies;
mod copy_keys;
mod copy_snapshot;
mod files;
mod grant_lists;
mod grants;
mod iam;
mod images;
mod instance_lives;
mod instances;
mod key_conditions;
mod key_policies;
mod keys;
mod kms_dry_run;
mod launch;
mod launch_templates;
mod launches;
mod launching;
mod lifecycle;
mod limits;
mod malformed;
mod multi_region;
mod network;
mod organization;
mod organization_lists;
mod pages;
mod parameters;
mod partitions;
mod principals_of_grants;
mod recipients;
mod role_changes;
mod roles;
mod scenario_files;
mod security_groups;
mod settings;
mod sharing;
mod simulation;
mod simulation_keys;
mod simulation_principals;
mod snapshot_locks;
mod snapshot_sharing;
mod steps;
mod support;
mod usage;
mod volumes;
mod watermarks;
mod web_identity;
