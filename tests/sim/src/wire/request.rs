//! From an HTTP request to a call.

use bytes::Bytes;
use http::{HeaderMap, Request};
use serde_json::Value;

use super::{Call, Fail, Params, Query, Service};

/// The operation of STS that anybody may call.
pub(crate) const WITH_WEB_IDENTITY: &str = "AssumeRoleWithWebIdentity";

/// Reads a request. The signature must be there, but is not checked: the simulation has no
/// secrets.
///
/// # Errors
/// The error, and the service in whose form it is written.
pub fn read(request: &Request<Bytes>) -> Result<Call, (Service, Fail)> {
    let headers = request.headers();
    let Some(authorization) = header(headers, "authorization") else {
        if let Some(call) = unsigned_call(request) {
            return Ok(call);
        }
        let message = "Request is missing Authentication Token";
        return Err(forbidden(headers, "MissingAuthenticationToken", message));
    };
    let Some((key, region, service)) = scope(authorization) else {
        let message = "Authorization header requires 'Credential' parameter of the form \
                       KEY/DATE/REGION/SERVICE/aws4_request.";
        return Err(forbidden(headers, "IncompleteSignature", message));
    };
    let Some(service) = Service::of(service) else {
        let message =
            format!("Credential should be scoped to a simulated service, not: '{service}'.");
        return Err(forbidden(headers, "SignatureDoesNotMatch", &message));
    };
    let call = match service {
        Service::Kms | Service::Organizations | Service::Ssm => json_call(service, request),
        Service::AutoScaling | Service::Ec2 | Service::Iam | Service::Sts => query_call(request),
    };
    let (operation, params) = call.map_err(|fail| (service, fail))?;
    Ok(Call {
        service,
        operation,
        params,
        access_key_id: key.to_owned(),
        session_token: header(headers, "x-amz-security-token").map(str::to_owned),
        region: region.to_owned(),
    })
}

/// The one call that needs no signature, since its token says who calls.
fn unsigned_call(request: &Request<Bytes>) -> Option<Call> {
    let (operation, params) = query_call(request).ok()?;
    if operation != WITH_WEB_IDENTITY {
        return None;
    }
    let host = request.uri().host().map(str::to_owned);
    let host = host.or_else(|| header(request.headers(), "host").map(str::to_owned))?;
    // The endpoint without a Region is that of us-east-1.
    let region = host
        .strip_prefix("sts.")
        .and_then(|rest| rest.split('.').next());
    let region = region.filter(|region| region.contains('-'));
    Some(Call {
        service: Service::Sts,
        operation,
        params,
        access_key_id: String::new(),
        session_token: None,
        region: region.unwrap_or("us-east-1").to_owned(),
    })
}

/// The access key, the Region and the service that a signature names.
fn scope(authorization: &str) -> Option<(&str, &str, &str)> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let credential = credential.split([',', ' ']).next()?;
    let parts: Vec<&str> = credential.split('/').collect();
    match parts[..] {
        [key, _date, region, service, "aws4_request"] => Some((key, region, service)),
        _ => None,
    }
}

fn forbidden(headers: &HeaderMap, code: &'static str, message: &str) -> (Service, Fail) {
    (guess_service(headers), Fail::new(403, code, message))
}

/// The service in whose form an error is written before the signature has named one.
pub(super) fn guess_service(headers: &HeaderMap) -> Service {
    match header(headers, "x-amz-target") {
        Some(target) => {
            let others = [Service::Organizations, Service::Ssm].into_iter();
            let mut named = others.filter(|service| target.starts_with(service.target()));
            named.next().unwrap_or(Service::Kms)
        }
        None => Service::Ec2,
    }
}

fn json_call(service: Service, request: &Request<Bytes>) -> Result<(String, Params), Fail> {
    let target = header(request.headers(), "x-amz-target").unwrap_or_default();
    let Some(operation) = target.strip_prefix(service.target()) else {
        return Err(Fail::bad("UnknownOperationException", ""));
    };
    match serde_json::from_slice(request.body()) {
        Ok(Value::Object(members)) => Ok((operation.to_owned(), Params::Json(members))),
        _ => Err(Fail::bad("SerializationException", "")),
    }
}

fn query_call(request: &Request<Bytes>) -> Result<(String, Params), Fail> {
    let url_query = request.uri().query().unwrap_or_default();
    let query = Query::parse(url_query.as_bytes(), request.body())?;
    let Some(operation) = query.get("Action").map(str::to_owned) else {
        return Err(Fail::bad(
            "MissingAction",
            "The request is missing an action",
        ));
    };
    Ok((operation, Params::Query(query)))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
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
    fn a_malformed_request_gets_an_error() {
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
