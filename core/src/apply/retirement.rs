//! Retires images: deprecates, disables and deregisters them, each after one more look.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;
use futures::future::{self, BoxFuture};

use super::Apply;
use super::copies::explain_kept_snapshot;
use crate::diagnostic::{Error, Finding, FindingCode};
use crate::id::AmiId;
use crate::inventory::{Image, ImageState, UsageReport, seconds};
use crate::plan::{
    self, DeprecateNow, DeregisterImage, DisableImage, ForgetDisabled, GroupImage, NoteDisabled,
    deprecated_since, disabled_since, rfc3339,
};
use crate::report::Event;
use crate::request::Retire;
use crate::run::together::join_some;
use crate::tags;

/// How far ahead of now an image is deprecated, in seconds: AWS rounds to the nearest minute, and
/// takes no time in the past.
const AHEAD: i64 = 60;

/// What is said of an image that is not in the state that the plan has it in.
const OTHER_STATE: &str = "somebody enabled or disabled it";

impl Apply<'_> {
    /// The images that everybody was to lose and that are not as the plan saw them: they stay.
    pub(super) async fn find_changed(&self) -> BTreeSet<AmiId> {
        let disabled = self.plan.disabled_images();
        let disabled = disabled.map(|step| (&step.image, Some(step.deprecated), None));
        let deregistered = self.plan.deregistered_images();
        let deregistered =
            deregistered.map(|step| (&step.image, None, seconds(&step.disabled_since)));
        let mut looking = Vec::new();
        for (image, deprecated, since) in disabled.chain(deregistered) {
            looking.push(async move {
                let looked = self.look_again(image, deprecated, since).await;
                match self.progress().report_error(looked) {
                    Some(None) => None,
                    Some(Some(change)) => {
                        self.report_change(image, &change);
                        Some(image.image.clone())
                    }
                    None => Some(image.image.clone()),
                }
            });
        }
        future::join_all(looking)
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    /// What keeps everybody from losing an image now, although the plan saw nothing: that it is
    /// another group's, not deprecated or disabled since that moment, shared with others, or used
    /// by its owner.
    async fn look_again(
        &self,
        planned: &GroupImage,
        deprecated: Option<i64>,
        disabled: Option<i64>,
    ) -> Result<Option<String>, Error> {
        let clients = self.run.source_clients(&planned.region);
        let Some(image) = self.find_member(planned).await? else {
            return Ok(Some("it is not in its group any more".to_owned()));
        };
        let now = self.run.source.now();
        let state = match deprecated {
            Some(_) => ImageState::Available,
            None => ImageState::Disabled,
        };
        if image.state != state {
            return Ok(Some(OTHER_STATE.to_owned()));
        }
        if deprecated.is_some() && deprecated_since(&image, now) != deprecated {
            return Ok(Some("its deprecation was changed".to_owned()));
        }
        if disabled.is_some() && disabled_since(&image, now) != disabled {
            let message = "the tag that says since when it is disabled was changed";
            return Ok(Some(message.to_owned()));
        }
        let mut steps = self.plan.permission_removals();
        let planned_launchers = steps.find(|step| step.image == image.id);
        let planned_launchers = planned_launchers.map(|step| step.principals.clone());
        let launchers = clients.ec2.launch_permissions(&image.id).await?;
        if !launchers.is_subset(&planned_launchers.unwrap_or_default()) {
            return Ok(Some("it was shared with others".to_owned()));
        }
        let used = clients.ec2.own_usage(&image.id).await?;
        if !used.is_empty() {
            let own = BTreeMap::from([(self.run.source.identity.account.clone(), used)]);
            return Ok(Some(plan::describe_use(
                &UsageReport::default(),
                &BTreeMap::new(),
                &own,
            )));
        }
        Ok(None)
    }

    /// An image, unless it is gone or in another group.
    async fn find_member(&self, planned: &GroupImage) -> Result<Option<Image>, Error> {
        let ec2 = &self.run.source_clients(&planned.region).ec2;
        let found = ec2.images([&planned.image]).await?.into_iter().next();
        let retire: Option<&Retire> = self.plan.request.options.retire.as_ref();
        Ok(found.filter(|image| {
            retire.is_some_and(|retire| {
                retire.concerns(&image.tags) && retire.group_of(&image.tags) == planned.group
            })
        }))
    }

    /// Carries out the steps of a retirement, but for images that somebody may have access to.
    pub(super) async fn retire(&self, remaining: &BTreeSet<AmiId>) {
        let mut steps: Vec<BoxFuture<'_, Result<(), Error>>> = Vec::new();
        for step in self.plan.forgotten_notes() {
            steps.push(self.forget_disabled(step).boxed());
        }
        for step in self.plan.deprecations_now() {
            steps.push(self.deprecate_now(step).boxed());
        }
        for step in self.plan.notes_of_disabled() {
            steps.push(self.note_disabled(step).boxed());
        }
        for step in self.plan.disabled_images() {
            if !remaining.contains(&step.image.image) {
                steps.push(self.disable(step).boxed());
            }
        }
        for step in self.plan.deregistered_images() {
            if !remaining.contains(&step.image.image) {
                steps.push(self.deregister(step).boxed());
            }
        }
        let carrying_out = steps.into_iter().map(|step| async {
            self.progress().report_error(step.await);
        });
        join_some(carrying_out.collect()).await;
    }

    async fn deprecate_now(&self, step: &DeprecateNow) -> Result<(), Error> {
        let now = self.run.source.now();
        let Some(image) = self.find_member(&step.image).await? else {
            self.report_change(&step.image, "it is not in its group any more");
            return Ok(());
        };
        if deprecated_since(&image, now).is_some() || image.state != ImageState::Available {
            return Ok(());
        }
        if image.deprecation_time != step.previous {
            self.report_change(&step.image, "the time of its deprecation was changed");
            return Ok(());
        }
        let at = now + AHEAD;
        let ec2 = &self.run.source_clients(&step.image.region).ec2;
        ec2.deprecate_image(&image.id, at).await?;
        let (image, at) = (image.id, rfc3339(at));
        self.progress().emit(&Event::Deprecated { image, at });
        Ok(())
    }

    async fn disable(&self, step: &DisableImage) -> Result<(), Error> {
        let planned = &step.image;
        let ec2 = &self.run.source_clients(&planned.region).ec2;
        let Some(image) = self.find_member(planned).await? else {
            return Ok(());
        };
        // Another run disabled it, and notes that.
        if image.state != ImageState::Available {
            self.report_change(planned, OTHER_STATE);
            return Ok(());
        }
        // An old moment must not stand when the run is cut off after the image is disabled.
        if image.tags.contains_key(tags::DISABLED) {
            let key = tags::DISABLED.to_owned();
            ec2.untag_image(&image.id, [&key]).await?;
        }
        ec2.disable_image(&image.id).await?;
        self.progress().emit(&Event::ImageDisabled {
            region: planned.region.clone(),
            image: image.id.clone(),
        });
        self.write_moment(planned).await
    }

    /// Notes that an image is disabled, unless another run has done that.
    async fn note_disabled(&self, step: &NoteDisabled) -> Result<(), Error> {
        let now = self.run.source.now();
        match self.find_member(&step.image).await? {
            Some(image) if image.state == ImageState::Disabled => {
                if disabled_since(&image, now).is_some() {
                    return Ok(());
                }
                self.write_moment(&step.image).await
            }
            _ => Ok(()),
        }
    }

    async fn write_moment(&self, image: &GroupImage) -> Result<(), Error> {
        let since = rfc3339(self.run.source.now());
        let tags = BTreeMap::from([(tags::DISABLED.to_owned(), since.clone())]);
        let ec2 = &self.run.source_clients(&image.region).ec2;
        ec2.tag_image(&image.image, &tags).await?;
        self.progress().emit(&Event::DisabledNoted {
            region: image.region.clone(),
            image: image.image.clone(),
            since,
        });
        Ok(())
    }

    async fn forget_disabled(&self, step: &ForgetDisabled) -> Result<(), Error> {
        let image = &step.image;
        match self.find_member(image).await? {
            Some(found)
                if found.state == ImageState::Available
                    && found.tags.contains_key(tags::DISABLED) => {}
            _ => return Ok(()),
        }
        let ec2 = &self.run.source_clients(&image.region).ec2;
        let key = tags::DISABLED.to_owned();
        ec2.untag_image(&image.image, [&key]).await?;
        self.progress().emit(&Event::DisabledForgotten {
            region: image.region.clone(),
            image: image.image.clone(),
        });
        Ok(())
    }

    async fn deregister(&self, step: &DeregisterImage) -> Result<(), Error> {
        let planned = &step.image;
        let clients = self.run.source_clients(&planned.region);
        match self.find_member(planned).await? {
            Some(image) if image.state == ImageState::Disabled => {}
            _ => return Ok(()),
        }
        let left = clients.ec2.deregister_image(&planned.image).await?;
        self.progress().emit(&Event::ImageDeregistered {
            region: planned.region.clone(),
            image: planned.image.clone(),
        });
        for (snapshot, why) in left {
            let why = explain_kept_snapshot(&clients, &why);
            let message = format!("it belonged to {}, and {why}", planned.image);
            let finding = Finding::warn(FindingCode::RetireSnapshotLeft, snapshot, message);
            self.progress().emit(&Event::Found(finding));
        }
        Ok(())
    }

    fn report_change(&self, image: &GroupImage, change: &str) {
        let message = format!("it changed after the plan was made, so it stays: {change}");
        let code = FindingCode::RetireChangedMeanwhile;
        let finding = Finding::warn(code, &image.image, message);
        self.progress().emit(&Event::Found(finding));
    }
}
