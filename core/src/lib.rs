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

mod accounts;
mod apply;
mod aws;
mod copy;
mod error;
mod event;
mod finding;
mod id;
mod inventory;
mod key_access;
pub mod key_policy;
mod launch_policy;
mod lent;
mod name;
mod observe;
mod plan;
mod report;
mod request;
mod roles;
mod run;
mod sharer;
mod tags;
mod targets;
mod verify;
mod wait;
mod watch;

pub use aws_config;

pub use accounts::load_config;
pub use error::{AwsAnswer, Code, Error, Errors};
pub use event::{Event, EventSink, Waiting};
pub use finding::{Finding, FindingCode, Severity};
pub use id::{
    AccountId, AmiId, AmiRef, InvalidId, KeyArn, KeyRef, OrganizationArn, OuArn, Partition,
    Principal, Region, RoleArn, SnapshotId, SourceImage,
};
pub use plan::{
    CopyImage, Deprecate, EndLoan, GiveBack, Grants, InUse, KeyAccess, LaunchPermission,
    LaunchRole, Leftovers, Plan, PolicyChange, Protect, Publish, RemoveCopy, RemoveKeyAccess,
    RemovePermissions, RemoveRolePolicy, RolePolicy, ServiceRole, Shared, SnapshotPermission, Step,
    Subject, TagShared, TargetCopy, Whom,
};
pub use report::{Incomplete, OwnCopy, Report, SharedImage, SharedKey, TargetReport};
pub use request::{
    DeprecateAt, InTargets, KeyAccessMode, KeyScope, LaunchWith, ManagedPolicy, Problem, Problems,
    Revoke, ShareRequest, ShareRequestBuilder, ShareSnapshots, TargetRole, Timing, Unlisted,
    Verify,
};
pub use sharer::Sharer;
pub use verify::{Check, CheckName, Sum, Verdict, Verification};

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeDoctests;
