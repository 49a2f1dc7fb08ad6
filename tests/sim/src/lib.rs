#![doc = include_str!("../README.md")]

mod auth;
pub mod cli;
mod clock;
mod door;
mod ec2;
mod fault;
mod iam;
mod journal;
mod kms;
mod layout;
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
    AccountFacts, AccountSpec, AllowedImagesSpec, AllowedImagesState, Facts, ImageSpec,
    ImageStateSpec, KeySpec, KeyStateSpec, OrganizationSpec, PolicySpec, RegionSpec, RoleSpec,
    Scenario, Size, UnitSpec,
};
pub use sim::{Handled, Sim};
