//! The launch templates of targets that name an image.

use crate::apply::Apply;
use crate::aws::clients::RegionClients;
use crate::aws::ec2::NewVersion;
use crate::diagnostic::{Code, Error};
use crate::digest::hex_sha256;
use crate::id::{AccountId, AmiId};
use crate::inventory::{LaunchTemplate, TemplateChange};
use crate::plan::{SharedImage, UpdateLaunchTemplate, image_of, resolving_template};
use crate::report::Event;

/// How much of a digest goes into a client token, which has at most 128 characters.
const TOKEN_DIGITS: usize = 40;

impl Apply<'_> {
    /// Gives the launch templates of a target a version with the image that it launches.
    pub(super) async fn update_launch_templates(
        &self,
        account: &AccountId,
        shared: &SharedImage,
        image_id: &AmiId,
    ) {
        for step in self.plan.launch_templates() {
            let is_meant = &step.account == account && &step.shared == shared;
            let is_done = step.in_effect && step.image.as_ref() == Some(image_id);
            if is_meant && !is_done {
                let updated = self.update_launch_template(step, image_id).await;
                self.progress().report_error(updated);
            }
        }
    }

    /// Brings about one step, from what the launch template is now.
    async fn update_launch_template(
        &self,
        step: &UpdateLaunchTemplate,
        image_id: &AmiId,
    ) -> Result<(), Error> {
        let region = &step.shared.region;
        let Some(clients) = self.run.target_clients(&step.account, region) else {
            return Ok(());
        };
        let template = clients.ec2.launch_template(&step.template).await?;
        let template = template.ok_or_else(|| gone_template(&clients, step))?;
        if let Some(finding) = resolving_template(&template, &clients.location) {
            self.progress().emit(&Event::Found(finding));
            return Ok(());
        }

        // 1. The version with the image. A run that is cut off here is completed by the next.
        let version = match template.change_to(image_id, step.set_default) {
            TemplateChange::Nothing(_) => return Ok(()),
            TemplateChange::SetDefault(version) => version,
            TemplateChange::NewVersion => {
                let made = make_version(&clients, &template, image_id).await?;
                self.progress().emit(&Event::LaunchTemplateVersionMade {
                    account: step.account.clone(),
                    region: region.clone(),
                    template: template.id.clone(),
                    name: template.name.clone(),
                    version: made,
                    image: image_id.clone(),
                    previous: image_of(template.replaced(step.set_default)),
                });
                made
            }
        };

        // 2. The default version.
        if step.set_default {
            let ec2 = &clients.ec2;
            ec2.set_default_version(&template.id, version).await?;
            self.progress().emit(&Event::DefaultVersionSet {
                account: step.account.clone(),
                region: region.clone(),
                template: template.id.clone(),
                name: template.name.clone(),
                version,
                image: image_id.clone(),
                previous: image_of(&template.default),
            });
        }
        Ok(())
    }
}

/// Makes the version. Two runs that see the same versions make one: their token is the same. With
/// the newest version in it, an image that comes back after another gets a version again.
async fn make_version(
    clients: &RegionClients,
    template: &LaunchTemplate,
    image_id: &AmiId,
) -> Result<u64, Error> {
    let (from, newest) = (template.default.number, template.latest.number);
    let digest = hex_sha256(format!("{} {image_id} {from} {newest}", template.id));
    let token = digest.get(..TOKEN_DIGITS).unwrap_or(&digest);
    let new = NewVersion {
        template,
        image: image_id,
        description: &template.description_with(image_id),
        client_token: &format!("ami-share-{token}"),
    };
    clients.ec2.create_template_version(&new).await
}

/// The error of a launch template that was there when the plan was made.
fn gone_template(clients: &RegionClients, step: &UpdateLaunchTemplate) -> Error {
    let message = format!(
        "the launch template {} was deleted since the plan was made",
        step.name
    );
    Error::new(Code::LaunchTemplateGone, message)
        .at(&clients.location.account, &clients.location.region)
        .on(&step.template)
}
