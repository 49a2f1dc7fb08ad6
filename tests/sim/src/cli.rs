//! The command line of `ami-share-sim`.

mod layout;

use std::fmt::Display;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::json;

use crate::door::loopback::Server;
use crate::json_file;
use crate::options::{Delays, Options, duration};
use crate::scenario::{Scenario, Size};
use crate::sim::{Sim, fault_file};
use layout::lay_out;

/// How far reports on the usage of images are behind, as AWS's are (R7.12).
const USAGE_BEHIND: Duration = Duration::from_hours(24);

/// A simulated AWS for encrypted AMI sharing.
#[derive(Debug, Parser)]
#[command(name = "ami-share-sim", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves on an address until it is stopped; prints one line of JSON when it is ready.
    Serve(Serve),
    /// Writes a scenario of any size to standard output.
    Generate(Generate),
    /// Writes the JSON Schema of a kind of file to standard output.
    Schema {
        /// The kind of file.
        of: Kind,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// What `--scenario` takes.
    Scenario,
    /// What `--faults` takes.
    Faults,
}

#[derive(Debug, Args)]
struct Generate {
    /// Accounts, all in one organization; the first, 111111111111, owns the images.
    #[arg(long, default_value_t = 2)]
    accounts: usize,
    /// Regions; the images are in the first, us-east-1.
    #[arg(long, default_value_t = 1)]
    regions: usize,
    /// Images, each under a key of its own.
    #[arg(long, default_value_t = 1)]
    images: usize,
    /// Snapshots of each image.
    #[arg(long, default_value_t = 1)]
    snapshots: usize,
}

#[derive(Debug, Args)]
struct Serve {
    /// Where to listen; port 0 is any free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Allow an address that other machines can reach. Anybody there can then do everything here.
    #[arg(long)]
    listen_anywhere: bool,
    /// The world to begin with: `two-accounts`, or a file.
    #[arg(long, default_value = "two-accounts")]
    scenario: String,
    /// How long every call takes.
    #[arg(long, default_value = "0s", value_parser = humantime::parse_duration)]
    latency: Duration,
    /// How long copies and building images take, in seconds.
    #[arg(long, default_value_t = 3.0)]
    copy_seconds: f64,
    /// Write every call to this file, one line of JSON each.
    #[arg(long)]
    journal: Option<PathBuf>,
    /// The faults to make, a file.
    #[arg(long)]
    faults: Option<PathBuf>,
}

impl Cli {
    /// Does what the command line says; ends when the server is stopped.
    ///
    /// # Errors
    /// One message: a wrong file, an address that cannot be had.
    pub async fn run(self, mut out: impl Write) -> Result<(), String> {
        match self.command {
            Command::Serve(serve) => serve.run(out).await,
            Command::Generate(generate) => {
                let scenario = Scenario::generate(generate.size())?;
                write_json(&mut out, &json!(scenario))
            }
            Command::Schema { of } => write_json(&mut out, &schema(of)),
        }
    }
}

impl Generate {
    fn size(&self) -> Size {
        Size {
            accounts: self.accounts,
            regions: self.regions,
            images: self.images,
            snapshots: self.snapshots,
        }
    }
}

impl Serve {
    async fn run(self, mut out: impl Write) -> Result<(), String> {
        if !self.listen.ip().is_loopback() && !self.listen_anywhere {
            let address = self.listen;
            return Err(format!(
                "{address} is no loopback address; --listen-anywhere allows it"
            ));
        }
        let sim = self.simulation()?;
        let server = Server::bind(sim.clone(), self.listen).await;
        let server = server.map_err(|error| format!("{}: {error}", self.listen))?;
        let address = server.address().map_err(|error| error.to_string())?;
        let mut ready = json!(sim.facts());
        ready["endpoint"] = json!(format!("http://{address}"));
        writeln!(out, "{ready}")
            .and_then(|()| out.flush())
            .map_err(|error| error.to_string())?;
        tokio::select! {
            () = server.run() => {}
            () = stopped() => {}
        }
        Ok(())
    }

    /// The simulation with its files: scenario, faults and journal.
    fn simulation(&self) -> Result<Sim, String> {
        let scenario = self.read_scenario()?;
        let mut options = self.options()?;
        let conditions = match &self.faults {
            Some(path) => {
                fault_file::parse(&read(path)?).map_err(|problem| in_file(path, problem))?
            }
            None => fault_file::Conditions::default(),
        };
        conditions.apply(&mut options);
        let sim = Sim::new(scenario, options);
        for fault in conditions.faults {
            sim.fault(fault);
        }
        if let Some(path) = &self.journal {
            let file = fs::File::create(path).map_err(|error| in_file(path, error))?;
            sim.journal_to(file);
        }
        Ok(sim)
    }

    fn read_scenario(&self) -> Result<Scenario, String> {
        if self.scenario == "two-accounts" {
            return Ok(Scenario::two_accounts());
        }
        let path = Path::new(&self.scenario);
        Scenario::parse(&read(path)?).map_err(|problem| in_file(path, problem))
    }

    fn options(&self) -> Result<Options, String> {
        let copy_time =
            duration(self.copy_seconds).map_err(|problem| format!("--copy-seconds: {problem}"))?;
        duration(self.latency.as_secs_f64()).map_err(|problem| format!("--latency: {problem}"))?;
        let delays = Delays {
            usage: Some(USAGE_BEHIND),
            ..Delays::default()
        };
        Ok(Options {
            copy_time,
            latency: self.latency,
            delays,
            ..Options::default()
        })
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| in_file(path, error))
}

/// A message about a file.
fn in_file(path: &Path, problem: impl Display) -> String {
    format!("{}: {problem}", path.display())
}

fn schema(of: Kind) -> serde_json::Value {
    match of {
        Kind::Scenario => json_file::schema::<Scenario>(),
        Kind::Faults => json_file::schema::<fault_file::FaultFile>(),
    }
}

fn write_json(out: &mut impl Write, value: &serde_json::Value) -> Result<(), String> {
    writeln!(out, "{}", lay_out(value)).map_err(|error| error.to_string())
}

/// Waits until the process is asked to end.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
