//! Pages of Auto Scaling: `MaxRecords` and `NextToken`.

use super::invalid;
use crate::services::Request;
use crate::services::pages::Page;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};

/// The answer with the requested page of a list, which has `usual` items if the request does not
/// say.
pub(super) fn answer(
    query: &Query,
    request: &Request<'_>,
    (name, usual): (&'static str, usize),
    items: Vec<Vec<Element>>,
) -> Outcome {
    let size = match query.filled("MaxRecords").map(str::parse) {
        None => usual,
        Some(Ok(size @ 1..=100)) => size,
        Some(_) => return Err(invalid("MaxRecords must be between 1 and 100.")),
    };
    let page = Page::of(query.filled("NextToken"), size, request)
        .ok_or_else(|| Fail::bad("InvalidNextToken", "The token is not valid."))?;
    let (items, next) = page.slice(items);
    let mut members = vec![Element::members(name, items)];
    members.extend(Element::optional("NextToken", next));
    Ok(Body::Xml(members))
}
