//! A launch with the parameters of a launch template (R4.19).

use super::{image_parameter, launch_template_names};
use crate::auth::{self, Resource};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::{Fail, Query};
use crate::world::World;

/// The parameters of a launch, completed by the launch template that it names.
pub(super) struct Launch {
    /// The parameters.
    pub(super) query: Query,
    /// The ID of the image.
    pub(super) image: String,
    /// The launch template as IAM sees it.
    pub(super) template: Option<Resource>,
    /// The condition keys that the launch template gives to the call.
    pub(super) context: Context,
}

impl Launch {
    /// Completes a request. What it says itself counts more than what the template says.
    pub(super) fn complete(
        world: &World,
        query: &Query,
        request: &Request<'_>,
    ) -> Result<Self, Fail> {
        let mut launch = Self {
            query: query.clone(),
            image: String::new(),
            template: None,
            context: Context::new(),
        };
        if query.has("LaunchTemplate") {
            let named = query.part("LaunchTemplate");
            let template = launch_template_names::named(world, &named, request)?;
            let version = launch_template_names::version(template, named.filled("Version"))?;
            launch.query = query.over(&Query::from(version.data.clone()));
            let resource = launch_template_names::resource(world, &template.id, request);
            auth::set(&mut launch.context, "ec2:LaunchTemplate", &resource.arn);
            launch.template = Some(resource);
        }
        let image = launch.query.need("ImageId")?;
        launch.image = image_parameter::resolve(world, image, request)?;
        Ok(launch)
    }
}
