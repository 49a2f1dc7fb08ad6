//! Shares one image with one account.
//!
//! ```sh
//! cargo run --package ami-share-examples --example share-one -- us-east-1 ami-0123456789abcdef0 222222222222
//! ```
//!
//! It may be run again at any time: what is shared already is left as it is.

#![expect(clippy::print_stdout, reason = "what it says is for whoever runs it")]

use ami_share::aws_config::SdkConfig;
use ami_share::{Report, ShareRequest, Sharer, load_config};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [region, ami, account] = arguments.as_slice() else {
        anyhow::bail!("usage: share-one REGION AMI ACCOUNT");
    };
    let report = share(&load_config().await, region, ami, account).await?;
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
    // What is in the way or good to know, and what to do about it.
    for finding in &plan.findings {
        println!("{finding}");
    }
    Ok(sharer.apply(&plan).await?)
}
