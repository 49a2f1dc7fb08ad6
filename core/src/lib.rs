//! Shares encrypted AMIs with other AWS accounts: launch permission, key access and, where needed,
//! a copy re-encrypted with another key. It writes them in the right order, and a run is safe to
//! repeat and safe to interrupt.
//!
//! A [`ShareRequest`] says what to share with whom. [`Sharer::plan`] reads the current state in AWS
//! and returns a [`Plan`]: steps, and findings about what would go wrong. [`Sharer::apply`] carries
//! it out and returns a [`Report`].
//!
//! # Share
//!
//! ```no_run
//! use ami_share::{ShareRequest, Sharer, load_config};
//!
//! # async fn share() -> Result<(), Box<dyn std::error::Error>> {
//! let request = ShareRequest::builder()
//!     .region("us-east-1".parse()?)
//!     .image("ami-0123456789abcdef0".parse()?)
//!     .target_account("222222222222".parse()?)
//!     .build()?;
//! let sharer = Sharer::new(&load_config().await?);
//! let plan = sharer.plan(&request).await?;
//! let report = sharer.apply(&plan).await?;
//! println!("{}", if report.changed { "shared" } else { "already shared" });
//! # Ok(())
//! # }
//! ```
//!
//! # Plan only
//!
//! A preview does not wait for pending images, and changes nothing.
//!
//! ```no_run
//! use ami_share::{ShareRequest, Sharer};
//!
//! # async fn preview(sharer: Sharer, request: ShareRequest) -> Result<(), ami_share::Errors> {
//! let plan = sharer.preview(&request).await?;
//! for finding in &plan.findings {
//!     println!("{finding}");
//! }
//! println!("{} of {} steps change something", plan.changing_steps().count(), plan.steps.len());
//! # Ok(())
//! # }
//! ```
//!
//! # Events
//!
//! A run reports what happens while it runs. `with_events` takes a closure or any other
//! [`EventSink`].
//!
//! ```no_run
//! use ami_share::{Event, Sharer, load_config};
//!
//! # async fn events() -> Result<(), Box<dyn std::error::Error>> {
//! let sharer = Sharer::new(&load_config().await?).with_events(|event: &Event| match event {
//!     Event::Waiting(waiting) => eprintln!("waiting for {}", waiting.resource),
//!     Event::Failed(error) => eprintln!("{error}"),
//!     _ => {}
//! });
//! # Ok(())
//! # }
//! ```
//!
//! The library writes nothing by itself. Each call to AWS is an event of [`tracing`] with the
//! target `ami_share::aws` and the fields `action`, `account`, `region`, `status`, `code` and
//! `milliseconds`.
//!
//! Everything else that a request can ask for is in [`request`]; the steps of a plan are in
//! [`plan`], the parts of a report and the events in [`report`], identifiers of AWS in [`id`], the
//! codes of errors and findings in [`diagnostic`].

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
pub use aws::github::GitHubRole;
pub use aws::local_settings::InvalidSetting;
pub use diagnostic::{Error, Errors, Finding};
pub use id::{AccountId, AmiId, KeyRef, Principal, Region};
pub use plan::Plan;
pub use report::{Event, EventSink, Incomplete, Report};
pub use request::{Problems, RequestGroup, ShareRequest};
pub use sharer::Sharer;

#[cfg(test)]
extern crate self as ami_share;

#[cfg(test)]
#[path = "../../tests/concurrent/main.rs"]
mod concurrent;

#[cfg(test)]
#[path = "../../tests/fuzz/key_policy.rs"]
mod fuzz;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeDoctests;
