//! Any bytes as the inputs of a step, as a Packer manifest, and as text that is written.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStringExt as _;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::inputs::{self, INPUTS};
use crate::output::log::{Level, Log, Style};
use crate::output::text;
use crate::settings;

/// The longest line of a log: every character as its longest escape.
const LONGEST_LINE: usize = 50_000;

/// Values of inputs, each ended by a zero: its first byte says of which input.
#[allow(
    unreachable_pub,
    reason = "it can be called from a crate of fuzz targets"
)]
pub fn check_inputs(bytes: &[u8]) {
    let mut env = Vec::new();
    for value in bytes.split(|byte| *byte == 0) {
        let [input, value @ ..] = value else {
            continue;
        };
        let name = INPUTS[usize::from(*input) % INPUTS.len()].name;
        // These name files of the machine.
        if !matches!(name, "config-file" | "packer-manifest" | "report-path") {
            let name = OsString::from(format!("INPUT_{}", name.to_uppercase()));
            env.push((name, OsString::from_vec(value.to_vec())));
        }
    }
    let read = inputs::read(&env);
    match settings::parse(&read.raw, read.problems) {
        // A request that is taken has what it is for.
        Ok(settings) => assert!(!settings.request.images().is_empty()),
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(!problem.message.is_empty());
                check_line(&format!("{}: {}", problem.input, problem.message));
            }
        }
    }
}

#[allow(
    unreachable_pub,
    reason = "it can be called from a crate of fuzz targets"
)]
pub fn check_manifest(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    match settings::manifest::images(text) {
        Ok(images) => {
            let written = |image: &(_, _)| text.contains(&format!("{}:{}", image.0, image.1));
            assert!(!images.is_empty() && images.iter().all(written));
        }
        Err(error) => check_line(&format!("{error:#}")),
    }
}

#[allow(
    unreachable_pub,
    reason = "it can be called from a crate of fuzz targets"
)]
pub fn check_text(bytes: &[u8]) {
    let written = String::from_utf8_lossy(bytes);
    check_line(&written);
    check_log(&written);
    check_json(&written);
    check_masks(&written);
}

/// One line that no CI system takes for a command.
fn check_line(text: &str) {
    let line = text::harmless_line(text);
    assert!(line.len() < LONGEST_LINE);
    assert!(!line.chars().any(char::is_control));
    assert!(
        !["\u{2028}", "\u{2029}", "\u{202e}", "\u{200b}"]
            .iter()
            .any(|c| line.contains(c))
    );
    assert!(!line.trim_start().starts_with("::"));
    let lower = line.to_ascii_lowercase();
    for command in [
        "##[",
        "##vso[",
        "##teamcity[",
        "section_start:",
        "section_end:",
    ] {
        assert!(!lower.contains(command), "{line}");
    }
    assert_eq!(text::visible(&line), line, "what is visible stays");
}

/// As many lines as were written, in every style.
fn check_log(text: &str) {
    for style in [Style::GitHub, Style::Plain, Style::Terminal(false)] {
        let out = Written::default();
        let log = Log::new(Box::new(out.clone()), None, style);
        log.line(text);
        log.annotate(Level::Error, text, text);
        log.group(text, &[text.to_owned()]);
        let written = String::from_utf8(out.0.lock().clone()).unwrap();
        let lines = if style == Style::GitHub { 5 } else { 4 };
        assert_eq!(written.lines().count(), lines, "{written:?}");
        assert!(!written.contains(['\r', '\u{1b}', '\u{85}', '\u{2028}']));
    }
}

/// JSON that means the same, whatever is in its texts.
fn check_json(text: &str) {
    let json = serde_json::json!({ text: [text] });
    let harmless = text::harmless_json(&json.to_string());
    let read: serde_json::Value = serde_json::from_str(&harmless).unwrap();
    assert_eq!(read, json);
    assert!(!harmless.contains("##") && !harmless.contains("section_start:"));
}

