//! Whether an answer is one to the call that was sent.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::Value;

use super::lists;

/// What the answer to a request must look like.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// EC2, IAM and STS answer with XML, in an element that is named by the action.
    Xml(String),
    /// KMS and SSM answer to an action with JSON, or with nothing.
    Json(String),
    /// Anything, such as the answer of an endpoint for credentials.
    Anything,
}

impl Expected {
    pub(super) fn of(request: &HttpRequest) -> Self {
        if let Some(target) = request.headers().get("x-amz-target") {
            let action = target.rsplit('.').next().unwrap_or(target);
            return Self::Json(action.to_owned());
        }
        let body = request.body().bytes().unwrap_or_default();
        let body = String::from_utf8_lossy(body);
        for parameter in body.split('&') {
            if let Some(action) = parameter.strip_prefix("Action=") {
                return Self::Xml(action.to_owned());
            }
        }
        Self::Anything
    }

    /// What is wrong with the body of an answer that says that all went well.
    pub(super) fn check(&self, body: &[u8]) -> Result<(), Wrong> {
        match self {
            Self::Anything => Ok(()),
            Self::Json(action) => {
                let answer = parse_json(body).map_err(Wrong::NoAnswer)?;
                lists::check_json(action, &answer).map_err(Wrong::Unreadable)
            }
            Self::Xml(action) => {
                let text = String::from_utf8_lossy(body);
                check_xml(action, &text).map_err(Wrong::NoAnswer)?;
                lists::check_xml(action, &text).map_err(Wrong::Unreadable)
            }
        }
    }
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is none of AWS's.
    NoAnswer(String),
    /// It lacks something that this version needs.
    Unreadable(String),
}

fn parse_json(body: &[u8]) -> Result<Value, String> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|error| format!("it is no JSON: {error}"))
}

fn check_xml(action: &str, text: &str) -> Result<(), String> {
    let text = text.trim();
    let root = match text.strip_prefix("<?xml") {
        Some(rest) => rest
            .split_once("?>")
            .map_or("", |(_, root)| root.trim_start()),
        None => text,
    };
    let begin = format!("<{action}Response");
    let ends_name = |rest: &str| rest.starts_with(['>', ' ', '/', '\n', '\t', '\r']);
    if !root.strip_prefix(&begin).is_some_and(ends_name) {
        return Err(format!("it is no answer to {action}"));
    }
    if !root.ends_with(&format!("</{action}Response>")) && !root.ends_with("/>") {
        return Err("it is cut off".to_owned());
    }
    if root.contains("<return>false</return>") {
        return Err("AWS says that it was not done, and not why".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_to_the_action_passes() {
        let expected = Expected::Xml("ModifyImageAttribute".to_owned());
        let good = [
            "<ModifyImageAttributeResponse xmlns=\"x\"><return>true</return>\
             </ModifyImageAttributeResponse>",
            "<?xml version=\"1.0\"?>\n<ModifyImageAttributeResponse>\
             </ModifyImageAttributeResponse>\n",
            "<ModifyImageAttributeResponse/>",
        ];
        for text in good {
            assert_eq!(expected.check(text.as_bytes()), Ok(()), "{text}");
        }
        let bad = [
            "",
            "ok",
            "<html></html>",
            "<?xml version=\"1.0\"",
            "<DescribeImagesResponse></DescribeImagesResponse>",
            "<ModifyImageAttributeResponseX/>",
            "<ModifyImageAttributeResponse><return>true</return>",
            "<ModifyImageAttributeResponse><return>false</return></ModifyImageAttributeResponse>",
            "<Response><Errors><Error><Code>X</Code></Error></Errors></Response>",
        ];
        for text in bad {
            assert!(expected.check(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn json_is_an_object_or_nothing() {
        for (text, passes) in [
            ("", true),
            ("{}", true),
            ("<html>", false),
            ("{\"a\":", false),
        ] {
            assert_eq!(
                Expected::Json("GetKeyPolicy".to_owned())
                    .check(text.as_bytes())
                    .is_ok(),
                passes,
                "{text}"
            );
        }
    }
}
