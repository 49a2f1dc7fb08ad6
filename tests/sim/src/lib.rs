//! A simulated AWS, small and strict: many accounts and Regions, and of EC2, KMS and STS what sharing encrypted AMIs
//! meets, with authorization as AWS does it. Whatever it does not simulate is an error, so that nothing passes by
//! accident. Rules are cited as R1.5.2; `RULES.md` beside this crate says what each one is and where it is known from.

mod auth;
pub mod cli;
mod clock;
mod door;
mod ec2;
mod fault;
mod iam;
mod journal;
mod kms;
mod options;
pub mod policy;
mod scenario;
mod sim;
mod ssm;
mod sts;
mod throttle;
pub mod wire;
pub mod world;

pub use clock::Clock;
pub use door::loopback;
pub use fault::{Effect, FailedState, Fault};
pub use journal::Entry;
pub use options::{Delays, Options};
pub use scenario::{
    AccountFacts, AccountSpec, AllowedImagesSpec, AllowedImagesState, Facts, ImageSpec, ImageStateSpec, KeySpec,
    KeyStateSpec, OrganizationSpec, PolicySpec, RegionSpec, RoleSpec, Scenario, Size, UnitSpec,
};
pub use sim::{Handled, Sim};
