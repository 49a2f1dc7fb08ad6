//! What of the caller's own account uses an image (R7.12).

use super::authorize::{authorize, authorize_all};
use super::{dry_run, filter, ids};
use crate::auth::{self, Resource};
use crate::partition;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Fail, Outcome, Query};
use crate::world::{INSTANCES, LAUNCH_TEMPLATES, World};

/// How many versions of a launch template are looked at, unless the request says so.
const VERSIONS: usize = 10;

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeImageReferences")?;
    let images = query.list("ImageId");
    for id in &images {
        ids::check_image(id)?;
    }
    let asked = Asked::read(query)?;
    asked.authorize(request)?;
    dry_run(query)?;
    let mut references: Vec<Result<Vec<Element>, Fail>> = Vec::new();
    for image in images {
        for (kind, name) in asked.find(world, image, request) {
            let (partition, region) = (partition::of_region(request.region).name, request.region);
            let account = request.account();
            let arn = format!("arn:{partition}:ec2:{region}:{account}:{name}");
            references.push(Ok(vec![
                Element::of("imageId", image),
                Element::of("resourceType", kind),
                Element::of("arn", arn),
            ]));
        }
    }
    let page = filter::page(query, request, references.into_iter(), "-")?;
    Ok(page.render("imageReferenceSet", |reference| reference))
}

/// What is looked at: the states of instances, of which none means all, and the versions of launch
/// templates.
#[derive(Debug, Default)]
struct Asked {
    states: Option<Vec<String>>,
    versions: Option<usize>,
}

impl Asked {
    fn read(query: &Query) -> Result<Self, Fail> {
        let mut asked = Self::default();
        if query.flag("IncludeAllResourceTypes")? == Some(true) {
            asked.states = Some(Vec::new());
            asked.versions = Some(VERSIONS);
        }
        for member in query.members("ResourceType") {
            let options = member.members("ResourceTypeOption");
            let values = options.first().map(|option| option.list("OptionValue"));
            let values = values.unwrap_or_default();
            match member.need("ResourceType")? {
                INSTANCES => {
                    asked.states = Some(values.into_iter().map(str::to_owned).collect());
                }
                LAUNCH_TEMPLATES => {
                    let depth = values.first().and_then(|depth| depth.parse().ok());
                    asked.versions = Some(depth.unwrap_or(VERSIONS));
                }
                other => {
                    let message = format!("The resource type {other} is not simulated.");
                    return Err(Fail::invalid_value(message));
                }
            }
        }
        if asked.states.is_none() && asked.versions.is_none() {
            let message = "Either IncludeAllResourceTypes or ResourceType must be specified.";
            return Err(Fail::bad("MissingParameter", message));
        }
        Ok(asked)
    }

    /// AWS looks as the caller, who must be allowed to describe what is looked at, at least through
    /// this service.
    fn authorize(&self, request: &Request<'_>) -> Result<(), Fail> {
        let mut context = Context::new();
        auth::set(&mut context, "aws:CalledVia", "ec2-images.amazonaws.com");
        let mut actions = Vec::new();
        if self.states.is_some() {
            actions.push("ec2:DescribeInstances");
        }
        if self.versions.is_some() {
            actions.push("ec2:DescribeLaunchTemplates");
            actions.push("ec2:DescribeLaunchTemplateVersions");
        }
        for action in actions {
            authorize(request, action, &[Resource::new("*")], &context)?;
        }
        Ok(())
    }

    /// The types and names of the caller's resources that use an image.
    fn find(
        &self,
        world: &World,
        image: &str,
        request: &Request<'_>,
    ) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        for instance in world.instances.values() {
            let is_own = instance.owner == request.account() && instance.region == request.region;
            let is_asked = self.states.as_ref().is_some_and(|states| {
                states.is_empty() || states.iter().any(|state| state == instance.state)
            });
            if is_own && is_asked && instance.image == image {
                found.push((INSTANCES, format!("instance/{}", instance.id)));
            }
        }
        for template in world.launch_templates_of(request.account(), request.region) {
            let newest = template.versions.values().rev();
            let mut looked_at = newest.take(self.versions.unwrap_or_default());
            let uses = |data: Option<&String>| data.is_some_and(|id| id == image);
            if looked_at.any(|version| uses(version.data.get("ImageId"))) {
                found.push((LAUNCH_TEMPLATES, format!("launch-template/{}", template.id)));
            }
        }
        found
    }
}
