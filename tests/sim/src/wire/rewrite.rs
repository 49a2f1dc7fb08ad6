//! Replaces values in an answer, as an AWS would answer that knows more than we do.

use serde_json::Value;

use super::Body;
use super::xml::Element;

impl Body {
    /// Gives every member at the end of this path another value, or removes it: `item/kmsKeyId`
    /// means each `kmsKeyId` within an `item`. Lists of JSON have no name in a path.
    pub(crate) fn rewrite(&mut self, path: &str, value: Option<&Value>) {
        let path: Vec<&str> = path.split('/').collect();
        match self {
            Self::Xml(elements) => rewrite_elements(elements, &mut Vec::new(), &path, value),
            Self::Json(json) => rewrite_json(json, &mut Vec::new(), &path, value),
        }
    }
}

fn rewrite_elements(
    elements: &mut Vec<Element>,
    parents: &mut Vec<String>,
    path: &[&str],
    value: Option<&Value>,
) {
    elements.retain_mut(|element| {
        parents.push(element.name().to_owned());
        let is_meant = ends_with(parents, path);
        match value {
            Some(value) if is_meant => element.set_text(text_of(value)),
            None if is_meant => {}
            _ => rewrite_elements(element.children_mut(), parents, path, value),
        }
        parents.pop();
        !is_meant || value.is_some()
    });
}

fn rewrite_json(json: &mut Value, parents: &mut Vec<String>, path: &[&str], value: Option<&Value>) {
    match json {
        Value::Array(items) => {
            for item in items {
                rewrite_json(item, parents, path, value);
            }
        }
        Value::Object(members) => members.retain(|name, member| {
            parents.push(name.clone());
            let is_meant = ends_with(parents, path);
            match value {
                Some(value) if is_meant => *member = value.clone(),
                None if is_meant => {}
                _ => rewrite_json(member, parents, path, value),
            }
            parents.pop();
            !is_meant || value.is_some()
        }),
        _ => {}
    }
}

fn ends_with(parents: &[String], path: &[&str]) -> bool {
    let skipped = parents.len().saturating_sub(path.len());
    parents.len() >= path.len() && parents.iter().skip(skipped).eq(path.iter())
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn xml() -> Body {
        let item = |id: &str| vec![Element::of("id", id), Element::of("group", "all")];
        Body::Xml(vec![
            Element::list("set", [item("a"), item("b")]),
            Element::of("id", "outer"),
        ])
    }

    fn xml_after(path: &str, value: Option<&Value>) -> String {
        let mut body = xml();
        body.rewrite(path, value);
        let Body::Xml(elements) = body else {
            return String::new();
        };
        let whole = Element::new("x").children(elements).document();
        whole.lines().last().unwrap_or_default().to_owned()
    }

    #[test]
    fn value_is_replaced_or_removed_at_each_end_of_the_path() {
        let table = [
            (
                "item/id",
                Some(json!("new")),
                "<x><set><item><id>new</id><group>all</group></item><item><id>new</id>\
                 <group>all</group></item></set><id>outer</id></x>",
            ),
            (
                "id",
                None,
                "<x><set><item><group>all</group></item><item><group>all</group></item></set></x>",
            ),
            ("set", Some(json!(7)), "<x><set>7</set><id>outer</id></x>"),
        ];
        for (path, value, expected) in table {
            assert_eq!(xml_after(path, value.as_ref()), expected, "{path}");
        }
    }

    #[test]
    fn lists_of_json_have_no_name_in_a_path() {
        let mut body = Body::Json(json!({ "Grants": [{ "Name": "a", "Id": 1 }, { "Name": "b" }] }));
        body.rewrite("Grants/Name", Some(&json!(["x"])));
        body.rewrite("Id", None);
        let expected = json!({ "Grants": [{ "Name": ["x"] }, { "Name": ["x"] }] });
        assert_eq!(body, Body::Json(expected));
    }
}
