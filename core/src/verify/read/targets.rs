//! Reads a target: the account in each Region, as the role there sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future;

use super::keys::KeyReader;
use super::launch_calls::image_context;
use super::launchers::read_launcher;
use crate::aws::clients::RegionClients;
use crate::aws::iam::Context;
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId, Region};
use crate::inventory::{Image, Key, Snapshot};
use crate::plan::Plan;
use crate::run::Run;
use crate::verify::evidence::{Evidence, Target, TargetEvidence};

/// Asks targets about the images and keys that are known of the source.
#[derive(Clone, Copy)]
pub(in crate::verify) struct TargetReader<'a> {
    pub(in crate::verify) run: &'a Run<'a>,
    pub(in crate::verify) plan: &'a Plan,
    pub(in crate::verify) keys: &'a KeyReader<'a>,
    pub(in crate::verify) evidence: &'a Evidence,
}

impl TargetReader<'_> {
    /// Reads a target in every Region of the plan, if its role was assumed.
    pub(in crate::verify) async fn read(&self, account: &AccountId) -> Target {
        let mut reading = Vec::new();
        if let Some(reached) = self.run.targets.get(account) {
            for region in &self.plan.regions {
                let clients = reached.as_ref().map(|reached| reached.in_region(region));
                reading.push(async move {
                    let evidence = match clients {
                        Ok(clients) => Box::pin(self.read_in_region(&clients)).await,
                        Err(error) => Err(error.clone()),
                    };
                    (region.clone(), evidence)
                });
            }
        }
        future::join_all(reading).await.into_iter().collect()
    }

    async fn read_in_region(&self, clients: &Arc<RegionClients>) -> Result<TargetEvidence, Error> {
        // 1. The images that the target is to launch, if it sees them.
        let image_ids = self.image_ids(clients);
        let images = clients.ec2.images(&image_ids).await?;
        // 2. The snapshots and keys of its own copies.
        let own_snapshots = read_own_snapshots(clients, &images).await?;
        let own_keys = self.read_own_keys(clients, &own_snapshots).await?;
        // 3. The settings of the account.
        let (allowed_images, encrypts_by_default, default_key) = future::join3(
            clients.ec2.allowed_images(),
            clients.ec2.encrypts_by_default(),
            self.keys.read_default_key(clients),
        )
        .await;
        // 4. What its launchers may do with those images and with every key that they may need.
        let mut keys = self.keys_of_shared_images(&clients.location.region);
        for key in own_keys.values().flatten() {
            keys.insert(key.arn.to_string());
        }
        if let Ok(key) = &default_key {
            keys.insert(key.arn.to_string());
        }
        let contexts = self.contexts_of(&image_ids, &images);
        let mut launchers = Vec::new();
        for role in self.plan.launchers(&clients.location.account) {
            launchers.push(read_launcher(clients, role, &contexts, &keys));
        }
        let launchers = future::join_all(launchers).await;

        let service_roles = self.read_service_roles(clients).await;

        Ok(TargetEvidence {
            images,
            own_snapshots,
            own_keys,
            allowed_images,
            encrypts_by_default,
            default_key,
            launchers,
            service_roles,
        })
    }

    async fn read_service_roles(
        &self,
        clients: &RegionClients,
    ) -> BTreeMap<String, Result<Vec<String>, Error>> {
        let services = &self.plan.request.options.in_targets.services;
        let mut reading = Vec::new();
        for service in services {
            reading.push(async move {
                let roles = clients.iam.service_linked_roles(service).await;
                (service.clone(), roles)
            });
        }
        future::join_all(reading).await.into_iter().collect()
    }

    /// The shared images in the Region, and the target's own copies there.
    fn image_ids(&self, clients: &RegionClients) -> BTreeSet<AmiId> {
        let location = &clients.location;
        let mut image_ids = BTreeSet::new();
        for ((_, region), (image_id, _)) in &self.evidence.shared_images {
            if *region == location.region {
                image_ids.insert(image_id.clone());
            }
        }
        for ((account, _, region), image_id) in &self.evidence.own_copies {
            if *account == location.account && *region == location.region {
                image_ids.insert(image_id.clone());
            }
        }
        image_ids
    }

    fn keys_of_shared_images(&self, region: &Region) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        for ((_, of_image), (_, evidence)) in &self.evidence.shared_images {
            if let (true, Ok(evidence)) = (of_image == region, evidence) {
                keys.extend(evidence.keys.iter().map(|key| key.arn.to_string()));
            }
        }
        keys
    }

    async fn read_own_keys(
        &self,
        clients: &RegionClients,
        snapshots: &BTreeMap<AmiId, Vec<Snapshot>>,
    ) -> Result<BTreeMap<AmiId, Vec<Key>>, Error> {
        let mut reading = Vec::new();
        for (image_id, snapshots) in snapshots {
            reading.push(async move {
                let keys = self.keys.read_keys(clients, snapshots).await?;
                Ok::<_, Error>((image_id.clone(), keys))
            });
        }
        Ok(future::try_join_all(reading).await?.into_iter().collect())
    }

    /// What IAM sees of each image.
    fn contexts_of(&self, ids: &BTreeSet<AmiId>, images: &[Image]) -> BTreeMap<AmiId, Context> {
        let mut contexts = BTreeMap::new();
        for id in ids {
            let image = images.iter().find(|image| &image.id == id);
            let context = image_context(id, image, &self.plan.account);
            contexts.insert(id.clone(), context);
        }
        contexts
    }
}

/// The snapshots behind the target's own images.
async fn read_own_snapshots(
    clients: &RegionClients,
    images: &[Image],
) -> Result<BTreeMap<AmiId, Vec<Snapshot>>, Error> {
    let mut reading = Vec::new();
    for image in images {
        if image.owner == clients.location.account.as_ref() {
            reading.push(async move {
                let snapshots = clients.ec2.snapshots_of(image).await?;
                Ok::<_, Error>((image.id.clone(), snapshots))
            });
        }
    }
    Ok(future::try_join_all(reading).await?.into_iter().collect())
}
