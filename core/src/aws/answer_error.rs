//! The error in an answer, before the SDK has made one of it.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};
use serde_json::Value;

use crate::diagnostic::AwsAnswer;

/// AWS's error in the body of an answer, JSON or XML; `None` if it is none.
pub(super) fn read_error(response: &HttpResponse) -> Option<AwsAnswer> {
    if response.status().is_success() {
        return None;
    }
    let text = std::str::from_utf8(response.body().bytes()?).ok()?;
    let (code, message) = if let Ok(answer) = serde_json::from_str::<Value>(text) {
        // KMS may put a namespace and `#` before the code.
        let code = answer["__type"].as_str()?.rsplit('#').next()?.to_owned();
        let message = answer["message"].as_str().or(answer["Message"].as_str());
        (code, message.unwrap_or_default().to_owned())
    } else {
        let mut document = Document::try_from(text.as_bytes()).ok()?;
        xml_error(&mut document.root_element().ok()?)?
    };
    Some(AwsAnswer::new(&code, &message, None))
}

/// The code and the message of an `Error`; EC2 has it in a list of `Errors`.
fn xml_error(parent: &mut ScopedDecoder<'_, '_>) -> Option<(String, String)> {
    while let Some(mut element) = parent.next_tag() {
        match element.start_el().local() {
            "Errors" => return xml_error(&mut element),
            "Error" => return code_and_message(&mut element),
            _ => {}
        }
    }
    None
}

fn code_and_message(error: &mut ScopedDecoder<'_, '_>) -> Option<(String, String)> {
    let (mut code, mut message) = (None, String::new());
    while let Some(mut member) = error.next_tag() {
        let name = member.start_el().local().to_owned();
        if name != "Code" && name != "Message" {
            continue;
        }
        let text = try_data(&mut member).ok()?.trim().to_owned();
        if name == "Code" {
            code = Some(text);
        } else {
            message = text;
        }
    }
    Some((code?, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_found_in_both_kinds_of_answers() {
        const XML: &str = "<Response><Errors><Error><Code>RequestLimitExceeded</Code>\
                           <Message>Too fast.</Message></Error></Errors></Response>";
        const JSON: &str = r#"{"__type":"com.amazonaws.kms#LimitExceededException","message":"x"}"#;
        const IAM: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code>\
                           <Message>Rate &amp; more</Message></Error></ErrorResponse>";
        const NESTED: &str = "<Response><Errors><Error><Message>&lt;Code>Throttling&lt;/Code>\
                              </Message></Error></Errors></Response>";
        for (status, body, expected) in [
            (503_u16, XML, Some(("RequestLimitExceeded", "Too fast."))),
            (400, JSON, Some(("LimitExceededException", "x"))),
            (400, r#"{"__type":"X"}"#, Some(("X", ""))),
            (503, IAM, Some(("Throttling", "Rate & more"))),
            (503, NESTED, None),
            (200, XML, None),
            (503, "<html>", None),
            (400, "", None),
        ] {
            let response = HttpResponse::new(status.try_into().unwrap(), body.into());
            let error = read_error(&response);
            let found = error.as_ref().map(|aws| (&*aws.code, &*aws.message));
            assert_eq!(found, expected, "{body}");
        }
    }
}
