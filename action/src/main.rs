//! The step as a process: arguments and environment in, exit status out. Everything else is in the
//! library.

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
fn main() -> ami_share_action::Exit {
    ami_share_action::restart_without_blank_variables(std::env::args_os(), std::env::vars_os());
    run()
}

#[tokio::main(flavor = "current_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
async fn run() -> ami_share_action::Exit {
    ami_share_action::process(std::env::args_os(), std::env::vars_os()).await
}
