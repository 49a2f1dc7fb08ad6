//! SSM parameters, those of the type `aws:ec2:image` above all (R5.9).

use serde_json::{Map, Value, json};

use crate::auth;
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{ImageState, Parameter, World};

type Params = Map<String, Value>;

pub(crate) fn call(
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

/// The parameter's name, if the caller may do this to it.
fn allowed<'a>(
    params: &'a Params,
    request: &Request<'_>,
    operation: &str,
) -> Result<&'a str, Fail> {
    let name = params
        .get("Name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if name.is_empty()
        || !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/_.-".contains(c))
    {
        let message = "Parameter name must be a fully qualified name of letters, numbers and the \
                       symbols .-_ with / between.";
        return Err(Fail::bad("ValidationException", message));
    }
    let arn = format!(
        "arn:aws:ssm:{}:{}:parameter/{}",
        request.region,
        request.account(),
        name.trim_start_matches('/')
    );
    let context = auth::context(request.caller, request.region);
    auth::service(
        request.caller,
        &format!("ssm:{operation}"),
        &arn,
        &context,
        (400, "AccessDeniedException"),
    )?;
    Ok(name)
}

fn put(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let name = allowed(params, request, "PutParameter")?;
    let of = |name: &str| params.get(name).and_then(Value::as_str);
    let value = of("Value")
        .ok_or_else(|| Fail::bad("ValidationException", "A parameter needs a value."))?;
    let data_type = of("DataType").unwrap_or("text");
    let kind = of("Type").unwrap_or("String");
    if data_type == "aws:ec2:image" && kind != "String" {
        let message =
            "The data type aws:ec2:image is only supported for parameters of the type String.";
        return Err(Fail::bad("ValidationException", message));
    }
    let place = (request.region.to_owned(), name.to_owned());
    let account = request.account().to_owned();
    let before = world
        .accounts
        .get(&account)
        .and_then(|account| account.parameters.get(&place));
    if before.is_some() && params.get("Overwrite") != Some(&Value::Bool(true)) {
        let message = "The parameter already exists. To overwrite this value, set the overwrite \
                       option in the request to true.";
        return Err(Fail::bad("ParameterAlreadyExists", message));
    }
    let version = before.map_or(0, |before| before.version) + 1;
    // The answer comes before the check: where the image is not there for the account, nothing is
    // written (R5.9).
    if data_type != "aws:ec2:image" || is_image(world, value, request) {
        let parameter = Parameter {
            value: value.to_owned(),
            data_type: data_type.to_owned(),
            kind: kind.to_owned(),
            version,
            written: request.now,
        };
        world
            .accounts
            .entry(account)
            .or_default()
            .parameters
            .insert(place, parameter);
    }
    Ok(Body::Json(
        json!({ "Version": version, "Tier": "Standard" }),
    ))
}

/// Whether it is an image that the caller may describe, and that is available to its account.
fn is_image(world: &World, id: &str, request: &Request<'_>) -> bool {
    let context = auth::context(request.caller, request.region);
    let may_describe = auth::service(
        request.caller,
        "ec2:DescribeImages",
        "*",
        &context,
        (403, ""),
    )
    .is_ok();
    let available = |image: &crate::world::Image| {
        image.region == request.region
            && image.state == ImageState::Available
            && crate::services::ec2::is_available_to(world, image, request)
    };
    may_describe && world.images.get(id).is_some_and(available)
}

fn get(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let name = allowed(params, request, "GetParameter")?;
    let place = (request.region.to_owned(), name.to_owned());
    let found = world
        .accounts
        .get(request.account())
        .and_then(|account| account.parameters.get(&place));
    let parameter = found.ok_or_else(|| Fail::bad("ParameterNotFound", ""))?;
    Ok(Body::Json(json!({ "Parameter": {
        "Name": name,
        "Type": parameter.kind,
        "Value": parameter.value,
        "Version": parameter.version,
        "LastModifiedDate": request.clock.epoch(parameter.written),
        "ARN": format!("arn:aws:ssm:{}:{}:parameter/{}", request.region, request.account(), name.trim_start_matches('/')),
        "DataType": parameter.data_type,
    } })))
}

fn delete(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let name = allowed(params, request, "DeleteParameter")?;
    let place = (request.region.to_owned(), name.to_owned());
    let account = world
        .accounts
        .entry(request.account().to_owned())
        .or_default();
    account
        .parameters
        .remove(&place)
        .ok_or_else(|| Fail::bad("ParameterNotFound", ""))?;
    Ok(Body::Json(json!({})))
}
