//! From HTTP to calls and back: EC2's and STS's Query with XML, KMS's JSON 1.1.

pub mod query;
pub mod xml;

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use serde_json::{Map, Value, json};

pub use query::Query;
use xml::Element;

/// The services that are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Amazon EC2.
    Ec2,
    /// AWS KMS.
    Kms,
    /// AWS STS.
    Sts,
}

impl Service {
    /// The prefix of its actions.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Kms => "kms",
            Self::Sts => "sts",
        }
    }
}

/// What a call asks with.
#[derive(Clone, Debug, PartialEq)]
pub enum Params {
    /// Of EC2 and STS.
    Query(Query),
    /// Of KMS.
    Json(Map<String, Value>),
}

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The service.
    pub service: Service,
    /// Such as `CopyImage`.
    pub operation: String,
    /// The parameters.
    pub params: Params,
    /// The access key that signed it.
    pub access_key_id: String,
    /// The session token beside it.
    pub session_token: Option<String>,
    /// The Region that it was signed for.
    pub region: String,
}

/// An error of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fail {
    /// HTTP status.
    pub status: u16,
    /// The error code.
    pub code: Cow<'static, str>,
    /// The message.
    pub message: String,
}

impl Fail {
    /// An error with a status.
    pub fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    /// An error with status 400, as most are.
    pub fn bad(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }
}

/// What a call is answered with.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// The members of an XML answer.
    Xml(Vec<Element>),
    /// A JSON answer.
    Json(Value),
}

/// The answer of a call.
pub type Outcome = Result<Body, Fail>;

/// Reads a request. Its signature is looked for, not checked: the secret is no secret here.
///
/// # Errors
/// The service in whose form the error is to be written, and the error.
pub fn read(request: &Request<Bytes>) -> Result<Call, (Service, Fail)> {
    let headers = request.headers();
    let guessed = if headers.contains_key("x-amz-target") { Service::Kms } else { Service::Ec2 };
    let unsigned = || {
        let message = "Request is missing Authentication Token";
        (guessed, Fail::new(403, "MissingAuthenticationToken", message))
    };
    let authorization = text(headers, "authorization").ok_or_else(unsigned)?;
    let incomplete = || {
        let message =
            "Authorization header requires 'Credential' parameter of the form KEY/DATE/REGION/SERVICE/aws4_request.";
        (guessed, Fail::new(403, "IncompleteSignature", message))
    };
    let credential = authorization.split_once("Credential=").map(|(_, rest)| rest).ok_or_else(incomplete)?;
    let credential = credential.split([',', ' ']).next().unwrap_or_default();
    let [key, _date, region, service, "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..] else {
        return Err(incomplete());
    };
    let service = match service {
        "ec2" => Service::Ec2,
        "kms" => Service::Kms,
        "sts" => Service::Sts,
        other => {
            let message =
                format!("Credential should be scoped to a simulated service: ec2, kms or sts, not: '{other}'.");
            return Err((guessed, Fail::new(403, "SignatureDoesNotMatch", message)));
        }
    };
    let (operation, params) = match service {
        Service::Kms => json_call(request),
        Service::Ec2 | Service::Sts => query_call(request),
    }
    .map_err(|fail| (service, fail))?;
    Ok(Call {
        service,
        operation,
        params,
        access_key_id: key.to_owned(),
        session_token: text(headers, "x-amz-security-token").map(str::to_owned),
        region: region.to_owned(),
    })
}

fn json_call(request: &Request<Bytes>) -> Result<(String, Params), Fail> {
    let target = text(request.headers(), "x-amz-target").and_then(|target| target.strip_prefix("TrentService."));
    let operation = target.ok_or_else(|| Fail::bad("UnknownOperationException", ""))?;
    match serde_json::from_slice(request.body()) {
        Ok(Value::Object(members)) => Ok((operation.to_owned(), Params::Json(members))),
        _ => Err(Fail::bad("SerializationException", "")),
    }
}

