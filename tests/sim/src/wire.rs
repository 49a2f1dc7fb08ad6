//! From HTTP to calls and back: Query with XML of EC2, STS and IAM, JSON 1.1 of KMS and SSM.

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
    /// AWS IAM.
    Iam,
    /// AWS KMS.
    Kms,
    /// AWS Systems Manager.
    Ssm,
    /// AWS STS.
    Sts,
}

impl Service {
    /// The prefix of its actions.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Iam => "iam",
            Self::Kms => "kms",
            Self::Ssm => "ssm",
            Self::Sts => "sts",
        }
    }

    /// The service of a prefix.
    pub(crate) fn of(prefix: &str) -> Option<Self> {
        [Self::Ec2, Self::Iam, Self::Kms, Self::Ssm, Self::Sts]
            .into_iter()
            .find(|service| service.prefix() == prefix)
    }

    /// What stands before the operation in the target of a JSON request.
    fn target(self) -> &'static str {
        if self == Self::Ssm {
            "AmazonSSM."
        } else {
            "TrentService."
        }
    }
}

/// What a call asks with.
#[derive(Clone, Debug, PartialEq)]
pub enum Params {
    /// Of EC2, IAM and STS.
    Query(Query),
    /// Of KMS and SSM.
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
    pub fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
        }
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
    let guessed = guess(headers);
    let unsigned = || {
        let message = "Request is missing Authentication Token";
        (
            guessed,
            Fail::new(403, "MissingAuthenticationToken", message),
        )
    };
    let authorization = text(headers, "authorization").ok_or_else(unsigned)?;
    let incomplete = || {
        let message = "Authorization header requires 'Credential' parameter of the form \
                       KEY/DATE/REGION/SERVICE/aws4_request.";
        (guessed, Fail::new(403, "IncompleteSignature", message))
    };
    let credential = authorization
        .split_once("Credential=")
        .map(|(_, rest)| rest)
        .ok_or_else(incomplete)?;
    let credential = credential.split([',', ' ']).next().unwrap_or_default();
    let [key, _date, region, service, "aws4_request"] =
        credential.split('/').collect::<Vec<_>>()[..]
    else {
        return Err(incomplete());
    };
    let service = Service::of(service).ok_or_else(|| {
        let message =
            format!("Credential should be scoped to a simulated service, not: '{service}'.");
        (guessed, Fail::new(403, "SignatureDoesNotMatch", message))
    })?;
    let (operation, params) = match service {
        Service::Kms | Service::Ssm => json_call(service, request),
        Service::Ec2 | Service::Iam | Service::Sts => query_call(request),
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

/// The service in whose form an error is written before the signature has told which it is.
fn guess(headers: &HeaderMap) -> Service {
    match text(headers, "x-amz-target") {
        Some(target) if target.starts_with(Service::Ssm.target()) => Service::Ssm,
        Some(_) => Service::Kms,
        None => Service::Ec2,
    }
}

/// What is said of a request whose body is larger than any of these services takes.
pub fn too_large(headers: &HeaderMap) -> Response<Bytes> {
    let fail = Fail::new(
        413,
        "RequestEntityTooLarge",
        "The request is larger than this service takes",
    );
    write(guess(headers), "", "", &Err(fail))
}

fn json_call(service: Service, request: &Request<Bytes>) -> Result<(String, Params), Fail> {
    let target = text(request.headers(), "x-amz-target")
        .and_then(|target| target.strip_prefix(service.target()));
    let operation = target.ok_or_else(|| Fail::bad("UnknownOperationException", ""))?;
    match serde_json::from_slice(request.body()) {
        Ok(Value::Object(members)) => Ok((operation.to_owned(), Params::Json(members))),
        _ => Err(Fail::bad("SerializationException", "")),
    }
}

fn query_call(request: &Request<Bytes>) -> Result<(String, Params), Fail> {
    let query = Query::parse(
        request.uri().query().unwrap_or_default().as_bytes(),
        request.body(),
    )?;
    let operation = query.get("Action").map(str::to_owned);
    let operation =
        operation.ok_or_else(|| Fail::bad("MissingAction", "The request is missing an action"))?;
    Ok((operation, Params::Query(query)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Writes the answer in the form of its service.
pub fn write(
    service: Service,
    operation: &str,
    request_id: &str,
    outcome: &Outcome,
) -> Response<Bytes> {
    let status = outcome.as_ref().map_or_else(|fail| fail.status, |_| 200);
    let (kind, body) = match service {
        Service::Ec2 => (
            "text/xml;charset=UTF-8",
            ec2_xml(operation, request_id, outcome).document(),
        ),
        Service::Iam => (
            "text/xml",
            result_xml(
                "https://iam.amazonaws.com/doc/2010-05-08/",
                operation,
                request_id,
                outcome,
            ),
        ),
        Service::Sts => (
            "text/xml",
            result_xml(
                "https://sts.amazonaws.com/doc/2011-06-15/",
                operation,
                request_id,
                outcome,
            ),
        ),
        Service::Kms | Service::Ssm => ("application/x-amz-json-1.1", json_text(outcome)),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static(kind),
    );
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
                Element::new("Errors").child(
                    Element::new("Error")
                        .text("Code", &*fail.code)
                        .text("Message", &fail.message),
                ),
            )
            .text("RequestID", request_id),
    }
}

/// The form of STS and IAM.
fn result_xml(
    namespace: &'static str,
    operation: &str,
    request_id: &str,
    outcome: &Outcome,
) -> String {
    let metadata = |response: Element| {
        response.child(Element::new("ResponseMetadata").text("RequestId", request_id))
    };
    let response = match outcome {
        Ok(body) => {
            let response =
                Element::new(format!("{operation}Response")).attribute("xmlns", namespace);
            match elements(body) {
                // Operations without a result have no element for it.
                members if members.is_empty() => metadata(response),
                members => metadata(
                    response.child(Element::new(format!("{operation}Result")).children(members)),
                ),
            }
        }
        Err(fail) => Element::new("ErrorResponse")
            .attribute("xmlns", namespace)
            .child(
                Element::new("Error")
                    .text("Type", "Sender")
                    .text("Code", &*fail.code)
                    .text("Message", &fail.message),
            )
            .text("RequestId", request_id),
    };
    response.document()
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

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIA1/20261124/us-east-1/ec2/aws4_request, \
                          SignedHeaders=host, Signature=0";

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
            (
                request(Some("AWS4-HMAC-SHA256 Credential=a/b"), ""),
                "IncompleteSignature",
            ),
            (
                request(Some(&SIGNED.replace("/ec2/", "/s3/")), ""),
                "SignatureDoesNotMatch",
            ),
            (request(Some(SIGNED), "Name=x"), "MissingAction"),
            (
                request(Some(SIGNED), "Action=X&A=1&A=2"),
                "InvalidParameterValue",
            ),
            (
                request(Some(&SIGNED.replace("/ec2/", "/kms/")), "{}"),
                "UnknownOperationException",
            ),
        ];
        for (request, code) in table {
            assert_eq!(read(&request).unwrap_err().1.code, code);
        }
    }
}
