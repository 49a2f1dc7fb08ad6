//! Launch templates: made, given versions, deleted (R4.19).

use std::collections::BTreeMap;

use super::authorize::authorize;
use super::client_token::ClientToken;
use super::describe_launch_templates::{template_answer, version_answer};
use super::launch_template_names::{by_id, by_name, named, resource, version};
use super::tags::{self, Tagging};
use super::{dry_run, image_parameter};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::{Fail, Outcome, Query};
use crate::world::{LaunchTemplate, TemplateVersion, World};

pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let name = query.need("LaunchTemplateName")?;
    let tags = Tagging::read(query, &["launch-template"])?.others;
    let made = [resource(world, "*", request)];
    let context = tags::context(&tags, None);
    authorize(request, "ec2:CreateLaunchTemplate", &made, &context)?;
    if !tags.is_empty() {
        let context = tags::context(&tags, Some("CreateLaunchTemplate"));
        authorize(request, "ec2:CreateTags", &made, &context)?;
    }
    check_name(name)?;
    let data = read_data(query, request)?;
    tags::check_policy(world, &tags, request)?;
    let token = query.filled("ClientToken");
    let token = token.map(|token| ClientToken::new(format!("template {token}"), query, request));
    if let Some(token) = &token
        && let Some(id) = token.recall(world)?
    {
        return Ok(template_answer(by_id(world, id, request)?, request));
    }
    if by_name(world, name, request).is_some() {
        let message = "Launch template name already in use.";
        let code = "InvalidLaunchTemplateName.AlreadyExistsException";
        return Err(Fail::bad(code, message));
    }
    let own = world.launch_templates_of(request.account(), request.region);
    check_quota(request, own.count(), TEMPLATES, "launch templates")?;
    dry_run(query)?;
    let id = world.new_id("lt");
    let template = LaunchTemplate {
        id: id.clone(),
        name: name.to_owned(),
        owner: request.account().to_owned(),
        region: request.region.to_owned(),
        created: request.now,
        creator: request.caller.facts.arn.clone(),
        default_version: 1,
        versions: [(1, new_version(1, data, query, request))].into(),
        tags,
    };
    let answer = template_answer(&template, request);
    if let Some(token) = token {
        token.remember(world, &id);
    }
    world.launch_templates.insert(id, template);
    Ok(answer)
}

/// How many launch templates an account can have in a Region, and how many versions each of them.
const TEMPLATES: usize = 5_000;
const VERSIONS: usize = 10_000;
/// The longest description of a version.
const DESCRIPTION_CHARACTERS: usize = 255;

/// Adds a version, which may begin with the parameters of another one.
pub(super) fn create_version(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let template = authorized(world, query, request, "CreateLaunchTemplateVersion")?.clone();
    let mut data = read_data(query, request)?;
    if let Some(source) = query.filled("SourceVersion") {
        let source = version(&template, Some(source))?;
        data = Query::from(data)
            .over(&Query::from(source.data.clone()))
            .into();
    }
    let token = query.filled("ClientToken");
    let token = token.map(|token| ClientToken::new(format!("version {token}"), query, request));
    if let Some(token) = &token
        && let Some(number) = token.recall(world)?
    {
        let version = version(&template, Some(number))?;
        return Ok(version_answer(&template, version, request));
    }
    check_quota(request, template.versions.len(), VERSIONS, "versions")?;
    dry_run(query)?;
    let number = template.latest_version() + 1;
    let made = new_version(number, data, query, request);
    let answer = version_answer(&template, &made, request);
    if let Some(token) = token {
        token.remember(world, &number.to_string());
    }
    if let Some(template) = world.launch_templates.get_mut(&template.id) {
        template.versions.insert(number, made);
    }
    Ok(answer)
}

/// Makes another version the default one.
pub(super) fn modify(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let mut template = authorized(world, query, request, "ModifyLaunchTemplate")?.clone();
    if let Some(number) = query.filled("SetDefaultVersion") {
        template.default_version = version(&template, Some(number))?.number;
    }
    dry_run(query)?;
    let answer = template_answer(&template, request);
    world.launch_templates.insert(template.id.clone(), template);
    Ok(answer)
}

pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let template = authorized(world, query, request, "DeleteLaunchTemplate")?.clone();
    dry_run(query)?;
    world.launch_templates.remove(&template.id);
    Ok(template_answer(&template, request))
}

fn new_version(
    number: u64,
    data: BTreeMap<String, String>,
    query: &Query,
    request: &Request<'_>,
) -> TemplateVersion {
    TemplateVersion {
        number,
        description: query.filled("VersionDescription").map(str::to_owned),
        created: request.now,
        creator: request.caller.facts.arn.clone(),
        data,
    }
}

fn check_name(name: &str) -> Result<(), Fail> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "()./-_".contains(c);
    if (3..=128).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    let message = "A launch template name must be between 3 and 128 characters, and may contain \
                   letters, numbers, and the following characters: - ( ) . / _.";
    Err(Fail::bad("InvalidLaunchTemplateName.Malformed", message))
}

/// AWS's code and words are not known (R4.19).
fn check_quota(request: &Request<'_>, count: usize, most: usize, what: &str) -> Result<(), Fail> {
    if !request.options.quotas || count < most {
        return Ok(());
    }
    let message = format!("You have reached the limit of {most} {what}.");
    Err(Fail::bad("ResourceLimitExceeded", message))
}

/// The parameters of a version. Whoever names a parameter for the image must be able to read it;
/// the values count only when a launch uses them.
fn read_data(query: &Query, request: &Request<'_>) -> Result<BTreeMap<String, String>, Fail> {
    let description = query.filled("VersionDescription").unwrap_or_default();
    if description.chars().count() > DESCRIPTION_CHARACTERS {
        // AWS's words are not known (R4.19).
        let message =
            format!("VersionDescription has more than {DESCRIPTION_CHARACTERS} characters.");
        return Err(Fail::invalid_value(message));
    }
    let data = query.part("LaunchTemplateData");
    if data.pairs().next().is_none() {
        let message = "No launch template data was provided. Launch template data is required to \
                       create a launch template.";
        return Err(Fail::bad("MissingParameter", message));
    }
    image_parameter::authorize(data.get("ImageId").unwrap_or_default(), request)?;
    Ok(data.into())
}

/// The launch template that a request names, if the caller may do this to it.
fn authorized<'a>(
    world: &'a World,
    query: &Query,
    request: &Request<'_>,
    operation: &str,
) -> Result<&'a LaunchTemplate, Fail> {
    let template = named(world, query, request);
    let id = match &template {
        Ok(template) => &template.id,
        Err(_) => query.filled("LaunchTemplateId").unwrap_or("*"),
    };
    let action = format!("ec2:{operation}");
    let resource = [resource(world, id, request)];
    authorize(request, &action, &resource, &Context::new())?;
    template
}
