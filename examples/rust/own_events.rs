//! Shares an image and writes what happens meanwhile, each event as a line of JSON: for a log, a
//! chat or a database.
//!
//! ```sh
//! cargo run --package ami-share-examples --example own-events -- us-east-1 ami-0123456789abcdef0 222222222222
//! ```

use std::io::Write;

use ami_share::aws_config::SdkConfig;
use ami_share::{Event, EventSink, Report, ShareRequest, Sharer, load_config};
use tokio::sync::mpsc::{self, UnboundedSender};

/// Hands every event on. A sink is called in the midst of the run, so it must not wait for
/// anything: whoever takes the events may be slow, at the other end of the channel.
struct HandOn(UnboundedSender<Event>);

impl EventSink for HandOn {
    fn event(&self, event: &Event) {
        // If nobody takes them any more, the run goes on all the same.
        let _ = self.0.send(event.clone());
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [region, ami, account] = arguments.as_slice() else {
        anyhow::bail!("usage: own-events REGION AMI ACCOUNT");
    };
    share(
        &load_config().await,
        region,
        ami,
        account,
        std::io::stdout(),
    )
    .await?;
    Ok(())
}

pub(crate) async fn share(
    config: &SdkConfig,
    region: &str,
    ami: &str,
    account: &str,
    mut log: impl Write,
) -> anyhow::Result<Report> {
    let request = ShareRequest::builder()
        .region(region.parse()?)
        .image(ami.parse()?)
        .target_account(account.parse()?)
        .build()?;
    let (sender, mut events) = mpsc::unbounded_channel();
    let sharer = Sharer::new(config).with_events(HandOn(sender));

    // The channel ends when the run does, for the sharer has its only sender.
    let run = async move {
        let plan = sharer.plan(&request).await?;
        anyhow::Ok(sharer.apply(&plan).await?)
    };
    let write = async {
        while let Some(event) = events.recv().await {
            writeln!(log, "{}", serde_json::to_string(&event)?)?;
        }
        anyhow::Ok(())
    };
    let (report, written) = tokio::join!(run, write);
    let report = report?;
    written?;
    Ok(report)
}
