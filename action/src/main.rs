//! The step as a process: environment in, exit status out. Everything else is in the library.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the one place that is a process"
)]
async fn main() -> ExitCode {
    match ami_share_action::answer(std::env::args_os()) {
        Ok(None) => {}
        Ok(Some(text)) => {
            println!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    }
    ExitCode::from(ami_share_action::run(std::env::vars_os(), ami_share_action::Sinks::of_process()).await as u8)
}
