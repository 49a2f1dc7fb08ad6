//! The simulated AWS of the rehearsal, and what its accounts do.

use std::ffi::OsString;
use std::io::{self, Write};

use ami_share::aws_config::SdkConfig;
use ami_share_action::{Exit, Sinks};
use ami_share_sim::{Options, Sim};
use aws_sdk_ec2::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use aws_sdk_ec2::types::{LaunchPermission, LaunchPermissionModifications};

pub(crate) const A: &str = "111111111111";
pub(crate) const B: &str = "222222222222";

pub(crate) struct Stage(Sim);

impl Stage {
    pub(crate) fn new() -> Self {
        Self(Sim::two_accounts(Options::default()))
    }

    pub(crate) fn say(text: &str) {
        // An error means that the reader closed the pipe.
        let _ = writeln!(io::stdout(), "{text}");
    }

    pub(crate) fn find_image_id(&self, name: &str) -> String {
        self.0.facts().images.get(name).cloned().unwrap_or_default()
    }

    fn config(&self, account: &str) -> SdkConfig {
        self.0.sdk_config(account)
    }

    /// Launches as B; returns the state of the instance with AWS's reason, or the error.
    pub(crate) async fn launch(&self, image: &str) -> String {
        let ec2 = aws_sdk_ec2::Client::new(&self.config(B));
        let launched = match ec2
            .run_instances()
            .image_id(image)
            .min_count(1)
            .max_count(1)
            .send()
            .await
        {
            Ok(launched) => launched,
            Err(error) => {
                let meta = error.meta();
                return match (meta.code(), meta.message()) {
                    (Some(code), Some(message)) => format!("{code}: {message}"),
                    _ => DisplayErrorContext(error).to_string(),
                };
            }
        };
        let id = launched
            .instances()
            .first()
            .and_then(|instance| instance.instance_id())
            .unwrap_or_default();
        match ec2.describe_instances().instance_ids(id).send().await {
            Err(error) => DisplayErrorContext(error).to_string(),
            Ok(shown) => {
                let instance = shown
                    .reservations()
                    .first()
                    .and_then(|reservation| reservation.instances().first());
                let state = instance
                    .and_then(|instance| instance.state()?.name())
                    .map_or("unknown", |name| name.as_str());
                let reason = instance.and_then(|instance| instance.state_reason()?.message());
                reason.map_or_else(|| state.to_owned(), |reason| format!("{state}: {reason}"))
            }
        }
    }

    /// Adds the launch permission, and gives no access to the key.
    pub(crate) async fn add_launch_permission(&self, image: &str) -> anyhow::Result<()> {
        let ec2 = aws_sdk_ec2::Client::new(&self.config(A));
        let add = LaunchPermission::builder().user_id(B).build();
        let change = LaunchPermissionModifications::builder().add(add).build();
        ec2.modify_image_attribute()
            .image_id(image)
            .launch_permission(change)
            .send()
            .await?;
        Ok(())
    }

    /// Runs the code of the action, with inputs as a workflow gives them.
    pub(crate) async fn run(&self, image: &str) -> anyhow::Result<()> {
        let env = [
            ("INPUT_AMI-ID", image),
            ("INPUT_TARGET-ACCOUNTS", B),
            ("INPUT_AWS-REGION", "us-east-1"),
        ];
        let env = env.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let sinks = Sinks {
            aws: Some(self.config(A)),
            ..Sinks::new(Indented::default())
        };
        let exit = ami_share_action::run(env, sinks).await;
        anyhow::ensure!(
            exit == Exit::Done,
            "the rehearsal failed: the action ended with {exit:?}"
        );
        Ok(())
    }

    /// How many calls have changed anything.
    pub(crate) fn count_changes(&self) -> usize {
        let changing = [
            "ec2:CopyImage",
            "ec2:ModifyImageAttribute",
            "kms:PutKeyPolicy",
        ];
        self.0
            .journal()
            .iter()
            .filter(|entry| changing.contains(&entry.action.as_str()))
            .count()
    }
}

/// Indented standard output. It leaves out the lines that show the change of a key policy, which
/// would fill a page.
#[derive(Default)]
struct Indented {
    line: Vec<u8>,
    hidden_lines: usize,
}

impl Indented {
    fn write_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        if line.starts_with(b"    ") {
            self.hidden_lines += 1;
            return Ok(());
        }
        if self.hidden_lines > 0 {
            writeln!(
                io::stdout(),
                "         ({} lines that show the change of the key policy)",
                self.hidden_lines
            )?;
            self.hidden_lines = 0;
        }
        writeln!(io::stdout(), "     {}", String::from_utf8_lossy(&line))
    }
}

impl Write for Indented {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            if *byte == b'\n' {
                self.write_line()?;
            } else {
                self.line.push(*byte);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}
