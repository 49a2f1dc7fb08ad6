//! The command line: every input is a flag, from the one table of inputs.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, Error, value_parser};
use clap_complete::Shell;

use crate::inputs::{self, Form, Group, INPUTS, Input};
use crate::output::text::harmless_line;

/// The commands, which are the values of the input `mode`.
const COMMANDS: [(&str, &str); 5] = [
    ("share", "Gives targets access to images and their keys"),
    ("revoke", "Removes that access"),
    (
        "verify",
        "Checks whether targets can launch, and changes nothing",
    ),
    ("usage", "Shows who uses the images, by reports of AWS"),
    (
        "retire",
        "Deprecates, disables and deregisters images that nobody needs any more",
    ),
];

const EXAMPLES: &str = "\
Examples:
  ami-share share --ami-id ami-0123456789abcdef0 --target-accounts 222222222222 --dry-run
  ami-share revoke --ami-id ami-0123456789abcdef0 --target-accounts 222222222222 --yes

Each input is also the environment variable INPUT_<NAME>, in capitals, with `-` or `_`; a flag wins.
At a terminal, a run asks before it changes anything or starts instances, unless
--yes is given.
The variable RUNNER_DEBUG=1 adds a line to the log for each call to AWS.

Exit status: 0 done; 1 a step failed or a part was left out; 2 bad input; 3 the plan refuses; \
4 deadline; 130 cancelled, also by the answer to the question.";

/// What the arguments ask for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A run.
    Run(Flags),
    /// A text on standard output, such as the help.
    Print(String),
}

/// The flags of a run.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    /// The inputs that are given as flags.
    inputs: BTreeMap<&'static str, OsString>,
    /// Whether a run changes things without a question.
    pub(crate) yes: bool,
    /// Whether standard output gets the report, and standard error the log.
    pub(crate) json: bool,
}

/// Inputs that keep a run from doing something.
const GUARDS: [&str; 5] = [
    "allowed-account-ids",
    "dry-run",
    "exclude-accounts",
    "expect-plan",
    "require-image-tags",
];

impl Flags {
    /// The environment, in which each flag takes the place of its input's variable.
    pub(crate) fn put_into(
        self,
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Vec<(OsString, OsString)> {
        // A blank one is unset, and hides no variable.
        let mut inputs = self.inputs;
        inputs.retain(|_, value| !is_blank(value));
        let is_replaced = |variable: &OsString| {
            inputs::input_of(variable).is_some_and(|name| inputs.contains_key(name.as_str()))
        };
        let mut env: Vec<_> = env.into_iter().collect();
        env.retain(|(variable, _)| !is_replaced(variable));
        for (name, value) in inputs {
            let variable = format!("INPUT_{}", name.to_uppercase());
            env.push((variable.into(), value));
        }
        env
    }
}

/// Reads the arguments, the first of which is the program.
///
/// # Errors
/// The message of arguments that are wrong.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if is_answer(error.kind()) => return Ok(Asked::Print(text_of(&error))),
        Err(error) => return Err(explain(&error)),
    };
    let Some((name, of_command)) = matches.subcommand() else {
        return guarded(flags_of(&matches)).map(Asked::Run);
    };
    if let Some(shell) = of_command.try_get_one::<Shell>("shell").ok().flatten() {
        return Ok(Asked::Print(completions(*shell)));
    }
    let mut flags = flags_of(of_command);
    flags.inputs.insert("mode", name.into());
    guarded(flags).map(Asked::Run)
}

/// The flags, unless one that keeps a run from doing something is blank, such as a variable of a
/// shell that is not set: the run would do it.
fn guarded(flags: Flags) -> Result<Flags, String> {
    let mut problems = Vec::new();
    for name in GUARDS {
        if flags.inputs.get(name).is_some_and(is_blank) {
            problems.push(format!(
                "error: `--{name}` has no value: give it one, or leave the flag out"
            ));
        }
    }
    if problems.is_empty() {
        Ok(flags)
    } else {
        Err(problems.join("\n"))
    }
}

fn is_blank(value: &OsString) -> bool {
    value.to_str().is_some_and(|value| value.trim().is_empty())
}

