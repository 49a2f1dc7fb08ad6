//! The texts in an answer of AWS, XML or JSON, and in the policies that it holds.

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};

/// What to do with the text in a place: another text, or nothing.
type Visit<'a> = dyn FnMut(&str, &str) -> Option<String> + 'a;

/// The answer with other texts in some places. Places are named by the members that lead there,
/// lists left out.
pub(super) fn rewrite(body: &str, visit: &mut Visit<'_>) -> String {
    match serde_json::from_str::<Value>(body) {
        Ok(mut value) => {
            rewrite_json("", &mut value, false, visit);
            value.to_string()
        }
        Err(_) => rewrite_xml(body, visit),
    }
}

fn rewrite_xml(body: &str, visit: &mut Visit<'_>) -> String {
    let (mut written, mut rest) = (String::new(), body);
    let mut path: Vec<&str> = Vec::new();
    while let Some((text, after)) = rest.split_once('<') {
        // The first name is that of the answer.
        let place = path.get(1..).unwrap_or_default().join("/");
        let changed = match text.trim() {
            "" => None,
            _ => rewrite_text(&place, &unescape(text), visit),
        };
        match changed {
            Some(changed) => written.push_str(&escape(&changed)),
            None => written.push_str(text),
        }
        let (tag, behind) = after.split_once('>').unwrap();
        let _ = write!(written, "<{tag}>");
        if tag.starts_with('/') {
            path.pop();
        } else if !tag.starts_with('?') && !tag.ends_with('/') {
            path.push(tag.split_whitespace().next().unwrap());
        }
        rest = behind;
    }
    written + rest
}

/// In policies the names are of others too.
fn rewrite_json(path: &str, value: &mut Value, names: bool, visit: &mut Visit<'_>) {
    match value {
        Value::String(text) => {
            if let Some(changed) = rewrite_text(path, text, visit) {
                *text = changed;
            }
        }
        Value::Array(values) => {
            for value in values {
                rewrite_json(path, value, names, visit);
            }
        }
        Value::Object(members) => {
            let mut rewritten = Map::new();
            for (name, mut value) in std::mem::take(members) {
                let place = format!("{path}/{name}");
                let place = place.trim_start_matches('/');
                rewrite_json(place, &mut value, names, visit);
                let other = if names {
                    visit(&format!("name of {place}"), &name)
                } else {
                    None
                };
                rewritten.insert(other.unwrap_or(name), value);
            }
            *members = rewritten;
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text, or a text in the document that it is.
fn rewrite_text(path: &str, text: &str, visit: &mut Visit<'_>) -> Option<String> {
    if let Some(changed) = visit(path, text) {
        return Some(changed);
    }
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    let is_encoded = text.starts_with("%7B");
    let document = if is_encoded { decoded.as_ref() } else { text };
    let mut value: Value = serde_json::from_str(document).ok()?;
    if !value.is_object() {
        return None;
    }
    rewrite_json(path, &mut value, true, visit);
    let document = value.to_string();
    Some(if is_encoded {
        utf8_percent_encode(&document, NON_ALPHANUMERIC).to_string()
    } else {
        document
    })
}

fn unescape(text: &str) -> String {
    let table = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    let replace = |text: String, (from, to): (&str, &str)| text.replace(from, to);
    table.into_iter().fold(text.to_owned(), replace)
}

/// The text in XML, without what XML cannot hold.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == ' ' {
            escaped.push(c);
        } else if c >= ' ' || "\t\r\n".contains(c) {
            let _ = write!(escaped, "&#{};", u32::from(c));
        }
    }
    escaped
}

#[test]
fn text_in_one_place_is_another() {
    let mut places = Vec::new();
    let mut put = |path: &str, _: &str| {
        places.push(path.to_owned());
        (path == "set/item/policy/Statement/Sid").then(|| "<\r".to_owned())
    };
    let xml = "<?xml?><R xmlns=\"x\"><set><item><a>1</a><policy>{&quot;Statement&quot;:\
               [{&quot;Sid&quot;:&quot;x&quot;}]}</policy><b/></item></set></R>";
    let written = rewrite(xml, &mut put);
    let policy = "&#123;&#34;Statement&#34;&#58;&#91;&#123;&#34;Sid&#34;&#58;&#34;&#60;&#92;r&#34;\
                  &#125;&#93;&#125;";
    assert!(written.contains(policy), "{written}");
    assert_eq!(places[0], "set/item/a");
    assert!(places.contains(&"name of set/item/policy/Statement/Sid".to_owned()));
}
