//! The step as a process: its arguments, standard output, and the signals that end it.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::oneshot;

use crate::command_line::{self, Asked, Flags};
use crate::{Exit, Sinks, inputs};

/// How long the end of a run waits for its log to be read.
const GRACE: Duration = Duration::from_secs(5);
/// How long a line waits for the terminal to take it.
const TERMINAL_GRACE: Duration = Duration::from_secs(1);

/// Runs the step as a process does: with the inputs of its arguments and environment, or only to
/// print what the arguments ask for.
pub async fn process(
    arguments: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Exit {
    match command_line::parse(arguments) {
        Ok(Asked::Run(flags)) => {
            let (streams, written) = Streams::begin();
            let env: Vec<_> = env.into_iter().collect();
            let sinks = Sinks::of_process(streams, &flags, inputs::is_ci(&env));
            let exit = crate::run(flags.put_into(env), sinks).await;
            // The log is dropped, so that the thread ends when it has written everything.
            let _ = written.recv_timeout(GRACE);
            exit
        }
        Ok(Asked::Print(text)) => {
            // A closed pipe means that nobody wants to read it.
            let _ = writeln!(io::stdout(), "{text}");
            Exit::Done
        }
        Err(message) => {
            let _ = writeln!(io::stderr(), "{message}");
            Exit::BadInput
        }
    }
}

/// One of the two streams that a process writes.
#[derive(Clone, Copy)]
enum Stream {
    Out,
    Error,
}

/// What the thread that writes is given.
enum Message {
    Text(Stream, Vec<u8>),
    /// Everything before this is written when the sender is dropped.
    Flush(Sender<()>),
}

/// Both streams, written by one thread in the order of their texts: a pipe that nobody reads stops
/// the thread, and not the run, which still heeds its deadline and signals.
struct Streams(Sender<Message>);

impl Streams {
    /// The streams, and what is disconnected when all is written.
    fn begin() -> (Self, Receiver<()>) {
        let (messages, received) = mpsc::channel();
        let (alive, written) = mpsc::channel();
        std::thread::spawn(move || {
            let _alive: Sender<()> = alive;
            for message in received {
                // A closed pipe means that nobody wants to read it.
                let _ = match message {
                    Message::Text(Stream::Out, text) => write_whole(io::stdout().lock(), &text),
                    Message::Text(Stream::Error, text) => write_whole(io::stderr().lock(), &text),
                    Message::Flush(done) => {
                        drop(done);
                        Ok(())
                    }
                };
            }
        });
        (Self(messages), written)
    }

    /// Writes to a stream; each flush waits for that if the stream is a terminal.
    fn writer(&self, stream: Stream) -> Box<dyn Write + Send> {
        Box::new(ByThread {
            stream,
            is_terminal: match stream {
                Stream::Out => io::stdout().is_terminal(),
                Stream::Error => io::stderr().is_terminal(),
            },
            messages: self.0.clone(),
        })
    }
}

fn write_whole(mut stream: impl Write, text: &[u8]) -> io::Result<()> {
    stream.write_all(text)?;
    stream.flush()
}

/// Hands every text on to the thread that writes.
struct ByThread {
    stream: Stream,
    is_terminal: bool,
    messages: Sender<Message>,
}

impl Write for ByThread {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        // Without the thread nobody reads what is written.
        let _ = self
            .messages
            .send(Message::Text(self.stream, text.to_vec()));
        Ok(text.len())
    }

    /// Progress bars are drawn around what is written, so that it must be written by then.
    fn flush(&mut self) -> io::Result<()> {
        if self.is_terminal {
            let (done, is_done) = mpsc::channel();
            let _ = self.messages.send(Message::Flush(done));
            let _ = is_done.recv_timeout(TERMINAL_GRACE);
        }
        Ok(())
    }
}

impl Sinks {
    /// The streams of the process, the signals that stop a run, the SDK's configuration from the
    /// environment. A person at a terminal is asked, unless the flags say yes.
    fn of_process(streams: Streams, flags: &Flags, ci: bool) -> Self {
        let log = if flags.json {
            Stream::Error
        } else {
            Stream::Out
        };
        let terminal = match log {
            Stream::Out => io::stdout().is_terminal(),
            Stream::Error => io::stderr().is_terminal(),
        };
        let is_watched = io::stdin().is_terminal() && io::stdout().is_terminal();
        let asks = is_watched && !ci && !flags.yes;
        Self {
            out: streams.writer(log),
            errors: Some(streams.writer(Stream::Error)),
            report: flags.json.then(|| streams.writer(Stream::Out)),
            terminal,
            confirm: asks.then(|| read_consent().boxed()),
            cancelled: stop_signal().boxed(),
            aws: None,
        }
    }
}

/// Whether the next line of standard input is `yes`. A thread reads it, so that signals still end
/// the run.
async fn read_consent() -> bool {
    let (answer, answered) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line);
        // The run may have ended meanwhile.
        let _ = answer.send(read.is_ok() && line.trim() == "yes");
    });
    answered.await.unwrap_or(false)
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
