//! Shares encrypted AMIs with other AWS accounts: launch permission, key access and, where asked or
//! needed, a copy re-encrypted with another key, in the right order, safe to repeat and safe to
//! interrupt.
//!
//! A [`ShareRequest`] says what is wanted, [`Sharer::plan`] what that takes, [`Sharer::apply`] does
//! it:
//!
//! ```no_run
//! # async fn share() -> Result<(), Box<dyn std::error::Error>> {
//! use ami_share::{ShareRequest, Sharer, load_config};
//!
//! let request = ShareRequest::builder()
//!     .region("us-east-1".parse()?)
//!     .image("ami-0123456789abcdef0".parse()?)
//!     .target_account("222222222222".parse()?)
//!     .build()?;
//! let sharer = Sharer::new(&load_config().await);
//! let plan = sharer.plan(&request).await?;
//! let report = sharer.apply(&plan).await?;
//! println!("{}", if report.changed { "shared" } else { "already shared" });
//! # Ok(())
//! # }
//! ```
//!
//! References such as R1.5.2 are to the rules of AWS that the project keeps beside its simulated
//! AWS, in `tests/sim/RULES.md`; promises such as P1 are in `docs/ARCHITECTURE.md`.

mod apply;
mod aws;
pub mod diagnostic;
mod digest;
pub mod id;
mod inventory;
mod limits;
mod observe;
pub mod plan;
mod policy;
pub mod report;
pub mod request;
mod run;
mod sharer;
mod tags;
mod verify;

pub use aws_config;

pub use aws::config::load_config;
pub use diagnostic::{Error, Errors, Finding};
pub use id::{AccountId, AmiId, KeyRef, Principal, Region};
pub use plan::Plan;
pub use report::{Event, EventSink, Incomplete, Report};
pub use request::{Problems, ShareRequest};
pub use sharer::Sharer;

#[cfg(test)]
extern crate self as ami_share;

#[cfg(test)]
#[path = "../../tests/concurrent/main.rs"]
mod concurrent;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeDoctests;
