//! JSON as people write it by hand: a value that fits a line is on one line.

use serde_json::Value;

const WIDTH: usize = 110;

pub(crate) fn write_json(value: &Value) -> String {
    format!("{}\n", write_value(value, 0))
}

fn write_value(value: &Value, indent: usize) -> String {
    let line = write_line(value);
    // An object with several members is easier to read with one member a line.
    let is_deep = value
        .as_object()
        .is_some_and(|members| members.len() > 2 || members.contains_key("Statement"));
    if !is_deep && line.len() + indent <= WIDTH {
        return line;
    }
    let mut parts = Vec::new();
    let (open, close) = match value {
        Value::Array(list) => {
            parts.extend(list.iter().map(|one| write_value(one, indent + 2)));
            ('[', ']')
        }
        Value::Object(members) => {
            for (name, value) in members {
                parts.push(format!("\"{name}\": {}", write_value(value, indent + 2)));
            }
            ('{', '}')
        }
        _ => return line,
    };
    let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + 2));
    let parts = parts.join(&format!(",\n{inner}"));
    format!("{open}\n{inner}{parts}\n{outer}{close}")
}

fn write_line(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let parts: Vec<String> = list.iter().map(write_line).collect();
            format!("[{}]", parts.join(", "))
        }
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let mut parts = Vec::new();
            for (name, value) in members {
                parts.push(format!("\"{name}\": {}", write_line(value)));
            }
            format!("{{ {} }}", parts.join(", "))
        }
        other => other.to_string(),
    }
}
