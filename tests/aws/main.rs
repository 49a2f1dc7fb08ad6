//! The promises on real AWS, and probes of what is not known of it: see README.md beside this file.
//! Nothing here runs unless it is asked for by name.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a lab that cannot be set up has failed; its answers are read"
)]

mod lab;
mod probes;
mod scenarios;

use lab::Lab;

#[tokio::test]
#[ignore = "needs two AWS accounts: see tests/aws/README.md"]
async fn on_real_aws() {
    let lab = Lab::set_up().await;
    let probed =
        futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(probes::all(&lab))).await;
    let kept =
        futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(scenarios::all(&lab))).await;
    // Whatever came of it, nothing of it stays.
    lab.tear_down().await;
    probed.unwrap();
    kept.unwrap();
}
