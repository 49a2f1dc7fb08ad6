//! `Filter.N` and the pages of describe calls.

use std::collections::BTreeMap;

use crate::policy::matches;
use crate::services::Request;
use crate::services::pages::Page;
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

/// The IDs that a filter of this name asks for, each once and in order as all answers are; `None`
/// if there is no such filter, or one with wildcards.
pub(super) fn ids<'a>(filters: &'a [Query], name: &str) -> Option<Vec<&'a str>> {
    let mut by_id = filters.iter();
    let filter = by_id.find(|filter| filter.get("Name") == Some(name))?;
    let mut ids = filter.list("Value");
    if ids.iter().any(|id| id.contains(['*', '?'])) {
        return None;
    }
    ids.sort_unstable();
    ids.dedup();
    Some(ids)
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
pub(super) struct Answer<T> {
    items: Vec<T>,
    next_token: Option<String>,
}

impl<T> Answer<T> {
    /// The answer of a describe call.
    pub(super) fn render(self, name: &'static str, render: impl Fn(T) -> Vec<Element>) -> Body {
        let mut answer = vec![Element::list(name, self.items.into_iter().map(render))];
        answer.extend(Element::optional("nextToken", self.next_token));
        Body::Xml(answer)
    }
}

/// Takes one page, and no more of the items than that needs. A request that names `ids` has no
/// pages.
pub(super) fn page<T>(
    query: &Query,
    request: &Request<'_>,
    items: impl Iterator<Item = Result<T, Fail>>,
    ids: &str,
) -> Result<Answer<T>, Fail> {
    if query.has(ids) {
        if query.has("MaxResults") {
            return Err(not_with_max_results(ids));
        }
        return Ok(Answer {
            items: items.collect::<Result<_, _>>()?,
            next_token: None,
        });
    }
    let size = match query.get("MaxResults") {
        Some(size) => read_size(size)?,
        None => usize::MAX,
    };
    let page = Page::of(query.filled("NextToken"), size, request)
        .ok_or_else(|| Fail::invalid_value("Unable to parse pagination token"))?;
    let (items, next_token) = page.take(items)?;
    Ok(Answer { items, next_token })
}

fn not_with_max_results(ids: &str) -> Fail {
    let name = match ids {
        "ImageId" => "imageIdsSet",
        "SnapshotId" => "snapshotSet",
        "VolumeId" => "volumeSet",
        "InstanceId" => "instancesSet",
        _ => "groupIdSet",
    };
    let message = format!("The parameter {name} cannot be used with the parameter maxResults");
    Fail::bad("InvalidParameterCombination", message)
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
