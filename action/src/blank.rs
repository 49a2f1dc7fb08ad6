//! A variable that is set to nothing counts as not set, for the SDK of AWS too, which takes an
//! empty `AWS_PROFILE` for the name of a profile. Workflows set such variables from blank inputs.

use std::ffi::{OsStr, OsString};

/// Whether a variable is one of AWS's that says nothing.
fn is_blank(name: &OsStr, value: &OsStr) -> bool {
    let is_aws = name.to_str().is_some_and(|name| name.starts_with("AWS_"));
    is_aws && value.to_str().is_some_and(|value| value.trim().is_empty())
}

/// Starts the program anew in this process without the blank variables of AWS, if there are any. A
/// running process cannot safely remove a variable. Returns if there is nothing to remove, or if
/// the program cannot be started again.
#[cfg(unix)]
pub fn restart_without_blank_variables(
    arguments: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) {
    use std::os::unix::process::CommandExt as _;

    let mut blank = Vec::new();
    for (name, value) in env {
        if is_blank(&name, &value) {
            blank.push(name);
        }
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    if blank.is_empty() {
        return;
    }
    let mut command = std::process::Command::new(program);
    command.args(arguments.into_iter().skip(1));
    for name in blank {
        command.env_remove(name);
    }
    // It returns only if it failed, and then the run goes on as it is.
    let _ = command.exec();
}

/// The program stays as it is.
#[cfg(not(unix))]
pub fn restart_without_blank_variables(
    _: impl IntoIterator<Item = OsString>,
    _: impl IntoIterator<Item = (OsString, OsString)>,
) {
}
