//! Looks once more whether the images are still there and their keys can be used: somebody may have
//! deregistered or disabled them while the run went on.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use super::{Apply, LaunchableImage};
use crate::diagnostic::{Code, Error};
use crate::id::{AmiId, KeyArn, Principal, Region};
use crate::inventory::{Image, ImageState};
use crate::report::Event;

/// What EC2 answers of an image that is gone, or that cannot be used for another reason, and of a
/// snapshot that may have gone with it.
const UNUSABLE: &[&str] = &[
    "InvalidAMIID.Unavailable",
    "InvalidAMIID.NotFound",
    "InvalidSnapshot.NotFound",
];

impl<'a> Apply<'a> {
    /// Who can launch an image: nobody if it is gone.
    pub(super) async fn launchers_of(
        &self,
        region: &Region,
        image_id: &AmiId,
    ) -> Result<BTreeSet<Principal>, Error> {
        if self.progress().absences.is_gone(image_id) {
            return Ok(BTreeSet::new());
        }
        let ec2 = &self.run.source_clients(region).ec2;
        let read = ec2.launch_permissions(image_id).await;
        self.unless_gone(region, image_id, read).await
    }

    /// What a call about an image has answered: nothing if it failed because the image is gone,
    /// which is as good where access is revoked.
    pub(super) async fn unless_gone<T: Default>(
        &self,
        region: &Region,
        image_id: &AmiId,
        answer: Result<T, Error>,
    ) -> Result<T, Error> {
        match answer {
            Err(error) if error.is_aws(UNUSABLE) => match self.find_image(region, image_id).await {
                Ok(_) => Err(error),
                Err(_) if self.progress().absences.is_gone(image_id) => Ok(T::default()),
                Err(error) => Err(error),
            },
            answer => answer,
        }
    }

    /// Fails for images that are gone or disabled, unless the run has said so of them before.
    pub(super) async fn confirm_presence(&self, images: &[&LaunchableImage<'_>]) {
        let mut by_region = BTreeMap::<&Region, Vec<&LaunchableImage<'_>>>::new();
        for image in images {
            by_region
                .entry(&image.shared().region)
                .or_default()
                .push(image);
        }
        let mut confirming = Vec::new();
        for (region, images) in by_region {
            confirming.push(self.confirm_presence_in(region, images));
        }
        future::join_all(confirming).await;
    }

    async fn confirm_presence_in(&self, region: &Region, images: Vec<&LaunchableImage<'_>>) {
        let clients = self.run.source_clients(region);
        let ids = images.iter().map(|image| &image.image_id);
        let shown = clients.ec2.images(ids).await;
        let Some(shown) = self.progress().report_error(shown) else {
            return;
        };
        let mut looking = Vec::new();
        for image in images {
            let id = &image.image_id;
            let mut lost = [Code::ImageNotFound, Code::ImageDisabled].into_iter();
            let is_known = lost.any(|code| self.progress().has_failed(code, id));
            let is_usable = |image: &Image| image.state != ImageState::Disabled;
            let mut shown = shown.iter().filter(|image| &image.id == id);
            if !is_known && !shown.any(is_usable) {
                looking.push(self.run.usable_image(&clients, id));
            }
        }
        for looked in future::join_all(looking).await {
            self.progress().report_error(looked);
        }
    }

    /// Looks at the keys of the images once more, if the run has changed anything; returns those
    /// that somebody disabled meanwhile. One that cannot be read any more fails the run.
    pub(super) async fn confirm_key_states(
        &self,
        images: &[LaunchableImage<'a>],
    ) -> BTreeSet<&'a KeyArn> {
        let mut unusable = BTreeSet::new();
        if self.progress().changes.is_empty() {
            return unusable;
        }
        let keys: BTreeSet<&KeyArn> = images.iter().flat_map(|image| &image.launch.keys).collect();
        let mut reading = Vec::new();
        for key in keys {
            reading.push(async move { (key, self.run.read_key(key).await) });
        }
        for (key, read) in future::join_all(reading).await {
            let Some(read) = self.progress().report_error(read) else {
                continue;
            };
            if let Some(problem) = read.state.problem() {
                let error = self.unusable_key(key, &problem);
                self.progress().emit(&Event::Failed(error));
                unusable.insert(key);
            }
        }
        unusable
    }

    pub(super) fn unusable_key(&self, key: &KeyArn, problem: &str) -> Error {
        let message = format!("{key} {problem} since this run began, so nobody can launch with it");
        Error::new(Code::KeyUnusable, message)
            .at(&self.run.source.identity.account, key.region())
            .on(key)
    }
}
