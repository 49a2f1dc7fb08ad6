#![doc = include_str!("../README.md")]

mod auth;
pub mod cli;
mod clock;
mod door;
mod json_file;
mod options;
pub mod partition;
pub mod policy;
mod scenario;
mod services;
mod sim;
pub mod wire;
pub mod world;

pub use clock::Clock;
pub use door::loopback;
pub use options::{Delays, Options};
pub use scenario::{
    AccountFacts, AccountSpec, AllowedImagesSpec, AllowedImagesState, EmptyVolumeSpec, Facts,
    GitHubJobFacts, GitHubJobSpec, ImageSpec, ImageStateSpec, KeySpec, KeyStateSpec, LaunchingSpec,
    MachineSpec, OrganizationSpec, PolicySpec, RegionSpec, RoleSpec, Scenario, Size, SubnetSpec,
    UnitSpec,
};
pub use sim::fault::{Effect, FailedState, Fault};
pub use sim::journal::Entry;
pub use sim::{Handled, Sim};
