//! A simulated AWS on a loopback port, and the binary run against it.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ami_share_sim::loopback::Server;
use ami_share_sim::{Options, Sim};
use tempfile::TempDir;

pub(crate) const A: &str = "111111111111";
pub(crate) const B: &str = "222222222222";

pub(crate) struct Stage {
    pub(crate) sim: Sim,
    pub(crate) folder: TempDir,
    endpoint: String,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// How a run of the binary ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) log: String,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) summary: String,
}

impl Stage {
    pub(crate) async fn set(copy_seconds: u64) -> Self {
        let options = Options {
            copy_time: Duration::from_secs(copy_seconds),
            ..Options::default()
        };
        Self::of(Sim::two_accounts(options)).await
    }

    pub(crate) async fn of(sim: Sim) -> Self {
        let server = Server::bind(sim.clone(), ([127, 0, 0, 1], 0).into())
            .await
            .unwrap();
        let endpoint = format!("http://{}", server.address().unwrap());
        let server = tokio::spawn(server.run());
        Self {
            sim,
            folder: TempDir::new().unwrap(),
            endpoint,
            server,
        }
    }

    /// Where the simulated AWS listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.endpoint.trim_start_matches("http://").parse().unwrap()
    }

    pub(crate) fn image(&self, name: &str) -> String {
        self.sim.facts().images[name].clone()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The binary, with nothing of this process's environment but what it needs to reach the
    /// simulation.
    pub(crate) fn command(&self, env: &[(&str, &str)]) -> Command {
        let keys = &self.sim.facts().accounts[A];
        let mut command = Command::new(env!("CARGO_BIN_EXE_ami-share"));
        command
            .env_clear()
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ACCESS_KEY_ID", &keys.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_REGION", "us-east-1")
            .env("INPUT_SETTLE", "50ms")
            .env("INPUT_POLL-INTERVAL", "50ms")
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The binary in a shell that limits its address space; without memory it aborts.
    pub(crate) fn command_within(&self, kibibytes: &str, env: &[(&str, &str)]) -> Command {
        let binary = self.command(env);
        let mut command = Command::new("/bin/sh");
        let script = format!("ulimit -v {kibibytes} && exec \"$0\"");
        command
            .env_clear()
            .arg("-c")
            .arg(script)
            .arg(binary.get_program());
        for (name, value) in binary.get_envs() {
            if let Some(value) = value {
                // A shell drops variables with hyphens in their names.
                command.env(name.to_string_lossy().replace('-', "_"), value);
            }
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, env: &[(&str, &str)]) -> Run {
        self.ended(self.command(env).output().unwrap())
    }

    /// As a step of a workflow on GitHub.
    pub(crate) fn run_on_github(&self, env: &[(&str, &str)]) -> Run {
        let output = self.github(env).output().unwrap();
        self.ended(output)
    }

    pub(crate) fn spawn_on_github(&self, env: &[(&str, &str)]) -> Child {
        self.github(env).spawn().unwrap()
    }

    fn github(&self, env: &[(&str, &str)]) -> Command {
        for name in ["output", "summary"] {
            let _ = std::fs::remove_file(self.path(name));
        }
        let mut command = self.command(env);
        command
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_OUTPUT", self.path("output"))
            .env("GITHUB_STEP_SUMMARY", self.path("summary"));
        command
    }

    pub(crate) fn ended(&self, output: Output) -> Run {
        let read = |name: &str| std::fs::read_to_string(self.path(name)).unwrap_or_default();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(
            errors.lines().all(|line| line.starts_with("error: ")),
            "{errors}"
        );
        Run {
            status: output.status.code().unwrap(),
            log: String::from_utf8(output.stdout).unwrap() + &errors,
            outputs: outputs(&read("output")),
            summary: read("summary"),
        }
    }

    /// The changing actions so far.
    pub(crate) fn changes(&self) -> Vec<String> {
        let changing = [
            "ec2:CopyImage",
            "ec2:ModifyImageAttribute",
            "kms:PutKeyPolicy",
            "ec2:DeregisterImage",
        ];
        let actions = self.sim.journal().into_iter().map(|entry| entry.action);
        actions
            .filter(|action| changing.contains(&action.as_str()))
            .collect()
    }
}

/// Whether the author of a change asks for files to be written.
#[expect(
    clippy::disallowed_methods,
    reason = "asked for by the author of a change"
)]
pub(crate) fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some()
}

/// A log that a test reads.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reads what GitHub would read of the output file.
pub(crate) fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let (name, delimiter) = line.split_once("<<").unwrap();
        let value: Vec<&str> = lines
            .by_ref()
            .take_while(|line| *line != delimiter)
            .collect();
        assert!(outputs.insert(name.to_owned(), value.join("\n")).is_none());
    }
    outputs
}
