//! The step as a process: arguments and environment in, exit status out. Everything else is in the
//! library.

#[tokio::main(flavor = "current_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
async fn main() -> ami_share_action::Exit {
    ami_share_action::process(std::env::args_os(), std::env::vars_os()).await
}
