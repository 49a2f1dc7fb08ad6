//! Parameters of requests.

use super::invalid;
use crate::wire::{Fail, Query, with_small_letter};

/// A parameter that must be there.
pub(super) fn need<'a>(query: &'a Query, name: &str) -> Result<&'a str, Fail> {
    query.filled(name).ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member \
             must not be null",
            with_small_letter(name)
        ))
    })
}

/// A number of instances.
pub(super) fn count(query: &Query, name: &str) -> Result<u32, Fail> {
    let text = need(query, name)?;
    let Ok(count) = text.parse() else {
        return Err(invalid(format!(
            "1 validation error detected: Value '{text}' at '{}' failed to satisfy constraint: \
             Member must have value greater than or equal to 0",
            with_small_letter(name)
        )));
    };
    Ok(count)
}
