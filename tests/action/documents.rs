//! What is written about inputs, outputs and the report agrees with the code.
//!
//! `UPDATE_ACTION_YML=1 cargo test -p ami-share-action documents` writes `action.yml` and the
//! README's tables, `UPDATE_REPORT_SCHEMA=1` the schema of reports.

use std::fmt::Write as _;
use std::path::PathBuf;

use ami_share_action::{INPUTS, Input, OUTPUTS};

use super::support::is_set;

fn top(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(top(name)).unwrap()
}

/// `action.yml` as the code has it.
fn action_yml() -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = "# The inputs and outputs are made from the code: UPDATE_ACTION_YML=1 cargo \
                    test -p ami-share-action documents\nname: ami-share\ndescription: Share \
                    encrypted AMIs with other AWS accounts\nauthor: the ami-share \
                    contributors\nbranding:\n  icon: share-2\n  color: \
                    orange\ninputs:\n"
        .to_owned();
    let mut group = None;
    for input in INPUTS {
        if group.replace(input.group) != Some(input.group) {
            writeln!(text, "  # {}", input.group.title()).unwrap();
        }
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
    text.push_str(
        "runs:\n  using: composite\n  steps:\n    - id: share\n      shell: bash\n      # Until \
         there is a release, the step is built from source.\n      run: \
         '\"$GITHUB_ACTION_PATH/release/from-source\"'\n      env:\n",
    );
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

fn described(input: &Input) -> String {
    let mut more = Vec::new();
    for (word, value) in [("default", input.default), ("example", input.example)] {
        if !value.is_empty() {
            more.push(format!("{word}: {value}"));
        }
    }
    if more.is_empty() {
        input.help.to_owned()
    } else {
        format!("{} ({})", input.help, more.join("; "))
    }
}

/// The README's table of inputs as the code has it.
fn input_table() -> String {
    let mut table = "| input | default | meaning |\n|---|---|---|\n".to_owned();
    let mut last_group = None;
    for Input {
        name,
        group,
        default,
        example,
        help,
        ..
    } in INPUTS
    {
        if last_group.replace(*group) != Some(*group) {
            writeln!(table, "| **{}** | | |", group.title()).unwrap();
        }
        // Words are no value that somebody could give.
        let default = if default.is_empty() || default.contains(' ') {
            (*default).to_owned()
        } else {
            format!("`{default}`")
        };
        let example = if example.is_empty() {
            String::new()
        } else {
            format!("; example: `{example}`")
        };
        writeln!(table, "| `{name}` | {default} | {help}{example} |").unwrap();
    }
    table
}

/// The README's table of outputs as the code has it.
fn output_table() -> String {
    let mut table = "| output | meaning |\n|---|---|\n".to_owned();
    for (name, help) in OUTPUTS {
        writeln!(table, "| `{name}` | {help} |").unwrap();
    }
    table
}

/// Where the table of a section is in the text.
fn table_of(text: &str, heading: &str) -> std::ops::Range<usize> {
    let section = text.find(heading).unwrap();
    let begin = section + text[section..].find("\n| ").unwrap() + 1;
    let end = begin + text[begin..].find("\n\n").unwrap() + 1;
    begin..end
}

#[test]
fn action_yml_has_exactly_the_inputs_and_outputs_of_the_code() {
    if is_set("UPDATE_ACTION_YML") {
        std::fs::write(top("action.yml"), action_yml()).unwrap();
    }
    assert_eq!(read("action.yml"), action_yml());
}

#[test]
fn readme_tables_have_exactly_the_inputs_and_outputs_of_the_code() {
    let tables = [
        ("\n## Inputs\n", input_table()),
        ("\n## Outputs\n", output_table()),
    ];
    let mut readme = read("README.md");
    if is_set("UPDATE_ACTION_YML") {
        for (heading, table) in &tables {
            let range = table_of(&readme, heading);
            readme.replace_range(range, table);
        }
        std::fs::write(top("README.md"), &readme).unwrap();
    }
    for (heading, table) in tables {
        assert_eq!(readme[table_of(&readme, heading)], table);
    }
}

/// `tests/conformance` validates real reports against it.
#[test]
fn published_report_schema_is_that_of_the_code() {
    let schema = serde_json::to_string_pretty(&ami_share_action::report_schema()).unwrap() + "\n";
    if is_set("UPDATE_REPORT_SCHEMA") {
        std::fs::write(top("docs/report.schema.json"), &schema).unwrap();
    }
    let published = std::fs::read_to_string(top("docs/report.schema.json")).unwrap_or_default();
    assert_eq!(published, schema, "UPDATE_REPORT_SCHEMA=1 writes it anew");
}

#[test]
fn published_schema_of_configuration_files_is_that_of_the_code() {
    let schema = ami_share_action::config_file_schema();
    let schema = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if is_set("UPDATE_REPORT_SCHEMA") {
        std::fs::write(top("docs/config-file.schema.json"), &schema).unwrap();
    }
    let published = std::fs::read_to_string(top("docs/config-file.schema.json"));
    let published = published.unwrap_or_default();
    assert_eq!(published, schema, "UPDATE_REPORT_SCHEMA=1 writes it anew");
}

#[test]
fn readme_examples_use_inputs_that_exist() {
    let readme = read("README.md");
    let mut names = Vec::new();
    for block in readme.split("```yaml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        if block.contains("\ngroups:\n") {
            // A configuration file, which a test of its room reads.
            continue;
        }
        // Of a whole workflow, only what this action is given.
        let given = match block.split_once("uses: OWNER/ami-share@") {
            Some((_, step)) => step.split_once("with:\n").unwrap().1,
            None => block,
        };
        let lines = given
            .lines()
            .filter_map(|line| line.trim().trim_start_matches("# ").split_once(": "));
        names.extend(lines.map(|(name, _)| name));
    }
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(INPUTS.iter().any(|input| input.name == name), "{name}");
    }
}
