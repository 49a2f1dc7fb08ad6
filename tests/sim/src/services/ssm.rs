//! SSM parameters, of which the type `aws:ec2:image` matters most (R5.9).

use serde_json::{Map, Value, json};

use super::{Request, ec2};
use crate::auth;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{ImageState, Parameter, World};

type Params = Map<String, Value>;

pub(super) fn call(
    world: &mut World,
    operation: &str,
    params: &Params,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "PutParameter" => put(world, params, request),
        "GetParameter" => get(world, params, request),
        "DeleteParameter" => delete(world, params, request),
        _ => Err(Fail::bad("UnknownOperationException", "")),
    }
}

fn text<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.get(name).and_then(Value::as_str)
}

/// The parameter's name, if the caller may do this to it.
fn authorized_name<'a>(
    params: &'a Params,
    request: &Request<'_>,
    operation: &str,
) -> Result<&'a str, Fail> {
    let name = text(params, "Name").unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || "/_.-".contains(c);
    if name.is_empty() || !name.chars().all(fits) {
        let message = "Parameter name must be a fully qualified name of letters, numbers and the \
                       symbols .-_ with / between.";
        return Err(Fail::bad("ValidationException", message));
    }
    let context = auth::context(request.caller, request.region);
    let action = format!("ssm:{operation}");
    let denied = (400, "AccessDeniedException");
    auth::authorize_service(
        request.caller,
        &action,
        &arn(name, request),
        &context,
        denied,
    )?;
    Ok(name)
}

fn arn(name: &str, request: &Request<'_>) -> String {
    let (region, account) = (request.region, request.account());
    let name = name.trim_start_matches('/');
    format!("arn:aws:ssm:{region}:{account}:parameter/{name}")
}

fn put(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let name = authorized_name(params, request, "PutParameter")?;
    let Some(value) = text(params, "Value") else {
        let message = "A parameter needs a value.";
        return Err(Fail::bad("ValidationException", message));
    };
    let data_type = text(params, "DataType").unwrap_or("text");
    let kind = text(params, "Type").unwrap_or("String");
    if data_type == "aws:ec2:image" && kind != "String" {
        let message =
            "The data type aws:ec2:image is only supported for parameters of the type String.";
        return Err(Fail::bad("ValidationException", message));
    }
    let place = (request.region.to_owned(), name.to_owned());
    let account = world.accounts.get(request.account());
    let before = account.and_then(|account| account.parameters.get(&place));
    if before.is_some() && params.get("Overwrite") != Some(&Value::Bool(true)) {
        let message = "The parameter already exists. To overwrite this value, set the overwrite \
                       option in the request to true.";
        return Err(Fail::bad("ParameterAlreadyExists", message));
    }
    let version = before.map_or(0, |before| before.version) + 1;
    // The answer comes before the check. If the image is not available to the account, nothing is
    // written (R5.9).
    if data_type != "aws:ec2:image" || is_image(world, value, request) {
        let parameter = Parameter {
            value: value.to_owned(),
            data_type: data_type.to_owned(),
            kind: kind.to_owned(),
            version,
            written: request.now,
        };
        let account = request.account().to_owned();
        let account = world.accounts.entry(account).or_default();
        account.parameters.insert(place, parameter);
    }
    let answer = json!({ "Version": version, "Tier": "Standard" });
    Ok(Body::Json(answer))
}

/// Whether it is an image that the caller may describe, and that is available to its account.
fn is_image(world: &World, id: &str, request: &Request<'_>) -> bool {
    let context = auth::context(request.caller, request.region);
    let action = "ec2:DescribeImages";
    let Some(image) = world.images.get(id) else {
        return false;
    };
    auth::authorize_service(request.caller, action, "*", &context, (403, "")).is_ok()
        && image.region == request.region
        && image.state == ImageState::Available
        && ec2::is_available_to(world, image, request)
}

fn get(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let name = authorized_name(params, request, "GetParameter")?;
    let place = (request.region.to_owned(), name.to_owned());
    let account = world.accounts.get(request.account());
    let Some(parameter) = account.and_then(|account| account.parameters.get(&place)) else {
        return Err(Fail::bad("ParameterNotFound", ""));
    };
    Ok(Body::Json(json!({ "Parameter": {
        "Name": name,
        "Type": parameter.kind,
        "Value": parameter.value,
        "Version": parameter.version,
        "LastModifiedDate": request.clock.epoch(parameter.written),
        "ARN": arn(name, request),
        "DataType": parameter.data_type,
    } })))
}

fn delete(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let name = authorized_name(params, request, "DeleteParameter")?;
    let place = (request.region.to_owned(), name.to_owned());
    let account = request.account().to_owned();
    let account = world.accounts.entry(account).or_default();
    if account.parameters.remove(&place).is_none() {
        return Err(Fail::bad("ParameterNotFound", ""));
    }
    Ok(Body::Json(json!({})))
}
