//! JSON for people: a value that fits on a line is on one.

use serde_json::{Map, Value};

const WIDTH: usize = 120;

/// A value on as many lines as it needs.
pub(super) fn lay_out(value: &Value) -> String {
    lines(value, 0, 0)
}

/// A value at a depth, with `taken` columns of its first line in use.
fn lines(value: &Value, depth: usize, taken: usize) -> String {
    let line = inline(value);
    if 2 * depth + taken + line.len() < WIDTH {
        return line;
    }
    let mut items = Vec::new();
    let (open, close) = match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = member_name(name);
                let value = lines(value, depth + 1, name.len());
                items.push(name + &value);
            }
            ("{", "}")
        }
        Value::Array(values) => {
            for value in values {
                items.push(lines(value, depth + 1, 0));
            }
            ("[", "]")
        }
        _ => return line,
    };
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    let items = items.join(&format!(",\n{inner}"));
    format!("{open}\n{inner}{items}\n{outer}{close}")
}

fn inline(value: &Value) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => {
            format!("{{ {} }}", inline_members(members).join(", "))
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(inline).collect();
            format!("[{}]", values.join(", "))
        }
        other => other.to_string(),
    }
}

fn inline_members(members: &Map<String, Value>) -> Vec<String> {
    let mut texts = Vec::new();
    for (name, value) in members {
        texts.push(member_name(name) + &inline(value));
    }
    texts
}

fn member_name(name: &str) -> String {
    format!("{}: ", Value::from(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_that_fits_is_on_one_line() {
        let long = "x".repeat(WIDTH);
        let table = [
            (json!({}), "{}".to_owned()),
            (
                json!({ "a": [1, null, "\""], "b": {} }),
                r#"{ "a": [1, null, "\""], "b": {} }"#.to_owned(),
            ),
            (
                json!([1, { "a": [long] }]),
                format!("[\n  1,\n  {{\n    \"a\": [\n      \"{long}\"\n    ]\n  }}\n]"),
            ),
        ];
        for (value, expected) in table {
            assert_eq!(lay_out(&value), expected);
            assert_eq!(
                serde_json::from_str::<Value>(&lay_out(&value)).unwrap(),
                value
            );
        }
    }
}
