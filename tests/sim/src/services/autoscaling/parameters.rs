//! Parameters of requests.

use super::invalid;
use crate::wire::{Fail, Query};

/// A parameter that must be there.
pub(super) fn need<'a>(query: &'a Query, name: &str) -> Result<&'a str, Fail> {
    query.filled(name).ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member \
             must not be null",
            small(name)
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
            small(name)
        )));
    };
    Ok(count)
}

fn small(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}
