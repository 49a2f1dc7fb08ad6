//! Pages of IAM: `MaxItems` and `Marker`, `IsTruncated` and `Marker` (R7.30).

use crate::services::Request;
use crate::services::pages::Page;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};

/// How many items a page has if the request does not say.
const USUAL: usize = 100;

/// An item of a list that has members.
pub(super) fn member(members: Vec<Element>) -> Element {
    Element::new("member").children(members)
}

/// The answer with the requested page of a list. The items are elements called `member`.
pub(super) fn answer(
    query: &Query,
    request: &Request<'_>,
    name: &'static str,
    items: Vec<Element>,
) -> Outcome {
    let size = read_size(query)?;
    let page = Page::of(query.get("Marker"), size, request)
        .ok_or_else(|| Fail::bad("ValidationError", "Invalid Marker"))?;
    let (items, next) = page.slice(items);
    let mut members = vec![
        Element::new(name).children(items),
        Element::of("IsTruncated", next.is_some()),
    ];
    members.extend(Element::optional("Marker", next));
    Ok(Body::Xml(members))
}

/// A number that does not fit 32 bits, or has another form, is no number at all (recorded).
fn read_size(query: &Query) -> Result<usize, Fail> {
    let Some(text) = query.get("MaxItems") else {
        return Ok(USUAL);
    };
    let bound = match text.parse::<i32>() {
        Ok(size @ 1..=1000) => return Ok(usize::try_from(size).unwrap_or(USUAL)),
        Ok(..1) => "greater than or equal to 1",
        Ok(_) => "less than or equal to 1000",
        Err(_) => return Err(Fail::bad("MalformedInput", "Invalid value for MaxItems")),
    };
    let message = format!(
        "1 validation error detected: Value '{text}' at 'maxItems' failed to satisfy constraint: \
         Member must have value {bound}"
    );
    Err(Fail::bad("ValidationError", message))
}
