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
    if let Some(attempts) = of_profile("max_attempts")
        && !attempts.parse::<u32>().is_ok_and(|attempts| attempts > 0)
    {
        let reason = "the profile's value is no number from 1 on";
        return Err(invalid("max_attempts", reason));
    }
    if let Some(mode) = of_profile("retry_mode")
        && !["standard", "adaptive"].contains(&mode.trim().to_lowercase().as_str())
    {
        let reason = "the profile's value is neither `standard` nor `adaptive`";
        return Err(invalid("retry_mode", reason));
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

fn invalid(name: &'static str, reason: &str) -> InvalidSetting {
    InvalidSetting {
        name,
        reason: reason.to_owned(),
    }
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
