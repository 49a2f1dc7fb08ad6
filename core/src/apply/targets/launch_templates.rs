//! The launch templates of targets that name an image.

use crate::apply::Apply;
use crate::aws::clients::RegionClients;
use crate::aws::ec2::NewVersion;
use crate::diagnostic::{Code, Error, Finding, FindingCode};
use crate::digest::hex_sha256;
use crate::id::{AccountId, AmiId};
use crate::inventory::{LaunchTemplate, TemplateChange};
use crate::plan::{
    ImageOfVersion, SharedImage, UpdateLaunchTemplate, image_of, resolving_template,
};
use crate::report::Event;

/// How much of a digest goes into a client token, which has at most 128 characters.
const TOKEN_DIGITS: usize = 40;

/// How often a launch template is read while its owner changes it: each new version but the last is
/// made in vain.
const LOOKS: usize = 5;

/// The number of the version that a new one is made from, and what launches get.
type Versions = (u64, ImageOfVersion);

/// A version that this run made.
#[derive(Clone, Copy, Debug)]
struct MadeVersion {
    number: u64,
    /// The version that everything but the image comes from.
    from: u64,
}

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

    /// Brings about one step, from what the launch template is now. Its owner may change it at any
    /// time, and EC2 compares nothing, so it is read right before each change.
    async fn update_launch_template(
        &self,
        step: &UpdateLaunchTemplate,
        image_id: &AmiId,
    ) -> Result<(), Error> {
        let Some(clients) = self.run.target_clients(&step.account, &step.shared.region) else {
            return Ok(());
        };
        let mut known = (step.made_from, step.current.clone());
        let mut made: Option<MadeVersion> = None;
        for _ in 0..LOOKS {
            let template = clients.ec2.launch_template(&step.template).await?;
            let template = template.ok_or_else(|| gone_template(&clients, step))?;
            if let Some(finding) = resolving_template(&template, &clients.location) {
                self.progress().emit(&Event::Found(finding));
                return Ok(());
            }
            let change = match made {
                Some(made) if made.from == template.default.number => {
                    TemplateChange::SetDefault(made.number)
                }
                _ => template.change_to(image_id, step.set_default),
            };
            if matches!(change, TemplateChange::Nothing(_)) {
                return Ok(());
            }

            // 1. What launches get is what they got when the plan was made, or at the last look.
            let now = (template.default.number, current_version(&template, step));
            let is_planned = made.is_some()
                || step
                    .version
                    .is_none_or(|version| change == TemplateChange::SetDefault(version));
            if self.plan.is_approved() && !(is_planned && now == known) {
                return Err(outdated_step(&clients, step, &now));
            }
            if now != known {
                self.progress()
                    .emit(&Event::Found(changed_template(step, &known, &now)));
                known = now;
            }

            // 2. The default version; or the version with the image, whose default may have changed
            // meanwhile. A run that is cut off here is completed by the next.
            if let TemplateChange::SetDefault(version) = change {
                return self
                    .set_default(&clients, step, &template, (version, image_id))
                    .await;
            }
            let version = make_version(&clients, &template, image_id).await?;
            self.progress().emit(&Event::LaunchTemplateVersionMade {
                account: step.account.clone(),
                region: step.shared.region.clone(),
                template: template.id.clone(),
                name: template.name.clone(),
                version,
                image: image_id.clone(),
                previous: current_version(&template, step),
            });
            if !step.set_default {
                return Ok(());
            }
            made = Some(MadeVersion {
                number: version,
                from: template.default.number,
            });
        }
        Err(outdated_step(&clients, step, &known))
    }

    async fn set_default(
        &self,
        clients: &RegionClients,
        step: &UpdateLaunchTemplate,
        template: &LaunchTemplate,
        (version, image): (u64, &AmiId),
    ) -> Result<(), Error> {
        clients
            .ec2
            .set_default_version(&template.id, version)
            .await?;
        self.progress().emit(&Event::DefaultVersionSet {
            account: step.account.clone(),
            region: step.shared.region.clone(),
            template: template.id.clone(),
            name: template.name.clone(),
            version,
            image: image.clone(),
            previous: image_of(&template.default),
        });
        Ok(())
    }
}

fn current_version(template: &LaunchTemplate, step: &UpdateLaunchTemplate) -> ImageOfVersion {
    image_of(template.replaced(step.set_default))
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

/// The error of a launch template that was changed since the plan was made, and is left as it is.
fn outdated_step(clients: &RegionClients, step: &UpdateLaunchTemplate, now: &Versions) -> Error {
    let planned = (step.made_from, step.current.clone());
    let change = match step.version {
        Some(version) if planned == *now => {
            format!("version {version}, which was to be the default one, is not the newest now")
        }
        _ => format!(
            "{} then, {} now",
            describe(step.set_default, &planned),
            describe(step.set_default, now)
        ),
    };
    let message = format!(
        "the launch template {} was changed after the plan was made, so it was left as it is: \
         {change}",
        step.name,
    );
    Error::new(Code::PlanOutdated, message)
        .at(&clients.location.account, &clients.location.region)
        .on(&step.template)
}

/// The finding of a launch template that was changed since the plan was made, and gets the image.
fn changed_template(step: &UpdateLaunchTemplate, known: &Versions, now: &Versions) -> Finding {
    let message = format!(
        "this launch template of {} in {} was changed during the run: {} before, {} now; a version \
         with the image is made from that",
        step.account,
        step.shared.region,
        describe(step.set_default, known),
        describe(step.set_default, now),
    );
    Finding::warn(FindingCode::PlanChangedMeanwhile, &step.name, message)
}

fn describe(set_default: bool, (from, current): &Versions) -> String {
    let image = current.image.as_ref().map(|image| format!(" ({image})"));
    let image = image.unwrap_or_default();
    if set_default {
        format!("its default version was {}{image}", current.version)
    } else {
        format!(
            "its default version was {from}, its newest {}{image}",
            current.version
        )
    }
}
