//! Prints what it takes to share an image encrypted with a given key, and changes nothing. If the
//! image is not encrypted with that key, sharing it would make a copy.
//!
//! ```sh
//! cargo run --package ami-share-examples --example plan-only -- \
//!     us-east-1 ami-0123456789abcdef0 222222222222 alias/golden
//! ```

#![expect(clippy::print_stdout, reason = "the plan is the output of the program")]

use std::collections::BTreeSet;

use ami_share::aws_config::SdkConfig;
use ami_share::plan::Step;
use ami_share::{Plan, Principal, ShareRequest, Sharer, load_config};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [region, ami, account, key] = arguments.as_slice() else {
        anyhow::bail!("usage: plan-only REGION AMI ACCOUNT KEY");
    };
    let plan = plan(&load_config().await?, region, ami, account, key).await?;
    println!("{}", describe(&plan));
    anyhow::ensure!(plan.refusals().next().is_none(), "the plan is refused");
    Ok(())
}

pub(crate) async fn plan(
    config: &SdkConfig,
    region: &str,
    ami: &str,
    account: &str,
    key: &str,
) -> anyhow::Result<Plan> {
    let request = ShareRequest::builder()
        .region(region.parse()?)
        .image(ami.parse()?)
        .target_account(account.parse()?)
        .kms_key(key.parse()?)
        .build()?;
    Ok(Sharer::new(config).plan(&request).await?)
}

/// A line for each finding, and for each step that would change something.
pub(crate) fn describe(plan: &Plan) -> String {
    let mut lines: Vec<String> = plan
        .findings
        .iter()
        .map(|finding| finding.to_string())
        .collect();
    for step in plan.steps.iter().filter(|step| step.changes()) {
        lines.push(match step {
            Step::Copy(copy) => format!("copy {} under {}", copy.source, copy.key),
            Step::KeyAccess(access) => format!("let {} use {}", names(&access.missing), access.key),
            Step::LaunchPermission(launch) => {
                format!("let {} launch the image", names(&launch.missing))
            }
            // There are more kinds of steps; their fields say what each one does.
            other => format!("{other:?}"),
        });
    }
    if !plan.changes() {
        lines.push("nothing to do".to_owned());
    }
    lines.join("\n")
}

fn names(principals: &BTreeSet<Principal>) -> String {
    principals
        .iter()
        .map(|principal| principal.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
