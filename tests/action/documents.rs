//! What is written of the inputs and outputs agrees with the code.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use ami_share_action::{INPUTS, OUTPUTS};

fn top(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(top(name)).unwrap()
}

/// `action.yml` as the code has it. `UPDATE_ACTION_YML=1 cargo test` writes it.
fn action_yml() -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = "# The inputs and outputs are made from the code: UPDATE_ACTION_YML=1 cargo \
                    test -p ami-share-action documents\nname: ami-share\ndescription: Share \
                    encrypted AMIs with other AWS accounts\nbranding:\n  icon: share-2\n  color: \
                    orange\ninputs:\n"
        .to_owned();
    for input in INPUTS {
        // Of several inputs any one does, so none is required; the code says what is missing. A
        // default here would reach the code as if the user had given it; AWS_REGION is no value.
        writeln!(
            text,
            "  {}:\n    description: {}\n    required: false",
            input.name,
            quoted(&described(input))
        )
        .unwrap();
    }
    text.push_str("outputs:\n");
    for (name, help) in OUTPUTS {
        writeln!(
            text,
            "  {name}:\n    description: {}\n    value: ${{{{ steps.share.outputs.{name} }}}}",
            quoted(help)
        )
        .unwrap();
    }
    text.push_str("runs:\n  using: composite\n  steps:\n    - id: share\n      shell: bash\n      # Until there is a release, the step is built from source.\n      run: cargo run --quiet --release --locked --manifest-path \"$GITHUB_ACTION_PATH/Cargo.toml\" --package ami-share-action\n      env:\n");
    for input in INPUTS {
        let name = input.name.to_uppercase().replace('-', "_");
        writeln!(
            text,
            "        INPUT_{name}: ${{{{ inputs.{} }}}}",
            input.name
        )
        .unwrap();
    }
    text
}

fn described(input: &ami_share_action::Input) -> String {
    if input.default.is_empty() {
        input.help.to_owned()
    } else {
        format!("{} (default: {})", input.help, input.default)
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "asked for by whoever changed an input"
)]
fn action_yml_has_exactly_the_inputs_and_outputs_of_the_code() {
    if std::env::var_os("UPDATE_ACTION_YML").is_some() {
        std::fs::write(top("action.yml"), action_yml()).unwrap();
    }
    assert_eq!(read("action.yml"), action_yml());
}

/// Written anew with `UPDATE_REPORT_SCHEMA=1 cargo test -p ami-share-action documents`. That real
/// reports are of it is tried in `tests/conformance`.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "asked for by whoever changed the report"
)]
fn the_published_schema_of_reports_is_that_of_the_code() {
    let schema = serde_json::to_string_pretty(&ami_share_action::report_schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_REPORT_SCHEMA").is_some() {
        std::fs::write(top("docs/report.schema.json"), &schema).unwrap();
    }
    let written = std::fs::read_to_string(top("docs/report.schema.json")).unwrap_or_default();
    assert_eq!(written, schema, "UPDATE_REPORT_SCHEMA=1 writes it anew");
}

#[test]
fn the_readme_has_a_row_for_each_input_and_output() {
    let readme = read("README.md");
    let rows = |heading: &str| {
        let section = readme
            .split(heading)
            .nth(1)
            .unwrap()
            .split("\n## ")
            .next()
            .unwrap()
            .to_owned();
        let name = |line: &str| {
            line.strip_prefix("| `")?
                .split('`')
                .next()
                .map(str::to_owned)
        };
        section.lines().filter_map(name).collect::<Vec<_>>()
    };
    assert_eq!(
        rows("\n## Inputs\n"),
        INPUTS.iter().map(|input| input.name).collect::<Vec<_>>()
    );
    assert_eq!(
        rows("\n## Outputs\n"),
        OUTPUTS.iter().map(|(name, _)| *name).collect::<Vec<_>>()
    );
}

#[test]
fn the_examples_of_the_readme_use_inputs_that_exist() {
    let readme = read("README.md");
    let blocks = readme
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let given = blocks
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("    ")?.split_once(": "));
    let of_others = ["role-to-assume"];
    let names: Vec<&str> = given
        .map(|(name, _)| name)
        .filter(|name| !of_others.contains(name))
        .collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(INPUTS.iter().any(|input| input.name == name), "{name}");
    }
}

fn asked(argument: &str) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ami-share"))
        .arg(argument)
        .env_clear()
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn help_lists_every_input_with_its_default() {
    let (status, help) = asked("--help");
    assert_eq!(status, 0);
    for input in INPUTS {
        let default = if input.default.is_empty() {
            String::new()
        } else {
            format!(" [default: {}]", input.default)
        };
        assert!(
            help.contains(&format!(
                "\n  {}{default}\n      {}\n",
                input.name, input.help
            )),
            "{}",
            input.name
        );
    }
    assert_eq!(
        asked("--version"),
        (
            0,
            concat!("ami-share ", env!("CARGO_PKG_VERSION"), "\n").to_owned()
        )
    );
    assert_eq!(asked("--ami-id").0, 2);
}
