//! A file says the same as inputs.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::inputs::Raw;
use crate::settings::parse;

/// Settings: the name, the text of the input, and how a file writes the same.
const SETTINGS: [(&str, &str, &str); 12] = [
    ("aws-region", "us-east-1", "us-east-1"),
    (
        "copy-to-regions",
        "eu-west-1 us-west-2",
        "[eu-west-1, us-west-2]",
    ),
    (
        "kms-key-id",
        "us-east-1=alias/a eu-west-1=alias/b us-west-2=alias/c",
        "{us-east-1: alias/a, eu-west-1: alias/b, us-west-2: alias/c}",
    ),
    (
        "tags",
        "team=platform\nstage=1",
        "{team: platform, stage: 1}",
    ),
    ("copy-name", "{name}-{region}", "'{name}-{region}'"),
    ("copy-image-tags", "false", "false"),
    ("target-role", "consumer", "consumer"),
    ("share-snapshots", "true", "true"),
    ("publish-ssm-parameter", "/golden/{name}", "/golden/{name}"),
    ("deprecate-at", "90d", "90d"),
    ("timeout", "45m", "\"45m\""),
    ("max-concurrency", "8", "8"),
];
const NEEDED: [(&str, &str, &str); 2] = [
    (
        "ami-id",
        "us-east-1:ami-1a2b3c4d",
        "{us-east-1: ami-1a2b3c4d}",
    ),
    (
        "target-accounts",
        "022222222222 333333333333",
        "\n- 022222222222\n- '333333333333'",
    ),
];

fn write(text: &str) -> (tempfile::NamedTempFile, Raw) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let raw = Raw {
        config_file: Some(file.path().to_str().unwrap().to_owned()),
        ..Raw::default()
    };
    (file, raw)
}

/// Whether a group may have the setting.
fn is_of_group(name: &str) -> bool {
    let input = crate::inputs::INPUTS
        .iter()
        .find(|input| input.name == name);
    super::is_of_group(input.unwrap())
}

proptest! {
    #[test]
    fn file_and_inputs_that_say_the_same_are_one_request(
        chosen in subsequence(SETTINGS.to_vec(), 0..=SETTINGS.len()),
        in_file in subsequence((0..SETTINGS.len() + 2).collect::<Vec<_>>(), 0..=SETTINGS.len() + 2),
    ) {
        let mut inputs = Raw::default();
        let (mut flat, mut common, mut group) = (String::new(), String::new(), String::new());
        let mut rest = Raw::default();
        for (index, (name, text, yaml)) in NEEDED.iter().chain(&chosen).enumerate() {
            inputs.set(name, (*text).to_owned());
            // Some settings stay inputs.
            if !in_file.contains(&index) {
                rest.set(name, (*text).to_owned());
                continue;
            }
            flat += &format!("{name}: {yaml}\n");
            if is_of_group(name) {
                group += &format!("  {name}: {}\n", yaml.replace('\n', "\n  "));
            } else {
                common += &format!("{name}: {yaml}\n");
            }
        }
        let expected = parse(&inputs, Vec::new());
        let grouped = format!("{common}groups:\n- name: all\n{group}");
        let files = if flat.is_empty() { vec![grouped] } else { vec![flat, grouped] };
        for text in files {
            let (_file, of_file) = write(&text);
            let raw = Raw { config_file: of_file.config_file, ..rest.clone() };
            let read = parse(&raw, Vec::new());
            match (&expected, read) {
                (Ok(expected), Ok(read)) => {
                    prop_assert_eq!(&expected.request, &read.request, "{}", text);
                    prop_assert!(read.groups.is_empty());
                }
                (Err(expected), Err(read)) => prop_assert_eq!(expected.len(), read.len()),
                (expected, read) => prop_assert!(false, "{}: {:?} {:?}", text, expected, read),
            }
        }
    }

    /// Nothing makes it panic, and a file of any text is read or refused.
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}", yaml in "[-a:{}\\[\\],&*!|>'\"# \n]{0,80}") {
        for text in [text, yaml] {
            let (_file, raw) = write(&text);
            let _ = parse(&raw, Vec::new());
        }
    }
}

#[test]
fn examples_are_files_of_groups() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = std::fs::read_to_string(top.join("README.md")).unwrap();
    let mut blocks = readme.split("```");
    let block = blocks.find(|block| block.contains("\ngroups:\n")).unwrap();
    let (_file, mut raw) = write(block.strip_prefix("yaml\n").unwrap());
    raw.aws_region = Some("us-east-1".to_owned());
    assert_eq!(parse(&raw, Vec::new()).unwrap().groups.len(), 2);

    let path = top.join("examples/config-file/ami-share.yml");
    let raw = Raw {
        config_file: Some(path.to_str().unwrap().to_owned()),
        ..Raw::default()
    };
    let settings = parse(&raw, Vec::new()).unwrap();
    let names: Vec<&str> = settings
        .groups
        .iter()
        .map(|group| group.name.as_str())
        .collect();
    assert_eq!(names, ["development", "production"]);
    assert_eq!(settings.requests()[1].targets().len(), 2);
}
