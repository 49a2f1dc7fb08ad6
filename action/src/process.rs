//! The step as a process: its arguments, standard output, and the signals that end it.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use futures::FutureExt as _;

use crate::{Exit, Sinks, help};

/// How long the end of a run waits for its log to be read.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the step as a process does: `--help` and `--version` are answered, everything else is in
/// the environment.
pub async fn process(
    arguments: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Exit {
    match help::answer(arguments) {
        Ok(None) => {
            let (out, written) = stdout_by_thread();
            let exit = crate::run(env, Sinks::of_process(out)).await;
            // The log is dropped, so that the thread ends when it has written everything.
            let _ = written.recv_timeout(GRACE);
            exit
        }
        Ok(Some(text)) => {
            // A closed pipe means that nobody wants to read it.
            let _ = writeln!(io::stdout(), "{text}");
            Exit::Done
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            Exit::BadInput
        }
    }
}

/// Standard output, written by a thread: a pipe that nobody reads stops the thread, and not the
/// run, which still heeds its deadline and signals. The receiver is disconnected when all is
/// written.
fn stdout_by_thread() -> (Box<dyn Write + Send>, Receiver<()>) {
    let (texts, received) = mpsc::channel::<Vec<u8>>();
    let (alive, written) = mpsc::channel();
    std::thread::spawn(move || {
        let _alive: Sender<()> = alive;
        for text in received {
            // A closed pipe means that nobody wants to read it.
            let mut out = io::stdout().lock();
            if out.write_all(&text).and_then(|()| out.flush()).is_err() {
                break;
            }
        }
    });
    (Box::new(ByThread(texts)), written)
}

/// Hands every text on.
struct ByThread(Sender<Vec<u8>>);

impl Write for ByThread {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        // Without the thread nobody reads what is written.
        let _ = self.0.send(text.to_vec());
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sinks {
    /// Standard output, the signals that stop a run, the SDK's configuration from the environment.
    fn of_process(out: Box<dyn Write + Send>) -> Self {
        Self {
            terminal: io::stdout().is_terminal(),
            out,
            cancelled: stop_signal().boxed(),
            aws: None,
        }
    }
}

#[cfg(unix)]
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = signal(SignalKind::interrupt());
    let terminate = signal(SignalKind::terminate());
    let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = hangup() => {}
    }
}

/// The terminal is closed. A run that was started to outlive it, such as by `nohup`, goes on.
#[cfg(unix)]
async fn hangup() {
    use tokio::signal::unix::{SignalKind, signal};
    if ignores_hangup() {
        return std::future::pending().await;
    }
    match signal(SignalKind::hangup()) {
        Ok(mut hangup) => _ = hangup.recv().await,
        Err(_) => std::future::pending().await,
    }
}

/// Whether the process was started with SIGHUP ignored, as Linux tells.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    const SIGHUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let ignored = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & SIGHUP != 0)
}

#[cfg(not(unix))]
async fn stop_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
