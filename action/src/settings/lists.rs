//! Lists as people and pipelines give them: words, or a JSON list or object.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// More values than this are a mistake: no account lists so many of anything that it shares.
pub(super) const MOST_VALUES: usize = 5_000;

/// The members of a JSON object, also those that it names twice.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// The words of a list, which commas and white space separate, or the values of a JSON list. A
/// member of a JSON object is its name and its value with `separator` between them.
pub(super) fn split(text: &str, separator: char) -> Result<Vec<String>, String> {
    let text = text.trim();
    let words = if text.starts_with('[') {
        let values: Vec<Value> = serde_json::from_str(text).map_err(not_json)?;
        values.iter().map(word).collect::<Result<_, _>>()?
    } else if text.starts_with('{') {
        let mut words = Vec::new();
        for (name, value) in members(text)? {
            words.push(format!("{name}{separator}{value}"));
        }
        words
    } else {
        text.split(|c: char| c == ',' || c.is_whitespace())
            // A list in YAML has a dash before each value.
            .filter(|word| !word.is_empty() && *word != "-")
            .map(str::to_owned)
            .collect()
    };
    if words.is_empty() && !text.is_empty() {
        return Err("there is no value in it: give at least one, or leave it out".to_owned());
    }
    check_count(words.len())?;
    Ok(words)
}

/// Refuses more values than a list may have.
pub(super) fn check_count(values: usize) -> Result<(), String> {
    if values > MOST_VALUES {
        return Err(format!(
            "{values} values are given, and at most {MOST_VALUES} can be"
        ));
    }
    Ok(())
}

/// The members of a JSON object, whose values are texts or numbers.
pub(super) fn members(text: &str) -> Result<Vec<(String, String)>, String> {
    let Members(members) = serde_json::from_str(text.trim()).map_err(not_json)?;
    let mut pairs = Vec::new();
    for (name, value) in members {
        pairs.push((name.trim().to_owned(), word(&value)?));
    }
    Ok(pairs)
}

fn word(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err("a value in the JSON is neither a text nor a number".to_owned()),
    }
}

fn not_json(error: serde_json::Error) -> String {
    format!(
        "it begins like JSON and is none ({error}): give words with commas or white space between \
         them, or valid JSON such as `[\"one\", \"two\"]`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_words_or_json() {
        let table = [
            ("a b", "a|b"),
            ("a,b\n c", "a|b|c"),
            ("- a\n- b", "a|b"),
            (r#"["a", "b"]"#, "a|b"),
            (
                r#"["111111111111", 222222222222]"#,
                "111111111111|222222222222",
            ),
            (
                r#"{"us-east-1": "x", "eu-west-1": "y"}"#,
                "us-east-1=x|eu-west-1=y",
            ),
            (r#"{"a": "x", "a": "y"}"#, "a=x|a=y"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(split(text, '=').unwrap().join("|"), expected, "{text}");
        }
    }

    #[test]
    fn list_that_is_too_long_is_refused() {
        let list = |values: usize| vec!["a"; values].join(" ");
        assert_eq!(split(&list(MOST_VALUES), '=').unwrap().len(), MOST_VALUES);
        let problem = split(&list(MOST_VALUES + 1), '=').unwrap_err();
        assert!(
            problem.contains("5001 values") && problem.contains("at most 5000"),
            "{problem}"
        );
    }

    #[test]
    fn list_without_value_and_broken_json_are_refused() {
        for text in [
            ",",
            " , ",
            "-",
            "[]",
            "{}",
            "[a]",
            r#"["a""#,
            r#"[["a"]]"#,
            "[null]",
            r#"{"a": []}"#,
        ] {
            assert!(split(text, '=').is_err(), "{text}");
        }
    }
}
