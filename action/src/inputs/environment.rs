//! How inputs come from the environment, and what can be wrong before any value is parsed.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use ami_share::aws_config::meta::region::ProvideRegion as _;
use ami_share::aws_config::profile::region::ProfileFileRegionProvider;

use super::{INPUTS, IdTokens, Problem, Raw, renamed};

/// A longer input is a mistake: a file pasted in its place.
const LONGEST_VALUE: usize = 256 * 1024;

/// What CI systems call their runs.
const RUN_NAMES: [&str; 4] = [
    "GITHUB_RUN_ID",
    "CI_PIPELINE_ID",
    "CODEBUILD_BUILD_ID",
    "BUILD_TAG",
];

/// What the environment holds of inputs.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// Our inputs.
    pub(crate) raw: Raw,
    /// What is wrong with how they were given.
    pub(crate) problems: Vec<Problem>,
    /// Variables that begin with `INPUT_` and resemble no input.
    pub(crate) unknown: Vec<String>,
}

/// Reads `INPUT_*`: `INPUT_AMI-ID` as GitHub passes it, `INPUT_AMI_ID` where hyphens cannot be set.
pub(crate) fn read(env: &[(OsString, OsString)]) -> Environment {
    let mut read = Environment::default();
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for (variable, value) in env {
        let Some(name) = input_of(variable) else {
            continue;
        };
        if !INPUTS.iter().any(|input| input.name == name) {
            match explain_unknown(&name) {
                Some(message) => read.problems.push(Problem::new(name, message)),
                // Another step of a workflow may have set it; elsewhere nobody else sets such
                // variables, and a run without what they say may share what it must not.
                None if is_github(env) => read.unknown.push(variable.to_string_lossy().into()),
                None => {
                    let message = "there is no such input: `ami-share --help` lists them";
                    read.problems.push(Problem::new(name, message));
                }
            }
            continue;
        }
        match checked(value) {
            Ok("") => {}
            Ok(value) => {
                let before = values.insert(name.clone(), value.to_owned());
                if before.is_some_and(|before| before != value) {
                    let message = "given in two spellings with different values";
                    read.problems.push(Problem::new(name, message));
                }
            }
            Err(message) => read.problems.push(Problem::new(name, message)),
        }
    }
    let fields = values
        .into_iter()
        .map(|(name, value)| (name.replace('-', "_"), value));
    match envy::from_iter(fields) {
        Ok(raw) => read.raw = raw,
        Err(error) => read
            .problems
            .push(Problem::new("inputs", error.to_string())),
    }
    read.raw.has_default_region = read.raw.aws_region.is_none();
    if read.raw.aws_region.is_none() {
        read.raw.aws_region = first_set(env, &["AWS_REGION", "AWS_DEFAULT_REGION"]);
    }
    read.raw.run_name = first_set(env, &RUN_NAMES);
    read.raw.id_tokens = IdTokens::of(env);
    read
}

/// The input that a variable gives by its name, whether or not there is one; `None` for other
/// variables.
pub(crate) fn input_of(variable: &OsStr) -> Option<String> {
    let variable = variable.to_string_lossy();
    let name = variable.strip_prefix("INPUT_")?;
    Some(name.to_lowercase().replace('_', "-"))
}

