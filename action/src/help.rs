//! `--help` and `--version`.

use std::ffi::OsString;
use std::fmt::Write as _;

use anyhow::bail;

use crate::inputs::{INPUTS, Input};

/// What `--help` and `--version` print; `None` if the arguments ask for a run.
///
/// # Errors
/// An argument is unknown: inputs come from the environment.
pub(crate) fn answer(
    arguments: impl IntoIterator<Item = OsString>,
) -> anyhow::Result<Option<String>> {
    let Some(argument) = arguments.into_iter().nth(1) else {
        return Ok(None);
    };
    match &*argument.to_string_lossy() {
        "--version" | "-V" => Ok(Some(format!("ami-share {}", env!("CARGO_PKG_VERSION")))),
        "--help" | "-h" => Ok(Some(help())),
        other => {
            bail!("`{other}` is not an argument: inputs come from the environment, see --help")
        }
    }
}

fn help() -> String {
    let mut text = "Shares encrypted AMIs with other AWS accounts.\n\nEach input is the \
                    environment variable INPUT_<NAME>, in capitals, with `-` or `_`:\n"
        .to_owned();
    for Input {
        name,
        default,
        help,
    } in INPUTS
    {
        let default = if default.is_empty() {
            String::new()
        } else {
            format!(" [default: {default}]")
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {name}{default}\n      {help}\n");
    }
    text + "\nExit status: 0 done; 1 a step failed or a part was left out; 2 bad input; \
            3 the plan refuses; 4 deadline; 130 cancelled."
}
