//! Launch templates and their versions, as answers show them (R4.19).

use super::authorize::authorize_all;
use super::{dry_run, filter, image_parameter, launch_template_data, launch_template_names, tags};
use crate::services::Request;
use crate::services::pages::Page;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query, bool_text};
use crate::world::{LaunchTemplate, TemplateVersion, World};

/// The answer of operations on one launch template.
pub(super) fn template_answer(template: &LaunchTemplate, request: &Request<'_>) -> Body {
    let element = Element::new("launchTemplate").children(render(template, request));
    Body::Xml(vec![element])
}

/// The answer of the operation that makes a version.
pub(super) fn version_answer(
    template: &LaunchTemplate,
    version: &TemplateVersion,
    request: &Request<'_>,
) -> Body {
    let members = render_version(template, version, request);
    let element = Element::new("launchTemplateVersion").children(members);
    Body::Xml(vec![element])
}

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeLaunchTemplates")?;
    dry_run(query)?;
    let (ids, names) = (
        query.list("LaunchTemplateId"),
        query.list("LaunchTemplateName"),
    );
    for id in &ids {
        launch_template_names::by_id(world, id, request)?;
    }
    for name in &names {
        if launch_template_names::by_name(world, name, request).is_none() {
            let message =
                "At least one of the launch templates specified in the request does not exist.";
            return Err(launch_template_names::name_not_found(message));
        }
    }
    let filters = query.members("Filter");
    let mut items = Vec::new();
    for template in world.launch_templates_of(request.account(), request.region) {
        let is_named =
            ids.contains(&template.id.as_str()) || names.contains(&template.name.as_str());
        let fits = filter::fits(&filters, Some(&template.tags), |name| {
            Some(match name {
                "launch-template-name" => vec![&template.name],
                _ => return None,
            })
        })?;
        if fits && (is_named || ids.is_empty() && names.is_empty()) {
            items.push(render(template, request));
        }
    }
    page(query, request, "launchTemplates", items)
}

/// The versions of one launch template, or the newest or default ones of all.
pub(super) fn describe_versions(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeLaunchTemplateVersions")?;
    dry_run(query)?;
    let requested = query.list("LaunchTemplateVersion");
    let mut found = Vec::new();
    if query.has("LaunchTemplateId") || query.has("LaunchTemplateName") {
        let template = launch_template_names::named(world, query, request)?;
        found = versions_of(template, query, &requested)?;
    } else {
        for template in world.launch_templates_of(request.account(), request.region) {
            for name in &requested {
                let version = template
                    .version(Some(name))
                    .filter(|_| name.starts_with('$'));
                let version = version.ok_or_else(|| {
                    // AWS's code and words are not known (R4.19).
                    let message = format!("Version {name} needs a launch template.");
                    Fail::bad("MissingParameter", message)
                })?;
                found.push((template, version));
            }
        }
    }
    let resolves = query.flag("ResolveAlias")? == Some(true);
    let filters = query.members("Filter");
    let mut items = Vec::new();
    for (template, version) in found {
        let mut version = version.clone();
        if let Some(image) = version.data.get_mut("ImageId")
            && resolves
        {
            *image = image_parameter::resolve(world, image, request)?;
        }
        let is_default = version.number == template.default_version;
        let fits = filter::fits(&filters, None, |name| {
            let datum = |key| version.data.get(key).map(String::as_str);
            Some(match name {
                "image-id" => datum("ImageId").into_iter().collect(),
                "instance-type" => datum("InstanceType").into_iter().collect(),
                "is-default-version" => vec![bool_text(is_default)],
                _ => return None,
            })
        })?;
        if fits {
            items.push(render_version(template, &version, request));
        }
    }
    page(query, request, "launchTemplateVersionSet", items)
}

/// The versions of a launch template that a request names or bounds, the newest first.
fn versions_of<'a>(
    template: &'a LaunchTemplate,
    query: &Query,
    requested: &[&str],
) -> Result<Vec<(&'a LaunchTemplate, &'a TemplateVersion)>, Fail> {
    let mut found = Vec::new();
    for name in requested {
        found.push((
            template,
            launch_template_names::version(template, Some(name))?,
        ));
    }
    if requested.is_empty() {
        let bound = |name| query.filled(name).and_then(|text| text.parse().ok());
        let (least, most) = (bound("MinVersion"), bound("MaxVersion"));
        for version in template.versions.values().rev() {
            let number = version.number;
            if number >= least.unwrap_or(1) && most.is_none_or(|most| number <= most) {
                found.push((template, version));
            }
        }
    }
    Ok(found)
}

fn page(
    query: &Query,
    request: &Request<'_>,
    name: &'static str,
    items: Vec<Vec<Element>>,
) -> Outcome {
    let size = match query.filled("MaxResults").map(str::parse) {
        None => usize::MAX,
        Some(Ok(size @ 1..=200)) => size,
        Some(_) => {
            let message = "MaxResults must be between 1 and 200.";
            return Err(Fail::invalid_value(message));
        }
    };
    let page = Page::of(query.filled("NextToken"), size, request)
        .ok_or_else(|| Fail::invalid_value("Unable to parse pagination token"))?;
    let (items, next) = page.slice(items);
    let mut answer = vec![Element::list(name, items)];
    answer.extend(Element::optional("nextToken", next));
    Ok(Body::Xml(answer))
}

fn render(template: &LaunchTemplate, request: &Request<'_>) -> Vec<Element> {
    let mut members = vec![
        Element::of("launchTemplateId", &template.id),
        Element::of("launchTemplateName", &template.name),
        Element::of("createTime", request.clock.text(template.created)),
        Element::of("createdBy", &template.creator),
        Element::of("defaultVersionNumber", template.default_version),
        Element::of("latestVersionNumber", template.latest_version()),
    ];
    members.extend(tags::render(&template.tags));
    members
}

fn render_version(
    template: &LaunchTemplate,
    version: &TemplateVersion,
    request: &Request<'_>,
) -> Vec<Element> {
    let is_default = version.number == template.default_version;
    let mut members = vec![
        Element::of("launchTemplateId", &template.id),
        Element::of("launchTemplateName", &template.name),
        Element::of("versionNumber", version.number),
    ];
    members.extend(Element::optional(
        "versionDescription",
        version.description.as_ref(),
    ));
    members.extend([
        Element::of("createTime", request.clock.text(version.created)),
        Element::of("createdBy", &version.creator),
        Element::of("defaultVersion", is_default),
        launch_template_data::render(&version.data),
    ]);
    members
}
