//! What the environment and the profile set that the SDK does not read itself, or panics on.

use std::path::PathBuf;

use aws_config::profile::{self, ProfileSet};
use aws_types::os_shim_internal::{Env, Fs};

/// A setting of the environment or of the profile that cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct InvalidSetting {
    /// The variable, such as `AWS_CA_BUNDLE`, or the setting of the profile, such as `ca_bundle`.
    pub name: &'static str,
    /// What is wrong with its value.
    pub reason: String,
}

/// Settings that make the SDK panic: the variable, and the setting of the profile.
const RETRIES: [(&str, &str); 2] = [
    ("AWS_MAX_ATTEMPTS", "max_attempts"),
    ("AWS_RETRY_MODE", "retry_mode"),
];

impl InvalidSetting {
    /// Checks the value of a variable, or of a setting of a profile, that makes the SDK panic if it
    /// is wrong. Others are not checked.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(name: &'static str, value: &str) -> Result<(), Self> {
        let (is_good, reason) = match name {
            "AWS_MAX_ATTEMPTS" | "max_attempts" => (
                value.parse::<u32>().is_ok_and(|attempts| attempts > 0),
                "it is a number from 1 on",
            ),
            "AWS_RETRY_MODE" | "retry_mode" => {
                let word = value.trim().to_lowercase();
                let is_good = ["standard", "adaptive"].contains(&word.as_str());
                (is_good, "it is `standard` or `adaptive`")
            }
            _ => return Ok(()),
        };
        let reason = reason.to_owned();
        is_good.then_some(()).ok_or(Self { name, reason })
    }
}

/// The settings that are read here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LocalSettings {
    /// The file of trusted certificates, and what named it.
    pub(super) ca_bundle: Option<(&'static str, PathBuf)>,
}

/// Reads them from this process's environment and the files of AWS's configuration.
pub(super) async fn read() -> Result<LocalSettings, InvalidSetting> {
    read_from(&Env::real(), &Fs::real()).await
}

async fn read_from(env: &Env, fs: &Fs) -> Result<LocalSettings, InvalidSetting> {
    // Files that cannot be read are the SDK's to report, with the credentials that they lack.
    let profiles = profile::load(fs, env, &<_>::default(), None).await.ok();
    let of_profile = |key| profiles.as_ref().and_then(|set: &ProfileSet| set.get(key));
    // A variable goes before the profile, as the SDK reads them.
    for (variable, setting) in RETRIES {
        match (env.get(variable), of_profile(setting)) {
            (Ok(value), _) => InvalidSetting::check(variable, &value)?,
            (Err(_), Some(value)) => InvalidSetting::check(setting, value)?,
            (Err(_), None) => {}
        }
    }
    let bundle = |name, path: String| (name, PathBuf::from(path));
    let by_variable = env.get("AWS_CA_BUNDLE").ok();
    let by_variable = by_variable.filter(|path| !path.trim().is_empty());
    let ca_bundle = match (by_variable, of_profile("ca_bundle")) {
        (Some(path), _) => Some(bundle("AWS_CA_BUNDLE", path)),
        (None, Some(path)) => Some(bundle("ca_bundle", path.to_owned())),
        (None, None) => None,
    };
    Ok(LocalSettings { ca_bundle })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_profile(text: &str, env: &[(&str, &str)]) -> Result<LocalSettings, String> {
        let fs = Fs::from_slice(&[("config", text)]);
        let mut variables = vec![("AWS_CONFIG_FILE", "config"), ("HOME", "/nobody")];
        variables.extend(env);
        let read = read_from(&Env::from_slice(&variables), &fs).await;
        read.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn settings_that_the_sdk_panics_on_are_errors() {
        for (setting, is_good) in [
            ("max_attempts = 3", true),
            ("max_attempts = 0", false),
            ("max_attempts = many", false),
            ("max_attempts = -1", false),
            ("retry_mode = standard", true),
            ("retry_mode = adaptive", true),
            ("retry_mode = legacy", false),
        ] {
            let named = format!("[profile ours]\n{setting}\n");
            let read = read_profile(&named, &[("AWS_PROFILE", "ours")]).await;
            assert_eq!(read.is_ok(), is_good, "{setting}: {read:?}");
            // Another profile's settings are nobody's business.
            let default = read_profile(&named, &[]).await;
            assert!(default.is_ok(), "{setting}: {default:?}");
        }
    }

    #[tokio::test]
    async fn variable_that_the_sdk_panics_on_is_an_error_and_a_good_one_wins() {
        let bad = "[default]\nmax_attempts = 0\nretry_mode = legacy\n";
        for (attempts, mode, is_good) in [
            ("3", "standard", true),
            ("0", "standard", false),
            (" 3", "standard", false),
            ("3", "weird", false),
        ] {
            let env = [("AWS_MAX_ATTEMPTS", attempts), ("AWS_RETRY_MODE", mode)];
            for text in ["", bad] {
                let read = read_profile(text, &env).await;
                assert_eq!(read.is_ok(), is_good, "{attempts} {mode}: {read:?}");
            }
        }
    }

    #[tokio::test]
    async fn bundle_of_a_variable_wins_over_that_of_the_profile() {
        let text = "[default]\nca_bundle = /of/profile\n";
        let variable = [("AWS_CA_BUNDLE", "/of/variable")];
        for (text, env, expected) in [
            (text, &[][..], Some(("ca_bundle", "/of/profile"))),
            (text, &variable[..], Some(("AWS_CA_BUNDLE", "/of/variable"))),
            ("", &variable[..], Some(("AWS_CA_BUNDLE", "/of/variable"))),
            (
                text,
                &[("AWS_CA_BUNDLE", " ")][..],
                Some(("ca_bundle", "/of/profile")),
            ),
            ("", &[][..], None),
        ] {
            let read = read_profile(text, env).await.unwrap();
            let expected = expected.map(|(name, path)| (name, PathBuf::from(path)));
            assert_eq!(read.ca_bundle, expected);
        }
    }
}
