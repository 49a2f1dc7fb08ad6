//! The promises on real AWS, and probes of what is unknown about it: see README.md in this folder.
//! Nothing here runs unless it is named.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a lab that cannot be set up has failed; its answers are read"
)]

mod lab;
mod probes;
mod scenarios;

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use lab::Lab;

#[tokio::test]
#[ignore = "needs two AWS accounts: see tests/aws/README.md"]
async fn promises_hold_on_real_aws() {
    let lab = Lab::set_up().await;
    let probed = AssertUnwindSafe(probes::run(&lab)).catch_unwind().await;
    let checked = AssertUnwindSafe(scenarios::run(&lab)).catch_unwind().await;
    // Remove the lab in any case.
    lab.tear_down().await;
    probed.unwrap();
    checked.unwrap();
}
