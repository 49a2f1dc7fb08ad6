//! SSM parameters, of which the type `aws:ec2:image` matters most (R5.9).

mod list;
mod names;
mod put;
mod tags;

use serde_json::{Map, Value, json};

use super::Request;
use crate::auth;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Parameter, World};
use names::Name;

type Params = Map<String, Value>;

/// What is answered for a secret that the request does not ask to decrypt.
const CIPHERTEXT: &str = "AQICAHciphertext";

pub(super) fn call(
    world: &mut World,
    operation: &str,
    params: &Params,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "PutParameter" => put::put(world, params, request),
        "GetParameter" => get(world, params, request),
        "GetParameters" => get_several(world, params, request),
        "GetParametersByPath" => list::by_path(world, params, request),
        "GetParameterHistory" => list::history(world, params, request),
        "DescribeParameters" => list::describe(world, params, request),
        "LabelParameterVersion" => put::label(world, params, request),
        "DeleteParameter" => delete(world, params, request),
        "DeleteParameters" => delete_several(world, params, request),
        "AddTagsToResource" => tags::add(world, params, request),
        "RemoveTagsFromResource" => tags::remove(world, params, request),
        "ListTagsForResource" => tags::list(world, params, request),
        _ => Err(Fail::bad("UnknownOperationException", "")),
    }
}

fn text<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.get(name).and_then(Value::as_str)
}

fn texts<'a>(params: &'a Params, name: &str) -> Vec<&'a str> {
    let list = params.get(name).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn invalid(message: impl Into<String>) -> Fail {
    Fail::bad("ValidationException", message)
}

/// Asks IAM for an action on a parameter of the caller.
fn authorize(request: &Request<'_>, operation: &str, name: &str) -> Result<(), Fail> {
    let context = request.context();
    let (action, arn) = (format!("ssm:{operation}"), arn(name, request));
    let denied = (400, "AccessDeniedException");
    auth::authorize_service(request.caller, &action, &arn, &context, denied)
}

fn arn(name: &str, request: &Request<'_>) -> String {
    let (region, account) = (request.region, request.account());
    let name = name.trim_start_matches('/');
    let partition = request.partition();
    format!("arn:{partition}:ssm:{region}:{account}:parameter/{name}")
}

/// The versions of a parameter of the caller, the newest last.
fn versions<'a>(world: &'a World, name: &str, request: &Request<'_>) -> Option<&'a [Parameter]> {
    let account = world.accounts.get(request.account())?;
    let place = (request.region.to_owned(), name.to_owned());
    let versions = account.parameters.get(&place)?;
    (!versions.is_empty()).then_some(versions)
}

/// The ARN of the parameter that a text names, with or without a version or label.
pub(super) fn parameter_arn(named: &str, request: &Request<'_>) -> String {
    let plain = Name::read(named).map_or(named, |name| name.plain);
    arn(plain, request)
}

/// The value of a parameter of the caller, in the version that the text names. Parameters that
/// other accounts share are not simulated.
pub(super) fn value(world: &World, named: &str, request: &Request<'_>) -> Result<String, Fail> {
    if named.starts_with("arn:") && named.split(':').nth(4) != Some(request.account()) {
        return Err(not_found());
    }
    let name = Name::read(named)?;
    let versions = versions(world, name.plain, request).ok_or_else(not_found)?;
    Ok(name.select(versions)?.value.clone())
}

fn not_found() -> Fail {
    Fail::bad("ParameterNotFound", "")
}

/// The value of a parameter, as a request asks for it.
fn shown_value<'a>(parameter: &'a Parameter, params: &Params) -> &'a str {
    let decrypts = params.get("WithDecryption") == Some(&Value::Bool(true));
    if parameter.kind == "SecureString" && !decrypts {
        CIPHERTEXT
    } else {
        &parameter.value
    }
}

/// A parameter as it is answered. The selector is that of the request.
fn render(name: &Name<'_>, parameter: &Parameter, params: &Params, request: &Request<'_>) -> Value {
    let mut shown = json!({
        "Name": name.plain,
        "Type": parameter.kind,
        "Value": shown_value(parameter, params),
        "Version": parameter.version,
        "LastModifiedDate": request.clock.epoch(parameter.written),
        "ARN": arn(name.plain, request),
        "DataType": parameter.data_type,
    });
    if let Some(selector) = name.selector {
        shown["Selector"] = json!(format!(":{selector}"));
    }
    shown
}

fn get(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let name = Name::read(text(params, "Name").unwrap_or_default())?;
    authorize(request, "GetParameter", name.plain)?;
    let versions = versions(world, name.plain, request).ok_or_else(not_found)?;
    let parameter = name.select(versions)?;
    let shown = render(&name, parameter, params, request);
    Ok(Body::Json(json!({ "Parameter": shown })))
}

/// Names that are given twice are answered once, and the answer is in the order of the names
/// (recorded).
fn get_several(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let mut names = texts(params, "Names");
    names.sort_unstable_by_key(|name| (name.split(':').next(), std::cmp::Reverse(*name)));
    names.dedup();
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for text in names {
        let name = Name::read(text)?;
        authorize(request, "GetParameters", name.plain)?;
        let versions = versions(world, name.plain, request);
        match versions.and_then(|versions| name.select(versions).ok()) {
            Some(parameter) => found.push(render(&name, parameter, params, request)),
            None => unknown.push(text),
        }
    }
    let answer = json!({ "Parameters": found, "InvalidParameters": unknown });
    Ok(Body::Json(answer))
}

fn take(world: &mut World, name: &str, request: &Request<'_>) -> bool {
    let place = (request.region.to_owned(), name.to_owned());
    let account = world
        .accounts
        .entry(request.account().to_owned())
        .or_default();
    account.parameters.remove(&place).is_some()
}

fn delete(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let name = Name::read(text(params, "Name").unwrap_or_default())?.plain;
    authorize(request, "DeleteParameter", name)?;
    if take(world, name, request) {
        Ok(Body::Json(json!({})))
    } else {
        Err(not_found())
    }
}

fn delete_several(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let (mut deleted, mut unknown) = (Vec::new(), Vec::new());
    for name in texts(params, "Names") {
        authorize(request, "DeleteParameters", name)?;
        if take(world, name, request) {
            deleted.push(name);
        } else {
            unknown.push(name);
        }
    }
    let answer = json!({ "DeletedParameters": deleted, "InvalidParameters": unknown });
    Ok(Body::Json(answer))
}
