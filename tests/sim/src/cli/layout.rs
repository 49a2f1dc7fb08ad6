//! JSON for people: what fits on a line stands on one.

use serde_json::Value;

const WIDTH: usize = 120;

/// A value over as many lines as it takes.
pub(crate) fn lay_out(value: &Value) -> String {
    lines(value, 0, 0)
}

/// A value at a depth, where so much of its first line is taken already.
fn lines(value: &Value, depth: usize, taken: usize) -> String {
    let line = inline(value);
    if 2 * depth + taken + line.len() < WIDTH {
        return line;
    }
    let (open, items, close): (_, Vec<String>, _) = match value {
        Value::Object(members) => {
            let member = |(name, of): (&String, &Value)| {
                let name = format!("{}: ", Value::from(name.as_str()));
                let of = lines(of, depth + 1, name.len());
                name + &of
            };
            ("{", members.iter().map(member).collect(), "}")
        }
        Value::Array(items) => (
            "[",
            items.iter().map(|item| lines(item, depth + 1, 0)).collect(),
            "]",
        ),
        _ => return line,
    };
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    format!(
        "{open}\n{inner}{}\n{outer}{close}",
        items.join(&format!(",\n{inner}"))
    )
}

fn inline(value: &Value) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let member = |(name, of): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), inline(of))
            };
            format!(
                "{{ {} }}",
                members.iter().map(member).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(inline).collect::<Vec<_>>().join(", ")
        ),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_fits_stands_on_a_line() {
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