/// No account ID is left, and nothing else is lost.
fn check_masks(text: &str) {
    let masked = text::mask_account_ids(text);
    assert_eq!(masked.len(), text.len());
    let mut words = masked.split(|c: char| !c.is_ascii_alphanumeric());
    assert!(!words.any(|word| word.len() == 12 && word.bytes().all(|b| b.is_ascii_digit())));
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values near those that are right.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("ami-0123456789abcdef0".to_owned()),
            Just("us-east-1:ami-0123456789abcdef0 eu-west-1=alias/a".to_owned()),
            Just("222222222222 333333333333".to_owned()),
            Just("arn:aws:organizations::111111111111:organization/o-example123".to_owned()),
            Just("arn:aws:iam::{account}:role/x".to_owned()),
            Just("[\"a\", {\"b\": 1}]".to_owned()),
            Just("true".to_owned()),
            Just("revoke".to_owned()),
            Just("5s..99999999999999999999h".to_owned()),
            Just("2030-12-31T00:00:00Z".to_owned()),
            "[a-z0-9:=/{},. \\[\\]\"#-]{0,40}",
            "\\PC{0,20}",
        ]
    }

    /// Inputs as bytes: mostly whole ones, with those that each request needs.
    fn environment() -> impl Strategy<Value = Vec<u8>> {
        let input = (any::<u8>(), value()).prop_filter("a zero ends a value", |(input, value)| {
            *input != 0 && !value.contains('\0')
        });
        prop::collection::vec(input, 0..6).prop_map(|inputs| {
            let number = |name| INPUTS.iter().position(|input| input.name == name).unwrap();
            let mut bytes = Vec::new();
            for (name, value) in [
                ("ami-id", "ami-0123456789abcdef0"),
                ("aws-region", "us-east-1"),
                ("target-accounts", "222222222222"),
            ] {
                bytes.push(u8::try_from(number(name)).unwrap());
                bytes.extend_from_slice(value.as_bytes());
                bytes.push(0);
            }
            for (input, value) in inputs {
                bytes.push(input);
                bytes.extend_from_slice(value.as_bytes());
                bytes.push(0);
            }
            bytes
        })
    }

    fn manifest() -> impl Strategy<Value = String> {
        let artifact = prop_oneof![
            Just("us-east-1:ami-11111111"),
            Just("us-east-1:ami-11111111,eu-west-1:ami-22222222"),
            Just("ami-11111111"),
            Just("us-east-1:ami-"),
        ];
        let run = prop_oneof![Just("1"), Just("2"), Just("")];
        let build = (artifact, run, any::<bool>()).prop_map(|(artifact, run, amazon)| {
            let builder = if amazon { "amazon-ebs" } else { "null" };
            serde_json::json!({
                "builder_type": builder, "artifact_id": artifact, "packer_run_uuid": run,
            })
        });
        prop::collection::vec(build, 0..4).prop_map(|builds| {
            serde_json::json!({ "builds": builds, "last_run_uuid": "2" }).to_string()
        })
    }

    proptest! {
        #[test]
        fn no_inputs_make_it_panic(bytes in environment()) {
            check_inputs(&bytes);
        }

        #[test]
        fn no_bytes_as_inputs_make_it_panic(bytes: Vec<u8>) {
            check_inputs(&bytes);
        }

        #[test]
        fn no_manifest_makes_it_panic(text in manifest(), at in 0_usize..300, byte: u8) {
            check_manifest(text.as_bytes());
            let mut bytes = text.into_bytes();
            if let Some(changed) = bytes.get_mut(at) {
                *changed = byte;
            }
            check_manifest(&bytes);
        }

        #[test]
        fn no_text_is_a_command(
            text in "(::|##|\\[|\\]|vso|section_start:|error|[0-9]{12}|\r|\n| |\\PC|.){0,20}",
        ) {
            check_text(text.as_bytes());
        }
    }
}
