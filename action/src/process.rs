//! The sinks of a process: standard output, and the signals that end it.

use futures::FutureExt as _;

use crate::Sinks;

impl Sinks {
    /// Standard output, SIGINT and SIGTERM, the SDK's configuration from the environment.
    pub fn of_process() -> Self {
        Self {
            out: Box::new(std::io::stdout()),
            cancelled: stopped().boxed(),
            aws: None,
        }
    }
}

#[cfg(unix)]
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn stopped() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
