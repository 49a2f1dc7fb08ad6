//! `Filter.N` and the pages of describe calls.

use std::collections::BTreeMap;

use crate::policy::matches;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Query};

/// Whether something fits every filter. `values` gives the values that a filter compares; `None` is
/// a name that EC2 does not know.
pub(super) fn fits<'a>(
    filters: &[Query],
    tags: Option<&'a BTreeMap<String, String>>,
    values: impl Fn(&str) -> Option<Vec<&'a str>>,
) -> Result<bool, Fail> {
    for filter in filters {
        let name = filter.need("Name")?;
        let Some(values) = tag_values(name, tags).or_else(|| values(name)) else {
            return Err(Fail::invalid_value(format!(
                "The filter '{name}' is invalid"
            )));
        };
        let patterns = filter.list("Value");
        if patterns.len() > 200 {
            let message = "The maximum number of filter values specified on a single call is 200";
            return Err(Fail::bad("FilterLimitExceeded", message));
        }
        let matched = patterns
            .iter()
            .any(|pattern| values.iter().any(|value| matches(pattern, value)));
        if !matched {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The values of a filter on tags; `None` if it is not one.
fn tag_values<'a>(name: &str, tags: Option<&'a BTreeMap<String, String>>) -> Option<Vec<&'a str>> {
    let mut values = Vec::new();
    if let Some(key) = name.strip_prefix("tag:") {
        values.extend(tags.and_then(|tags| tags.get(key)).map(String::as_str));
    } else if name == "tag-key" {
        values.extend(
            tags.into_iter()
                .flat_map(BTreeMap::keys)
                .map(String::as_str),
        );
    } else {
        return None;
    }
    Some(values)
}

/// One page of an answer.
pub(super) struct Page<T> {
    items: Vec<T>,
    next_token: Option<String>,
}

impl<T> Page<T> {
    /// The answer of a describe call.
    pub(super) fn answer(self, name: &'static str, render: impl Fn(T) -> Vec<Element>) -> Body {
        let mut answer = vec![Element::list(name, self.items.into_iter().map(render))];
        answer.extend(Element::optional("nextToken", self.next_token));
        Body::Xml(answer)
    }
}

/// Takes one page, and no more of the items than that needs. A request that names `ids` has no
/// pages.
pub(super) fn page<T>(
    query: &Query,
    mut items: impl Iterator<Item = Result<T, Fail>>,
    ids: &str,
) -> Result<Page<T>, Fail> {
    let Some(size) = query.get("MaxResults") else {
        return Ok(Page {
            items: items.collect::<Result<_, _>>()?,
            next_token: None,
        });
    };
    if query.has(ids) {
        let name = match ids {
            "ImageId" => "imageIdsSet",
            _ => "snapshotSet",
        };
        let message = format!("The parameter {name} cannot be used with the parameter maxResults");
        return Err(Fail::bad("InvalidParameterCombination", message));
    }
    let (size, start) = (read_size(size)?, read_start(query)?);
    let mut page = Vec::new();
    for item in items.by_ref().skip(start).take(size) {
        page.push(item?);
    }
    let more = page.len() == size && items.next().transpose()?.is_some();
    Ok(Page {
        items: page,
        next_token: more.then(|| format!("from-{}", start + size)),
    })
}

/// A page never has more than 1,000 items (API of DescribeSnapshots).
fn read_size(text: &str) -> Result<usize, Fail> {
    match text.parse::<usize>() {
        Ok(size) if size >= 5 => Ok(size.min(1000)),
        _ => {
            let message =
                format!("Invalid value '{text}' for maxResults. Expecting a value greater than 5.");
            Err(Fail::invalid_value(message))
        }
    }
}

fn read_start(query: &Query) -> Result<usize, Fail> {
    let Some(token) = query.filled("NextToken") else {
        return Ok(0);
    };
    let start = token
        .strip_prefix("from-")
        .and_then(|from| from.parse().ok());
    start.ok_or_else(|| Fail::invalid_value("Unable to parse pagination token"))
}
