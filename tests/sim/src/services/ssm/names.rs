//! Names of parameters: plain or an ARN, with a version or a label behind.

use super::invalid;
use crate::wire::Fail;
use crate::world::Parameter;

/// A name in a request.
pub(super) struct Name<'a> {
    /// Without ARN and selector.
    pub(super) plain: &'a str,
    /// The version or label.
    pub(super) selector: Option<&'a str>,
}

impl<'a> Name<'a> {
    /// Reads a name, which may be an ARN (recorded).
    pub(super) fn read(text: &'a str) -> Result<Self, Fail> {
        let (text, is_arn) = match text.split_once(":parameter/") {
            // The ARN has no slash of its own before a name that begins with one.
            Some((_, rest)) if text.starts_with("arn:") => {
                let start = text.len() - rest.len() - 1;
                (&text[start..], true)
            }
            _ => (text, false),
        };
        let mut parts = text.split(':');
        let plain = parts.next().unwrap_or_default();
        let plain = match plain.strip_prefix('/') {
            Some(bare) if is_arn && !bare.contains('/') => bare,
            _ => plain,
        };
        let selector = parts.next();
        if parts.next().is_some() || selector == Some("") {
            return Err(invalid(
                "Invalid parameter name. Please use correct syntax for referencing a \
                 version/label  <name>:<version/label>",
            ));
        }
        check(plain)?;
        Ok(Self { plain, selector })
    }

    /// The version that the name means: the newest, unless it says another.
    pub(super) fn select<'b>(&self, versions: &'b [Parameter]) -> Result<&'b Parameter, Fail> {
        let newest = versions.last().ok_or_else(super::not_found)?;
        let Some(selector) = self.selector else {
            return Ok(newest);
        };
        let fits = |parameter: &&Parameter| match selector.parse::<u64>() {
            Ok(version) => parameter.version == version,
            Err(_) => parameter.labels.iter().any(|label| label == selector),
        };
        versions.iter().find(fits).ok_or_else(|| {
            let kind = if selector.parse::<u64>().is_ok() {
                "version"
            } else {
                "label"
            };
            let message = format!(
                "Systems Manager could not find {kind} {selector} of {}. Verify the {kind} and try \
                 again.",
                self.plain
            );
            Fail::bad("ParameterVersionNotFound", message)
        })
    }
}

/// Checks the form of a plain name.
pub(super) fn check(name: &str) -> Result<(), Fail> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "/_.-".contains(c);
    let first = name.trim_start_matches('/').to_lowercase();
    if name.is_empty() || !name.chars().all(fits) || first.starts_with("ssm") {
        return Err(invalid(
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a \
             path, it can consist of sub-paths divided by slash symbol; each sub-path can be \
             formed as a mix of letters, numbers and the following 3 symbols .-_",
        ));
    }
    if first.starts_with("aws") {
        let message = format!("No access to reserved parameter name: {name}.");
        return Err(Fail::bad("AccessDeniedException", message));
    }
    Ok(())
}
