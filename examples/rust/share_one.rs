//! Shares one image with one account.
//!
//! ```sh
//! cargo run --package ami-share-examples --example share-one -- \
//!     us-east-1 ami-0123456789abcdef0 222222222222
//! ```
//!
//! You can run it again at any time: it changes nothing if the image is already shared.

#![expect(
    clippy::print_stdout,
    reason = "the result is the output of the program"
)]

use ami_share::aws_config::SdkConfig;
use ami_share::{Report, ShareRequest, Sharer, load_config};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [region, ami, account] = arguments.as_slice() else {
        anyhow::bail!("usage: share-one REGION AMI ACCOUNT");
    };
    let report = share(&load_config().await?, region, ami, account).await?;
    println!(
        "{account} can launch {ami}{}",
        if report.changed { "" } else { ", as before" }
    );
    Ok(())
}

pub(crate) async fn share(
    config: &SdkConfig,
    region: &str,
    ami: &str,
    account: &str,
) -> anyhow::Result<Report> {
    let request = ShareRequest::builder()
        .region(region.parse()?)
        .image(ami.parse()?)
        .target_account(account.parse()?)
        .build()?;
    let sharer = Sharer::new(config);
    let plan = sharer.plan(&request).await?;
    // Each finding says what prevents the share or what to know about it, and what to do.
    for finding in &plan.findings {
        println!("{finding}");
    }
    Ok(sharer.apply(&plan).await?)
}
