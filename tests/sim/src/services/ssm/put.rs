//! `PutParameter` and `LabelParameterVersion`.

use serde_json::{Value, json};

use super::names::check;
use super::{Params, authorize, invalid, not_found, tags, text, texts};
use crate::auth;
use crate::policy::matches;
use crate::services::{Request, ec2};
use crate::wire::{Body, Fail, Outcome};
use crate::world::{ImageState, Parameter, World};

/// How many characters a value has, in each tier.
const STANDARD: usize = 4_096;
const ADVANCED: usize = 8_192;

/// The prefix of parameters of integrations, which AWS knows by this number.
const INTEGRATIONS: &str = "/d9d01087-4a3f-49e0-b0b4-d568d7826553/ssm/integrations";

pub(super) fn put(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let name = text(params, "Name").unwrap_or_default();
    check(name)?;
    authorize(request, "PutParameter", name)?;
    let Some(value) = text(params, "Value") else {
        return Err(invalid("A parameter needs a value."));
    };
    let place = (request.region.to_owned(), name.to_owned());
    let account = world.accounts.get(request.account());
    let before = account.and_then(|account| account.parameters.get(&place)?.last().cloned());
    let overwrite = params.get("Overwrite") == Some(&Value::Bool(true));
    let new_tags = tags::read(params)?;
    if overwrite && params.contains_key("Tags") {
        return Err(invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter \
             with tags, please remove overwrite flag. To update tags for an existing parameter, \
             please use AddTagsToResource or RemoveTagsFromResource.",
        ));
    }
    let new = read(params, value, before.as_ref(), request)?;
    check_form(name, &new)?;
    check_tier(before.as_ref(), &new)?;
    check_data_type(before.as_ref(), &new)?;
    if before.is_some() && !overwrite {
        let message = "The parameter already exists. To overwrite this value, set the overwrite \
                       option in the request to true.";
        return Err(Fail::bad("ParameterAlreadyExists", message));
    }
    let answer = json!({ "Version": new.version, "Tier": new.tier });
    // The answer comes before the check. If the image is not available to the account, nothing is
    // written (R5.9).
    if new.data_type != "aws:ec2:image" || is_image(world, value, request) {
        let account = world
            .accounts
            .entry(request.account().to_owned())
            .or_default();
        if before.is_none() {
            account.parameter_tags.insert(place.clone(), new_tags);
        }
        account.parameters.entry(place).or_default().push(new);
    }
    Ok(Body::Json(answer))
}

/// The new version. What a request leaves out stays as it was.
fn read(
    params: &Params,
    value: &str,
    before: Option<&Parameter>,
    request: &Request<'_>,
) -> Result<Parameter, Fail> {
    const KINDS: [&str; 3] = ["SecureString", "StringList", "String"];
    let given = |name: &str, former: Option<&String>| {
        let former = || former.cloned();
        text(params, name).map(str::to_owned).or_else(former)
    };
    let kind = given("Type", before.map(|before| &before.kind));
    let kind =
        kind.ok_or_else(|| invalid("A parameter type is required when you create a parameter."))?;
    if !KINDS.contains(&kind.as_str()) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{kind}' at 'type' failed to satisfy constraint: \
             Member must satisfy enum value set: [{}]",
            KINDS.join(", ")
        )));
    }
    let data_type = given("DataType", before.map(|before| &before.data_type));
    let pattern = before.and_then(|before| before.allowed_pattern.as_ref());
    Ok(Parameter {
        value: value.to_owned(),
        data_type: data_type.unwrap_or_else(|| "text".to_owned()),
        kind,
        version: before.map_or(0, |before| before.version) + 1,
        written: request.now,
        writer: request.caller.facts.arn.clone(),
        description: given(
            "Description",
            before.and_then(|before| before.description.as_ref()),
        ),
        allowed_pattern: given("AllowedPattern", pattern),
        tier: tier_of(text(params, "Tier"), value, before).to_owned(),
        key: text(params, "KeyId").map(str::to_owned),
        labels: Vec::new(),
    })
}

