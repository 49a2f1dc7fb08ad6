//! What a job on GitHub with the permission `id-token: write` has to get ID tokens.

use std::ffi::OsString;
use std::fmt;

use super::variable;

/// Where the job asks, and what it shows there.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct IdTokens {
    pub(crate) url: String,
    pub(crate) token: String,
}

/// Without the token, which is a secret.
impl fmt::Debug for IdTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdTokens")
    }
}

impl IdTokens {
    /// From the variables that GitHub sets; `None` without one of them.
    pub(super) fn of(env: &[(OsString, OsString)]) -> Option<Self> {
        let text = |name| Some(variable(env, name)?.to_string_lossy().into_owned());
        Some(Self {
            url: text("ACTIONS_ID_TOKEN_REQUEST_URL")?,
            token: text("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?,
        })
    }
}
