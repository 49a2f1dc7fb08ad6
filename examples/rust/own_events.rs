//! Shares an image and writes each event of the run as a line of JSON: for a log, a chat or a
//! database.
//!
//! ```sh
//! cargo run --package ami-share-examples --example own-events -- \
//!     us-east-1 ami-0123456789abcdef0 222222222222
//! ```

use std::io::Write;

use ami_share::aws_config::SdkConfig;
use ami_share::{Event, EventSink, Report, ShareRequest, Sharer, load_config};
use tokio::sync::mpsc::{self, UnboundedSender};

/// Sends every event to a channel. The run calls the sink and waits for it, so a sink must return
/// at once; the receiver of the channel may be slow.
struct SendEvents(UnboundedSender<Event>);

impl EventSink for SendEvents {
    fn event(&self, event: &Event) {
        // The run continues even if nobody receives the events any more.
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
        &load_config().await?,
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
    let sharer = Sharer::new(config).with_events(SendEvents(sender));

    // The channel closes when the run ends, because the sharer has its only sender.
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
