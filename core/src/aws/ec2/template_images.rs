//! EC2: the images that launch templates of the account name.

use super::Ec2;
use crate::aws::pages::Pages;
use crate::aws::unreadable::present;
use crate::diagnostic::Error;

/// How many versions a page holds at most.
const PAGE: i32 = 200;

/// What the newest or the default version of a launch template launches.
#[derive(Clone, Debug)]
pub(crate) struct TemplateImage {
    /// The ID of the launch template.
    pub(crate) template: String,
    /// The ID of an image, or `resolve:ssm:NAME`.
    pub(crate) image: String,
}

impl Ec2 {
    /// The images that the newest and the default version of each launch template name
    /// (`ec2:DescribeLaunchTemplateVersions`).
    pub(crate) async fn template_images(&self) -> Result<Vec<TemplateImage>, Error> {
        const ACTION: &str = "ec2:DescribeLaunchTemplateVersions";
        let call = || {
            self.client
                .get()
                .describe_launch_template_versions()
                .versions("$Latest")
                .versions("$Default")
                .max_results(PAGE)
        };
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, None), pages, |page| {
            (page.launch_template_versions().len(), page.next_token())
        });
        let mut images = Vec::new();
        while let Some(page) = pages.next().await? {
            for version in page.launch_template_versions() {
                let unreadable = |error| self.unreadable(ACTION, &error);
                let id = version.launch_template_id();
                let id = present("LaunchTemplateId", id).map_err(unreadable)?;
                let data = version.launch_template_data();
                let data = present("LaunchTemplateData", data);
                let data = data.map_err(|error| unreadable(error.of(id)))?;
                // One without an image leaves that to whoever launches.
                images.extend(data.image_id().map(|image| TemplateImage {
                    template: id.to_owned(),
                    image: image.to_owned(),
                }));
            }
        }
        Ok(images)
    }
}
