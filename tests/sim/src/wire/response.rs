//! From an outcome to an HTTP response.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use serde_json::json;

use super::request::guess_service;
use super::xml::Element;
use super::{Body, Fail, Outcome, Service};

const AUTO_SCALING: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";
const EC2: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
const IAM: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
const STS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Writes the answer in the form of its service.
pub fn write(
    service: Service,
    operation: &str,
    request_id: &str,
    outcome: &Outcome,
) -> Response<Bytes> {
    let (kind, body) = match service {
        Service::Ec2 => (
            "text/xml;charset=UTF-8",
            ec2_xml(operation, request_id, outcome),
        ),
        Service::AutoScaling => (
            "text/xml",
            result_xml(AUTO_SCALING, operation, request_id, outcome),
        ),
        Service::Iam => ("text/xml", result_xml(IAM, operation, request_id, outcome)),
        Service::Sts => ("text/xml", result_xml(STS, operation, request_id, outcome)),
        Service::Kms | Service::Organizations | Service::Ssm => {
            ("application/x-amz-json-1.1", json_text(outcome))
        }
    };
    let status = match outcome {
        Ok(_) => StatusCode::OK,
        Err(fail) => StatusCode::from_u16(fail.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// The answer to a request with a larger body than any of these services takes.
pub fn too_large(headers: &HeaderMap) -> Response<Bytes> {
    let message = "The request is larger than this service takes";
    let fail = Fail::new(413, "RequestEntityTooLarge", message);
    write(guess_service(headers), "", "", &Err(fail))
}

fn ec2_xml(operation: &str, request_id: &str, outcome: &Outcome) -> String {
    let response = match outcome {
        Ok(body) => Element::new(format!("{operation}Response"))
            .attribute("xmlns", EC2)
            .text("requestId", request_id)
            .children(elements(body)),
        Err(fail) => {
            let error = Element::new("Error")
                .text("Code", &*fail.code)
                .text("Message", &fail.message);
            Element::new("Response")
                .child(Element::new("Errors").child(error))
                .text("RequestID", request_id)
        }
    };
    response.document()
}

/// The form of Auto Scaling, STS and IAM.
fn result_xml(
    namespace: &'static str,
    operation: &str,
    request_id: &str,
    outcome: &Outcome,
) -> String {
    let response = match outcome {
        Ok(body) => {
            let mut response =
                Element::new(format!("{operation}Response")).attribute("xmlns", namespace);
            let members = elements(body);
            // Operations without a result have no element for it, but one has an empty result.
            if !members.is_empty() || operation == "UpdateRole" {
                let result = Element::new(format!("{operation}Result"));
                response = response.child(result.children(members));
            }
            response.child(Element::new("ResponseMetadata").text("RequestId", request_id))
        }
        Err(fail) => {
            let error = Element::new("Error")
                .text("Type", "Sender")
                .text("Code", &*fail.code)
                .text("Message", &fail.message);
            Element::new("ErrorResponse")
                .attribute("xmlns", namespace)
                .child(error)
                .text("RequestId", request_id)
        }
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
