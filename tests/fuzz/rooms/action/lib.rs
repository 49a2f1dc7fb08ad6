//! The rooms of the CI step that need no AWS SDK. Its modules are links to those of the step.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::all,
    reason = "what calls them is in the other rooms"
)]

mod exit;
mod files;
#[path = "../../action.rs"]
pub mod fuzz;
mod inputs;
mod output;
mod settings;

pub use exit::Exit;
pub use inputs::{INPUTS, Input};
pub use output::{OUTPUTS, report_schema};
