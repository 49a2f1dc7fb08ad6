//! What of the body of an error is no text: names of elements and members, and the code by which
//! the error is told from others.

use std::ops::Range;

/// What begins text of XML in which nothing is a name, and what ends it.
const CDATA: (&str, &str) = ("![CDATA[", "]]>");

/// Where the names and the codes are, in order.
pub(super) fn names_and_codes(body: &str) -> Vec<Range<usize>> {
    if body.trim_start().starts_with(['{', '[']) {
        in_json(body)
    } else {
        in_xml(body)
    }
}

fn in_xml(body: &str) -> Vec<Range<usize>> {
    let (mut places, mut at) = (Vec::new(), 0);
    while let Some(begin) = body[at..].find('<') {
        let from = at + begin + 1;
        let rest = &body[from..];
        if rest.starts_with(CDATA.0) {
            at = from + rest.find(CDATA.1).unwrap_or(rest.len());
            continue;
        }
        let name = until(rest, |c| !c.is_ascii_alphanumeric() && c != '/');
        at = from + name.len();
        places.push(from..at);
        if name == "Code" && body[at..].starts_with('>') {
            let code = until(&body[at..], |c| c == '<');
            places.push(at..at + code.len());
        }
    }
    places
}

/// A quotation mark in a text is `\"`, so that a plain one begins or ends a text.
fn in_json(body: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    for (end, _) in body.match_indices("\":") {
        if body[..end].ends_with('\\') {
            continue;
        }
        let name = body[..end].rsplit('"').next().unwrap_or_default();
        places.push(end - name.len()..end);
        if matches!(name, "__type" | "code" | "Code")
            && let Some(rest) = body[end + 2..].trim_start().strip_prefix('"')
        {
            let from = body.len() - rest.len();
            places.push(from..from + until(rest, |c| c == '"').len());
        }
    }
    places
}

/// The text before the first character of a kind.
fn until(text: &str, is_end: fn(char) -> bool) -> &str {
    text.split(is_end).next().unwrap_or_default()
}
