//! Whether an answer is one to the call that was sent.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_xml::decode::{Document, XmlDecodeError, try_data};
use serde_json::Value;

use super::lists;

/// The actions that EC2 answers with `return`, true if it was done, and otherwise little else.
const ANSWERED_BY_RETURN: [&str; 11] = [
    "CreateTags",
    "DeleteSecurityGroup",
    "DeleteSnapshot",
    "DeleteTags",
    "DeregisterImage",
    "DisableImage",
    "EnableImageDeprecation",
    "EnableImageDeregistrationProtection",
    "ModifyImageAttribute",
    "ModifySnapshotAttribute",
    "RevokeSecurityGroupEgress",
];

/// What the answer to a request must look like.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// EC2, IAM and STS answer with XML, in an element that is named by the action.
    Xml(String),
    /// KMS, Organizations and SSM answer to an action with JSON, or with nothing.
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
    let answer: Value =
        serde_json::from_slice(body).map_err(|error| format!("it is no JSON: {error}"))?;
    match answer.as_object() {
        None => Err("it is no object in JSON".to_owned()),
        Some(members) if members.contains_key("__type") => {
            Err("it is an error that says it is none".to_owned())
        }
        Some(_) => Ok(answer),
    }
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
    // An element without content ends itself. Only the root may, or the rest is cut off behind it.
    let is_empty = root.ends_with("/>") && root.matches('<').count() == 1;
    if !root.ends_with(&format!("</{action}Response>")) && !is_empty {
        return Err("it is cut off".to_owned());
    }
    if !ANSWERED_BY_RETURN.contains(&action) {
        return Ok(());
    }
    match read_return(text) {
        Ok(answers) if answers == ["true"] => Ok(()),
        Ok(_) => Err("AWS does not say that it was done".to_owned()),
        Err(error) => Err(format!("it cannot be read: {error}")),
    }
}

/// The values of `return` of an answer itself, which has one.
fn read_return(text: &str) -> Result<Vec<String>, XmlDecodeError> {
    let mut document = Document::try_from(text.as_bytes())?;
    let mut root = document.root_element()?;
    let mut values = Vec::new();
    while let Some(mut member) = root.next_tag() {
        if member.start_el().local() == "return" {
            values.push(try_data(&mut member)?.trim().to_owned());
        }
    }
    Ok(values)
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
            "<?xml version=\"1.0\"?>\n<ModifyImageAttributeResponse><requestId>1</requestId>\
             <return>true</return></ModifyImageAttributeResponse>\n",
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
            "<ModifyImageAttributeResponse/>",
            "<ModifyImageAttributeResponse><return>true</return><tagSet/>",
            "<ModifyImageAttributeResponse><return>true</return><x><tagSet/>",
            "<ModifyImageAttributeResponse><requestId>1</requestId></ModifyImageAttributeResponse>",
            "<ModifyImageAttributeResponse><return>TRUE</return></ModifyImageAttributeResponse>",
            "<ModifyImageAttributeResponse><x><return>true</return></x>\
             </ModifyImageAttributeResponse>",
            "<ModifyImageAttributeResponse><return>true</return><return>false</return>\
             </ModifyImageAttributeResponse>",
        ];
        for text in bad {
            assert!(expected.check(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn answer_that_is_cut_anywhere_does_not_pass() {
        let whole = "<DescribeImagesResponse><imagesSet><item><productCodes/><tagSet/></item>\
                     </imagesSet><x/></DescribeImagesResponse>";
        let expected = Expected::Xml("DescribeImages".to_owned());
        assert_eq!(expected.check(whole.as_bytes()), Ok(()));
        for end in 0..whole.len() {
            let cut = &whole[..end];
            assert!(expected.check(cut.as_bytes()).is_err(), "{cut}");
        }
    }

    #[test]
    fn json_is_an_object_or_nothing() {
        for (text, passes) in [
            ("", true),
            ("{}", true),
            ("<html>", false),
            ("{\"a\":", false),
            ("[]", false),
            ("{\"__type\":\"AccessDeniedException\"}", false),
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
