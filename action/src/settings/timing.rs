//! The inputs of how long a run may take, and how often it asks.

use ami_share::request::{ShareRequestBuilder, Timing};

use super::parser::Parser;
use crate::inputs::{InputValue, Raw};

/// Parses them.
pub(super) fn parse(
    parser: &mut Parser,
    mut builder: ShareRequestBuilder,
    raw: &Raw,
) -> ShareRequestBuilder {
    let mut timing = Timing::default();
    if let Some(timeout) = parser.duration(raw.timeout()) {
        timing.timeout = timeout;
    }
    if let Some(settle) = parser.duration(raw.settle()) {
        timing.settle = settle;
    }
    if let Some(text) = raw.poll_interval().text {
        let (floor, ceiling) = text.split_once("..").unwrap_or((text, text));
        let bound = |text| InputValue {
            text: Some(text),
            ..raw.poll_interval()
        };
        let bounds = (
            parser.duration(bound(floor)),
            parser.duration(bound(ceiling)),
        );
        if let (Some(floor), Some(ceiling)) = bounds {
            timing.poll = (floor, ceiling);
        }
    }
    if let Some(calls) = parser.number(raw.max_concurrency()) {
        builder = builder.max_concurrency(calls);
    }
    builder.timing(timing)
}