fn is_github(env: &[(OsString, OsString)]) -> bool {
    variable(env, "GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Whether the environment is that of a CI system, where nobody answers a question.
pub(crate) fn is_ci(env: &[(OsString, OsString)]) -> bool {
    let says_so = variable(env, "CI").is_some_and(|value| value != "false");
    let others = [
        "GITHUB_ACTIONS",
        "TF_BUILD",
        "JENKINS_URL",
        "TEAMCITY_VERSION",
    ];
    says_so || first_set(env, &others).is_some() || first_set(env, &RUN_NAMES).is_some()
}

/// The Region that the profile of the process's environment names.
pub(crate) async fn region_of_profile() -> Option<String> {
    let region = ProfileFileRegionProvider::new().region().await?;
    Some(region.to_string())
}

/// The value of a variable; `None` if it is missing or empty.
pub(crate) fn variable<'a>(env: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    let (_, value) = env.iter().find(|(known, _)| known == name)?;
    Some(value.as_os_str()).filter(|value| !value.is_empty())
}

/// The first of these variables that holds more than white space.
fn first_set(env: &[(OsString, OsString)], names: &[&str]) -> Option<String> {
    let mut values = names
        .iter()
        .filter_map(|name| variable(env, name)?.to_str());
    values
        .find(|value| !value.trim().is_empty())
        .map(|value| value.trim().to_owned())
}

/// The value as trimmed text of a sensible length.
fn checked(value: &OsStr) -> Result<&str, String> {
    let Some(text) = value.to_str() else {
        return Err("the value is not UTF-8 text".to_owned());
    };
    if text.len() > LONGEST_VALUE {
        let length = text.len();
        return Err(format!(
            "the value has {length} bytes, at most {LONGEST_VALUE} are allowed"
        ));
    }
    Ok(text.trim())
}

/// What an unknown input most likely means; `None` if it is somebody else's.
fn explain_unknown(name: &str) -> Option<String> {
    if let Some(message) = renamed::describe(name) {
        return Some(message);
    }
    let similar = most_similar(name)?;
    Some(format!("there is no such input; did you mean `{similar}`?"))
}

/// The input that a misspelled name most likely means.
fn most_similar(name: &str) -> Option<&'static str> {
    let distances = INPUTS
        .iter()
        .map(|input| (strsim::osa_distance(name, input.name), input.name));
    let (distance, similar) = distances.min()?;
    // In a short name, one different letter already makes another word.
    let allowed = if similar.len() <= 6 { 1 } else { 2 };
    let same_letters = name.replace('-', "") == similar.replace('-', "");
    if distance <= allowed || same_letters {
        return Some(similar);
    }
    // A name without its last words, such as `kms-key`, if only one input begins with it.
    let begun = format!("{name}-");
    let mut longer = INPUTS.iter().filter(|input| input.name.starts_with(&begun));
    let only = longer.next()?;
    longer.next().is_none().then_some(only.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    #[test]
    fn inputs_have_two_spellings() {
        for name in ["INPUT_AMI-ID", "INPUT_AMI_ID"] {
            assert_eq!(
                read(&env(&[(name, " ami-1 \n")])).raw.ami_id.as_deref(),
                Some("ami-1")
            );
        }
        let same = read(&env(&[
            ("INPUT_AMI-ID", "ami-1"),
            ("INPUT_AMI_ID", "ami-1"),
        ]));
        assert!(same.problems.is_empty());
        let different = read(&env(&[
            ("INPUT_AMI-ID", "ami-1"),
            ("INPUT_AMI_ID", "ami-2"),
        ]));
        assert_eq!(different.problems[0].input, "ami-id");
    }

    #[test]
    fn blank_inputs_are_unset_and_region_falls_back() {
        let read = read(&env(&[
            ("INPUT_AWS-REGION", " "),
            ("AWS_REGION", "eu-west-1"),
            ("INPUT_MODE", ""),
        ]));
        assert_eq!(read.raw.aws_region.as_deref(), Some("eu-west-1"));
        assert_eq!(read.raw.mode, None);
    }

    #[test]
    fn misspelled_inputs_are_problems_and_others_are_not() {
        let close = [
            "INPUT_AMI-IDS",
            "INPUT_TARGET_ACCOUNT",
            "INPUT_TAG",
            "INPUT_KMSKEYID",
            "INPUT_TIME-OUT",
            "INPUT_KEY-SCOPES",
            "INPUT_KMS_KEY",
        ];
        for name in close {
            let read = read(&env(&[(name, "x")]));
            assert_eq!((read.problems.len(), read.unknown.len()), (1, 0), "{name}");
        }
        for name in ["INPUT_WHO-TO-GREET", "INPUT_TOKEN", "INPUT_NODE-VERSION"] {
            let on_github = read(&env(&[(name, "x"), ("GITHUB_ACTIONS", "true")]));
            let found = (on_github.problems.len(), on_github.unknown.len());
            assert_eq!(found, (0, 1), "{name}");
            let elsewhere = read(&env(&[(name, "x")]));
            let found = (elsewhere.problems.len(), elsewhere.unknown.len());
            assert_eq!(found, (1, 0), "{name}");
        }
    }

    #[test]
    fn renamed_inputs_are_problems_that_name_the_new_one() {
        let read = read(&env(&[("INPUT_KEEP-SHARED", "false")]));
        let message = "is now called `unshare-after-copy`, with the opposite meaning";
        assert_eq!(read.problems, [Problem::new("keep-shared", message)]);
    }
    #[test]
    fn value_may_be_as_long_as_the_bound() {
        for (length, problems) in [(LONGEST_VALUE, 0), (LONGEST_VALUE + 1, 1)] {
            let value = "a".repeat(length);
            let read = read(&env(&[("INPUT_AMI-ID", &value)]));
            assert_eq!(read.problems.len(), problems, "{length}");
        }
    }
}
