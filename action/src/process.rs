//! The step as a process: its arguments, standard output, and the signals that end it.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};

use futures::FutureExt as _;

use crate::{Exit, Sinks, help};

/// Runs the step as a process does: `--help` and `--version` are answered, everything else is in
/// the environment.
pub async fn process(
    arguments: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Exit {
    match help::answer(arguments) {
        Ok(None) => crate::run(env, Sinks::of_process()).await,
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

impl Sinks {
    /// Standard output, SIGINT and SIGTERM, the SDK's configuration from the environment.
    pub fn of_process() -> Self {
        Self {
            terminal: io::stdout().is_terminal(),
            out: Box::new(io::stdout()),
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
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
