//! The variables of AWS that the SDK reads by itself: some values make it panic, and some files
//! make it wait for ever or read without end.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ami_share::InvalidSetting;

use crate::inputs::{Problem, variable};

const RETRIES: [&str; 2] = ["AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"];
/// Files that the SDK reads.
const FILES: [&str; 5] = [
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];
/// Those that it reads where no variable names others, in the home folder.
const DEFAULT_FILES: [(&str, &str); 2] = [
    ("AWS_CONFIG_FILE", ".aws/config"),
    ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
];
/// No such file is longer.
const LONGEST: u64 = 8 << 20;

/// What is wrong with them.
pub(crate) fn check(env: &[(OsString, OsString)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for name in RETRIES {
        let value = variable(env, name).map(|value| value.to_string_lossy());
        let checked = value.map_or(Ok(()), |value| InvalidSetting::check(name, &value));
        problems.extend(checked.err().map(|error| Problem::new(name, error.reason)));
    }
    for name in FILES {
        if let Some(path) = variable(env, name) {
            problems.extend(check_file(name, Path::new(path)));
        }
    }
    for (name, path) in DEFAULT_FILES {
        if let Some(home) = variable(env, "HOME")
            && variable(env, name).is_none()
        {
            let path = PathBuf::from(home).join(path);
            problems.extend(check_file(name, &path));
        }
    }
    problems
}

/// A file that does not exist is the SDK's to judge.
fn check_file(name: &'static str, path: &Path) -> Option<Problem> {
    // Who wants no file names this one.
    if path == Path::new("/dev/null") {
        return None;
    }
    let metadata = std::fs::metadata(path).ok()?;
    let what = if !metadata.is_file() {
        "is no regular file".to_owned()
    } else if metadata.len() > LONGEST {
        format!("is larger than {} MiB", LONGEST >> 20)
    } else {
        return None;
    };
    Some(Problem::new(name, format!("`{}` {what}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(env: &[(&str, &str)]) -> Vec<String> {
        let env: Vec<(OsString, OsString)> = env
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        let problems = check(&env).into_iter();
        problems.map(|problem| problem.input).collect()
    }

    #[test]
    fn values_that_the_sdk_cannot_take_are_problems() {
        for (name, value, is_good) in [
            ("AWS_MAX_ATTEMPTS", "3", true),
            ("AWS_MAX_ATTEMPTS", "0", false),
            ("AWS_MAX_ATTEMPTS", " 3", false),
            ("AWS_MAX_ATTEMPTS", "abc", false),
            ("AWS_RETRY_MODE", "Standard", true),
            ("AWS_RETRY_MODE", "weird", false),
            ("AWS_CONFIG_FILE", "/dev/null", true),
            ("AWS_CONFIG_FILE", "/no/such/file", true),
            ("AWS_CONFIG_FILE", "/dev/zero", false),
            ("AWS_CA_BUNDLE", "/", false),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/dev/zero", false),
        ] {
            let problems = names(&[(name, value)]);
            assert_eq!(problems.is_empty(), is_good, "{name}={value}: {problems:?}");
        }
    }

    #[test]
    fn default_files_are_looked_at_where_no_variable_names_others() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".aws/config")).unwrap();
        let home = home.path().to_str().unwrap();
        assert_eq!(names(&[("HOME", home)]), ["AWS_CONFIG_FILE"]);
        let other = [("HOME", home), ("AWS_CONFIG_FILE", "/dev/null")];
        assert!(names(&other).is_empty());
    }
}