/// The tier that a request gives a parameter. Without one it is the default of the account, which
/// is `Standard` here (R5.16).
fn tier_of(given: Option<&str>, value: &str, before: Option<&Parameter>) -> &'static str {
    let is_advanced = before.is_some_and(|before| before.tier == "Advanced");
    let needs_advanced = is_advanced || value.chars().count() > STANDARD;
    match given {
        Some("Advanced") => "Advanced",
        Some("Intelligent-Tiering") if needs_advanced => "Advanced",
        _ => "Standard",
    }
}

/// A parameter is never taken from the advanced tier to the standard one (R5.16).
fn check_tier(before: Option<&Parameter>, new: &Parameter) -> Result<(), Fail> {
    let was_advanced = before.is_some_and(|before| before.tier == "Advanced");
    if was_advanced && new.tier != "Advanced" {
        return Err(invalid(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from \
             the advanced-parameter tier to the standard-parameter tier. If necessary, you can \
             delete the advanced parameter and recreate it as a standard parameter.",
        ));
    }
    Ok(())
}

/// A text does not become an AMI ID that is checked, nor the other way round (R5.20).
fn check_data_type(before: Option<&Parameter>, new: &Parameter) -> Result<(), Fail> {
    match before {
        Some(before) if before.kind == new.kind && before.data_type != new.data_type => {
            Err(invalid("The data type of a parameter can't be changed."))
        }
        _ => Ok(()),
    }
}

fn check_form(name: &str, new: &Parameter) -> Result<(), Fail> {
    if new.data_type == "aws:ec2:image" && new.kind != "String" {
        return Err(invalid(
            "The data type aws:ec2:image is only supported for parameters of the type String.",
        ));
    }
    if new.data_type == "aws:ssm:integration" && !name.starts_with(INTEGRATIONS) {
        return Err(invalid(format!(
            "Parameters with data type: aws:ssm:integration must start with prefix: {INTEGRATIONS}"
        )));
    }
    let length = new.value.chars().count();
    if new.tier != "Advanced" && length > STANDARD {
        return Err(invalid(format!(
            "Standard tier parameters support a maximum parameter value of {STANDARD} characters. \
             To create a larger parameter value, upgrade the parameter to use the \
             advanced-parameter tier. For more information, see \
             https://docs.aws.amazon.com/systems-manager/latest/userguide/\
             parameter-store-advanced-parameters.html"
        )));
    }
    if length > ADVANCED {
        return Err(invalid(format!(
            "Advanced tier parameters support a maximum parameter value of {ADVANCED} characters."
        )));
    }
    if let Some(pattern) = &new.allowed_pattern
        && !fits_pattern(pattern, &new.value)
    {
        let message =
            format!("Parameter value, cannot be validated against allowedPattern: {pattern}");
        return Err(Fail::bad("ParameterPatternMismatchException", message));
    }
    Ok(())
}

/// Whether a value fits a pattern, of which only `.*` and `.` are simulated besides plain text.
fn fits_pattern(pattern: &str, value: &str) -> bool {
    let plain = pattern.trim_start_matches('^').trim_end_matches('$');
    matches(&plain.replace(".*", "*").replace('.', "?"), value)
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

/// Labels one version, the newest unless the request says another. A label moves.
pub(super) fn label(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let name = text(params, "Name").unwrap_or_default();
    check(name)?;
    authorize(request, "LabelParameterVersion", name)?;
    let account = world
        .accounts
        .entry(request.account().to_owned())
        .or_default();
    let place = (request.region.to_owned(), name.to_owned());
    let versions = account.parameters.get_mut(&place).ok_or_else(not_found)?;
    let wanted = params.get("ParameterVersion").and_then(Value::as_u64);
    let wanted = wanted.or(versions.last().map(|newest| newest.version));
    let labels = texts(params, "Labels");
    if !versions.iter().any(|known| Some(known.version) == wanted) {
        return Err(Fail::bad("ParameterVersionNotFound", ""));
    }
    for version in versions {
        version
            .labels
            .retain(|label| !labels.contains(&label.as_str()));
        if Some(version.version) == wanted {
            version
                .labels
                .extend(labels.iter().map(|label| (*label).to_owned()));
        }
    }
    let answer = json!({ "InvalidLabels": [], "ParameterVersion": wanted });
    Ok(Body::Json(answer))
}