fn query_call(request: &Request<Bytes>) -> Result<(String, Params), Fail> {
    let query = Query::parse(request.uri().query().unwrap_or_default().as_bytes(), request.body())?;
    let operation = query.get("Action").map(str::to_owned);
    let operation = operation.ok_or_else(|| Fail::bad("MissingAction", "The request is missing an action"))?;
    Ok((operation, Params::Query(query)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Writes the answer in the form of its service.
pub fn write(service: Service, operation: &str, request_id: &str, outcome: &Outcome) -> Response<Bytes> {
    let status = outcome.as_ref().map_or_else(|fail| fail.status, |_| 200);
    let (kind, body) = match service {
        Service::Ec2 => ("text/xml;charset=UTF-8", ec2_xml(operation, request_id, outcome).document()),
        Service::Sts => ("text/xml", sts_xml(operation, request_id, outcome).document()),
        Service::Kms => ("application/x-amz-json-1.1", json_text(outcome)),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    if let Ok(id) = http::HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

fn ec2_xml(operation: &str, request_id: &str, outcome: &Outcome) -> Element {
    match outcome {
        Ok(body) => Element::new(format!("{operation}Response"))
            .attribute("xmlns", "http://ec2.amazonaws.com/doc/2016-11-15/")
            .text("requestId", request_id)
            .children(elements(body)),
        Err(fail) => Element::new("Response")
            .child(
                Element::new("Errors")
                    .child(Element::new("Error").text("Code", &*fail.code).text("Message", &fail.message)),
            )
            .text("RequestID", request_id),
    }
}

fn sts_xml(operation: &str, request_id: &str, outcome: &Outcome) -> Element {
    const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
    match outcome {
        Ok(body) => Element::new(format!("{operation}Response"))
            .attribute("xmlns", NAMESPACE)
            .child(Element::new(format!("{operation}Result")).children(elements(body)))
            .child(Element::new("ResponseMetadata").text("RequestId", request_id)),
        Err(fail) => Element::new("ErrorResponse")
            .attribute("xmlns", NAMESPACE)
            .child(
                Element::new("Error").text("Type", "Sender").text("Code", &*fail.code).text("Message", &fail.message),
            )
            .text("RequestId", request_id),
    }
}

fn elements(body: &Body) -> Vec<Element> {
    match body {
        Body::Xml(elements) => elements.clone(),
        Body::Json(_) => Vec::new(),
    }
}

fn json_text(outcome: &Outcome) -> String {
    match outcome {
        Ok(Body::Json(value)) => value.to_string(),
        Ok(Body::Xml(_)) => "{}".to_owned(),
        Err(fail) => json!({ "__type": fail.code, "message": fail.message }).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(authorization: Option<&str>, body: &'static str) -> Request<Bytes> {
        let mut builder = Request::builder().method("POST").uri("/");
        if let Some(value) = authorization {
            builder = builder.header("authorization", value);
        }
        builder.body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    const SIGNED: &str =
        "AWS4-HMAC-SHA256 Credential=AKIA1/20261124/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0";

    #[test]
    fn the_scope_of_the_signature_decides_service_and_region() {
        let call = read(&request(Some(SIGNED), "Action=CopyImage&Name=a%20b")).unwrap();
        assert_eq!(
            (call.service, call.operation.as_str(), call.region.as_str()),
            (Service::Ec2, "CopyImage", "us-east-1")
        );
        assert_eq!(call.access_key_id, "AKIA1");
    }

    #[test]
    fn malformed_requests_get_errors() {
        let table = [
            (request(None, "Action=X"), "MissingAuthenticationToken"),
            (request(Some("AWS4-HMAC-SHA256 Credential=a/b"), ""), "IncompleteSignature"),
            (request(Some(&SIGNED.replace("/ec2/", "/s3/")), ""), "SignatureDoesNotMatch"),
            (request(Some(SIGNED), "Name=x"), "MissingAction"),
            (request(Some(SIGNED), "Action=X&A=1&A=2"), "InvalidParameterValue"),
            (request(Some(&SIGNED.replace("/ec2/", "/kms/")), "{}"), "UnknownOperationException"),
        ];
        for (request, code) in table {
            assert_eq!(read(&request).unwrap_err().1.code, code);
        }
    }
}
