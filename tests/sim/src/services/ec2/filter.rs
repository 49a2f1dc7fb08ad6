//! `Filter.N` and the pages of describe calls.

use std::collections::BTreeMap;

use crate::policy::matches;
use crate::wire::{Fail, Query};

/// Whether something fits every filter. `values` gives what a filter name looks at; `None` is a
/// name EC2 does not know.
pub(super) fn fits<'a>(
    filters: &[Query],
    tags: Option<&'a BTreeMap<String, String>>,
    values: impl Fn(&str) -> Option<Vec<&'a str>>,
) -> Result<bool, Fail> {
    for filter in filters {
        let name = filter.need("Name")?;
        let found: Vec<&str> = if let Some(key) = name.strip_prefix("tag:") {
            tags.and_then(|tags| tags.get(key))
                .map(String::as_str)
                .into_iter()
                .collect()
        } else if name == "tag-key" {
            tags.into_iter()
                .flat_map(BTreeMap::keys)
                .map(String::as_str)
                .collect()
        } else {
            values(name).ok_or_else(|| {
                Fail::bad(
                    "InvalidParameterValue",
                    format!("The filter '{name}' is invalid"),
                )
            })?
        };
        let wanted = filter.list("Value");
        if wanted.len() > 200 {
            return Err(Fail::bad(
                "FilterLimitExceeded",
                "The maximum number of filter values specified on a single call is 200",
            ));
        }
        if !found
            .iter()
            .any(|value| wanted.iter().any(|pattern| matches(pattern, value)))
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One page of what is found, and the token of the next. What comes after the page is not looked
/// for.
pub(super) fn page<T>(
    query: &Query,
    mut found: impl Iterator<Item = Result<T, Fail>>,
    ids: &str,
) -> Result<(Vec<T>, Option<String>), Fail> {
    let Some(size) = query.get("MaxResults") else {
        return Ok((found.collect::<Result<_, _>>()?, None));
    };
    if query.has(ids) {
        let name = if ids == "ImageId" {
            "imageIdsSet"
        } else {
            "snapshotSet"
        };
        let message = format!("The parameter {name} cannot be used with the parameter maxResults");
        return Err(Fail::bad("InvalidParameterCombination", message));
    }
    // More than 1,000 are never in a page (API of DescribeSnapshots).
    let size: usize = size
        .parse()
        .ok()
        .filter(|size| *size >= 5)
        .map(|size: usize| size.min(1000))
        .ok_or_else(|| {
            let message =
                format!("Invalid value '{size}' for maxResults. Expecting a value greater than 5.");
            Fail::bad("InvalidParameterValue", message)
        })?;
    let from: usize = match query.get("NextToken").filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => token
            .strip_prefix("from-")
            .and_then(|from| from.parse().ok())
            .ok_or_else(|| {
                Fail::bad("InvalidParameterValue", "Unable to parse pagination token")
            })?,
    };
    let page = found
        .by_ref()
        .skip(from)
        .take(size)
        .collect::<Result<Vec<T>, Fail>>()?;
    let more = page.len() == size && found.next().transpose()?.is_some();
    Ok((page, more.then(|| format!("from-{}", from + size))))
}
