//! The error in an answer, before the SDK has made one of it.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde_json::Value;

use crate::diagnostic::AwsAnswer;

/// AWS's error in the body of an answer, JSON or XML; `None` if it is none.
pub(super) fn read_error(response: &HttpResponse) -> Option<AwsAnswer> {
    if response.status().is_success() {
        return None;
    }
    let text = std::str::from_utf8(response.body().bytes()?).ok()?;
    let (code, message) = match serde_json::from_str::<Value>(text) {
        Ok(answer) => {
            // KMS may put a namespace and `#` before the code.
            let code = answer["__type"].as_str()?.rsplit('#').next()?.to_owned();
            let message = answer["message"].as_str().or(answer["Message"].as_str());
            (code, message.unwrap_or_default().to_owned())
        }
        Err(_) => (
            element(text, "Code")?,
            element(text, "Message").unwrap_or_default(),
        ),
    };
    Some(AwsAnswer::new(&code, &message, None))
}

/// The text of the first element of a name.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once(&format!("</{name}>"))?;
    Some(value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_found_in_both_kinds_of_answers() {
        const XML: &str = "<Response><Errors><Error><Code>RequestLimitExceeded</Code>\
                           <Message>Too fast.</Message></Error></Errors></Response>";
        const JSON: &str = r#"{"__type":"com.amazonaws.kms#LimitExceededException","message":"x"}"#;
        for (status, body, expected) in [
            (503_u16, XML, Some(("RequestLimitExceeded", "Too fast."))),
            (400, JSON, Some(("LimitExceededException", "x"))),
            (400, r#"{"__type":"X"}"#, Some(("X", ""))),
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
