//! The built binary against the simulated AWS over loopback, and the files that must agree with it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod bad_input;
mod command_line;
mod config_file;
mod documents;
mod ends;
mod environment;
mod github_role;
mod hostile;
mod launch_templates;
mod log_lines;
mod many_targets;
mod mistakes;
mod packer;
mod places;
mod retire;
mod secrets;
mod shares;
mod summaries;
mod support;
mod test_launches;
mod truths;
mod usage;
mod words;
