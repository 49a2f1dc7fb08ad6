//! The simulated AWS as a process.

use std::process::ExitCode;

use ami_share_sim::cli::Cli;
use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().run(std::io::stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            #[expect(
                clippy::print_stderr,
                reason = "the one message of a process that cannot start"
            )]
            {
                eprintln!("ami-share-sim: {problem}");
            }
            ExitCode::FAILURE
        }
    }
}