fn command() -> Command {
    let shell = Arg::new("shell")
        .required(true)
        .value_parser(value_parser!(Shell));
    let completions = Command::new("completions")
        .about("Prints the completions for a shell")
        .arg(shell);
    let mut command = Command::new("ami-share")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Shares encrypted AMIs with other AWS accounts")
        .after_help(EXAMPLES)
        .max_term_width(100)
        .next_line_help(true)
        .args_conflicts_with_subcommands(true)
        .args(flags());
    for (name, about) in COMMANDS {
        // The command is that input itself.
        let flags = flags().filter(|flag| flag.get_id() != "mode");
        let one = Command::new(name)
            .about(about)
            .after_help(EXAMPLES)
            .next_line_help(true);
        command = command.subcommand(one.args(flags));
    }
    command.subcommand(completions)
}

/// Every input, and what only a command line has.
fn flags() -> impl Iterator<Item = Arg> {
    let yes = switch(
        "yes",
        "change things and start instances without a question, at a terminal too",
    );
    let json = switch(
        "json",
        "print the report on standard output, and the log on standard error",
    );
    INPUTS.iter().map(flag).chain([yes, json])
}

fn flag(input: &Input) -> Arg {
    let flag = Arg::new(input.name)
        .long(input.name)
        .help(described(input))
        .help_heading(input.group.title())
        .value_parser(value_parser!(OsString));
    match input.form {
        Form::Boolean => flag
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("true|false"),
        Form::List => flag.action(ArgAction::Append).value_name("LIST"),
        Form::Value => flag.value_name("VALUE"),
    }
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .help(help)
        .help_heading(Group::Run.title())
        .action(ArgAction::SetTrue)
}

/// The help of an input with its default and an example.
fn described(input: &Input) -> String {
    let mut text = input.help.to_owned();
    if !input.default.is_empty() {
        text += &format!(" [default: {}]", input.default);
    }
    if !input.example.is_empty() {
        text += &format!(" [example: {}]", input.example);
    }
    text
}

fn flags_of(matches: &ArgMatches) -> Flags {
    let mut flags = Flags {
        yes: matches.get_flag("yes"),
        json: matches.get_flag("json"),
        ..Flags::default()
    };
    for input in INPUTS {
        // A command has no flag for its mode.
        let Ok(Some(values)) = matches.try_get_many::<OsString>(input.name) else {
            continue;
        };
        // A list may be given flag by flag; of tags each is a line.
        let values: Vec<OsString> = values.cloned().collect();
        flags.inputs.insert(input.name, values.join("\n".as_ref()));
    }
    flags
}

fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "ami-share", &mut script);
    String::from_utf8_lossy(&script).trim_end().to_owned()
}

fn is_answer(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
}

fn text_of(error: &Error) -> String {
    error.render().to_string().trim_end().to_owned()
}

/// What is wrong with the arguments; a CI system may read it.
fn explain(error: &Error) -> String {
    if let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg)
        && let Some(message) = inputs::describe_renamed(flag.trim_start_matches('-'))
    {
        return format!("error: `{}` {message}", harmless_line(flag));
    }
    let mut lines: Vec<String> = text_of(error).lines().map(harmless_line).collect();
    if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg)
        && matches!(word.as_str(), "true" | "false")
    {
        lines.push(format!(
            "A flag takes its value after `=`, such as `--dry-run={word}`."
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_after_a_space_is_told_where_it_belongs() {
        for word in ["true", "false"] {
            let arguments = ["ami-share", "share", "--share-source", word];
            let message = parse(arguments.map(OsString::from)).unwrap_err();
            let hint = format!("`--dry-run={word}`");
            assert!(message.contains(&hint), "{message}");
        }
    }

    #[test]
    fn blank_flag_hides_no_variable() {
        let parsed = |flag: &str| parse(["ami-share", "share", flag].map(OsString::from));
        let variable = ("INPUT_TIMEOUT".into(), "1h".into());
        for (flag, expected) in [("--timeout=", "1h"), ("--timeout=2h", "2h")] {
            let Ok(Asked::Run(flags)) = parsed(flag) else {
                unreachable!("{flag} is an input");
            };
            let env = flags.put_into([variable.clone()]);
            let timeouts: Vec<_> = env
                .iter()
                .filter(|(name, _)| name == "INPUT_TIMEOUT")
                .map(|(_, value)| value.to_str().unwrap())
                .collect();
            assert_eq!(timeouts, [expected], "{flag}");
        }
    }
}
