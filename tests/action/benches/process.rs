//! Runs programs, and measures what they take.

use std::ffi::OsString;
use std::io::Read as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The binary that is measured: that of this build, or another one.
#[expect(
    clippy::disallowed_methods,
    reason = "the variable is set by the person who measures another binary"
)]
pub(super) fn binary() -> OsString {
    let other = std::env::var_os("AMI_SHARE_BINARY");
    other.unwrap_or_else(|| env!("CARGO_BIN_EXE_ami-share").into())
}

/// The binary as a step on GitHub runs it, with nothing else in its environment.
pub(super) fn command(endpoint: &str, key: (&str, &str), inputs: &[(&str, String)]) -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", key.0)
        .env("AWS_SECRET_ACCESS_KEY", key.1)
        .env("AWS_REGION", "us-east-1")
        .env("GITHUB_ACTIONS", "true")
        .envs(inputs.iter().map(|(name, value)| (*name, value)))
        .stdout(Stdio::null());
    command
}

pub(super) fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|one, other| one.partial_cmp(other).unwrap());
    values[values.len() / 2]
}

/// From the start of a process to the first byte of its first call, which it makes to an endpoint.
pub(super) fn to_first_call(command: impl Fn(&str) -> Command) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let mut command = command(&endpoint);
    let began = Instant::now();
    let mut child = command.spawn().unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.read_exact(&mut [0]).unwrap();
    let took = began.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    took
}

/// Waits for the process, and reads again and again how much memory it has had at most, in MB of
/// 1,000 kB.
fn memory(child: &mut Child) -> f64 {
    let path = format!("/proc/{}/status", child.id());
    let mut most = 0.0_f64;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
        most = kib.map_or(most, |kib| most.max(kib * 1.024 / 1_000.0));
        std::thread::park_timeout(Duration::from_millis(2));
    }
    most
}

/// What a run of the binary took.
pub(super) struct Cost {
    pub(super) wall: Duration,
    pub(super) memory: f64,
}

/// Runs the binary to its end, which must be a good one.
pub(super) async fn measure(mut command: Command) -> Cost {
    let measuring = tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let memory = memory(&mut child);
        let cost = Cost {
            wall: began.elapsed(),
            memory,
        };
        (cost, child.wait().unwrap())
    });
    let (cost, status) = measuring.await.unwrap();
    assert!(status.success(), "{status}");
    cost
}
