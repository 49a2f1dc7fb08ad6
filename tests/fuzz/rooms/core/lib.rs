//! The rooms of the library that need no AWS SDK, and what reads answers before the SDK does. Its
//! modules are links to those of the library.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::all,
    reason = "what calls them is in the other rooms"
)]

mod aws {
    mod answer_error;
    pub mod answers {
        mod check;
        mod elements;
        #[path = "../../../../tests/fuzz/answers.rs"]
        pub mod fuzz;
        mod lists;
    }
}
pub mod aws_config;
pub mod diagnostic;
mod digest;
#[path = "../../key_policy.rs"]
mod fuzz;
mod github_role;
pub mod id;
mod inventory;
mod limits;
pub mod plan;
mod policy;
pub mod report;
pub mod request;
mod tags;

pub use aws::answers::fuzz::check_answer;
pub use diagnostic::{Error, Errors, Finding};
pub use fuzz::check_key_policy;
pub use github_role::GitHubRole;
pub use id::{AccountId, AmiId, KeyRef, Principal, Region};
pub use plan::Plan;
pub use report::{Event, EventSink, Incomplete, Report};
pub use request::{Problems, RequestGroup, ShareRequest};
