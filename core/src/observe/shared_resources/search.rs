//! Searches for what is shared with those who are to lose a key. AWS answers whether anything is
//! shared with an account in one call, however many images there are; only of what it finds is
//! asked with whom.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use super::{Loss, OtherShares};
use crate::aws::clients::RegionClients;
use crate::diagnostic::Error;
use crate::id::{AmiId, KeyArn, Principal, SnapshotId};
use crate::inventory::{Image, ImageState, SharedResource, Snapshot};
use crate::limits::FILTER_VALUES;
use crate::policy::key_policy::PolicyPrincipal;

/// How many images of a page are looked at before the keys of all snapshots are listed.
const FIRST_IMAGES: usize = 50;
/// How many of what is found are asked first with whom they are shared.
const FIRST_ASKED: usize = 4;

/// Images and snapshots for which nobody keeps a key: those that are revoked.
#[derive(Default)]
pub(crate) struct Known<'a> {
    pub(crate) images: BTreeSet<&'a AmiId>,
    pub(crate) snapshots: BTreeSet<&'a SnapshotId>,
}

pub(super) struct Search<'a> {
    pub(super) clients: &'a RegionClients,
    pub(super) known: Known<'a>,
    /// The losses for which nothing was found yet.
    pub(super) open: Vec<Loss>,
    /// The keys of snapshots that were read; `None` if one is not encrypted.
    key_of: BTreeMap<SnapshotId, Option<KeyArn>>,
    /// Whether all encrypted snapshots of the account were read.
    has_all_keys: bool,
    /// The IDs of images and snapshots that were asked with whom they are shared.
    asked: BTreeSet<String>,
    found: Vec<SharedResource>,
}

impl<'a> Search<'a> {
    pub(super) fn new(clients: &'a RegionClients, losses: Vec<Loss>, known: Known<'a>) -> Self {
        Self {
            clients,
            known,
            open: losses,
            key_of: BTreeMap::new(),
            has_all_keys: false,
            asked: BTreeSet::new(),
            found: Vec::new(),
        }
    }

    pub(super) async fn run(mut self) -> Result<OtherShares, Error> {
        // 1. What names an account.
        let accounts = self.open_accounts();
        for accounts in accounts.chunks(FILTER_VALUES) {
            self.search_images(accounts).await?;
        }
        let accounts = self.open_accounts();
        for accounts in accounts.chunks(FILTER_VALUES) {
            self.search_snapshots(accounts).await?;
        }

        // 2. What names an organization. Snapshots cannot (R2.15).
        let unasked = self.ask_images().await?;
        Ok(OtherShares {
            resources: self.found,
            unasked,
        })
    }

    /// The accounts for which nothing was found yet.
    fn open_accounts(&self) -> Vec<String> {
        let mut accounts = BTreeSet::new();
        for loss in &self.open {
            if let PolicyPrincipal::Account(account) = &loss.principal {
                accounts.insert(account.to_string());
            }
        }
        accounts.into_iter().collect()
    }

    /// Those of these accounts for which nothing was found yet.
    fn open_among(&self, accounts: &[String]) -> Vec<String> {
        let mut open = self.open_accounts();
        open.retain(|account| accounts.contains(account));
        open
    }

    /// Looks for images that are shared with these accounts, with the account's own organization,
    /// or with everybody. Each that is found needs keys for somebody, for whom the search ends.
    async fn search_images(&mut self, accounts: &[String]) -> Result<(), Error> {
        let mut few = FIRST_ASKED;
        loop {
            let mut users = self.open_among(accounts);
            if users.is_empty() {
                return Ok(());
            }
            users.extend(["all".to_owned(), "self".to_owned()]);
            let images = self.next_images(users, few).await?;
            self.ask(&images).await?;
            if images.len() < few {
                // These were all.
                return Ok(());
            }
            few *= 4;
        }
    }

    /// The next few images under the keys that are shared with these users.
    async fn next_images(&mut self, users: Vec<String>, few: usize) -> Result<Vec<Image>, Error> {
        let clients = self.clients;
        let mut pages = clients.ec2.own_images_shared_with(users);
        let mut found = Vec::new();
        while let Some(mut images) = pages.next().await? {
            images.retain(|image| self.is_other(image));
            let rest = images.split_off(images.len().min(FIRST_IMAGES));
            for mut images in [images, rest] {
                self.read_keys(&images).await?;
                images.retain(|image| !self.open_keys_of(image).is_empty());
                found.extend(images);
                if found.len() >= few {
                    found.truncate(few);
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// Asks images with whom they are shared.
    pub(super) async fn ask(&mut self, images: &[Image]) -> Result<(), Error> {
        let mut asking = Vec::new();
        for image in images {
            asking.push(self.clients.ec2.launch_permissions(&image.id));
        }
        let answers = future::try_join_all(asking).await?;
        for (image, shared_with) in images.iter().zip(answers) {
            self.keep_image(image, shared_with);
        }
        Ok(())
    }

    /// Looks for snapshots that are shared with these accounts, or with everybody.
    async fn search_snapshots(&mut self, accounts: &[String]) -> Result<(), Error> {
        let mut few = FIRST_ASKED;
        loop {
            let mut users = self.open_among(accounts);
            if users.is_empty() {
                return Ok(());
            }
            users.push("all".to_owned());
            let snapshots = self.next_snapshots(users, few).await?;
            let found = snapshots.len();
            let mut asking = Vec::new();
            for (id, _) in &snapshots {
                asking.push(self.clients.ec2.snapshot_permissions(id));
            }
            let answers = future::try_join_all(asking).await?;
            for ((id, key), shared_with) in snapshots.into_iter().zip(answers) {
                self.keep(SharedResource {
                    id: id.to_string(),
                    keys: BTreeSet::from([key]),
                    shared_with,
                    is_known: true,
                });
            }
            if found < few {
                return Ok(());
            }
            few *= 4;
        }
    }

    /// The next few snapshots under the keys that are shared with these users, each with its key.
    async fn next_snapshots(
        &self,
        users: Vec<String>,
        few: usize,
    ) -> Result<Vec<(SnapshotId, KeyArn)>, Error> {
        let mut pages = self.clients.ec2.own_snapshots_shared_with(users);
        let mut found = Vec::new();
        while found.len() < few
            && let Some(snapshots) = pages.next().await?
        {
            for Snapshot { id, key, .. } in snapshots {
                if let Some(key) = key
                    && found.len() < few
                    && self.is_open(&key)
                    && !self.known.snapshots.contains(&id)
                    && !self.asked.contains(id.as_ref())
                {
                    found.push((id, key));
                }
            }
        }
        Ok(found)
    }

    fn keep_image(&mut self, image: &Image, shared_with: BTreeSet<Principal>) {
        self.keep(SharedResource {
            id: image.id.to_string(),
            keys: self.open_keys_of(image),
            shared_with,
            is_known: !self.has_hidden_key(image),
        });
    }

    /// Notes what was asked, and closes the losses of those who need a key for it.
    fn keep(&mut self, resource: SharedResource) {
        self.asked.insert(resource.id.clone());
        let before = self.open.len();
        self.open.retain(|loss| {
            !(resource.keys.contains(&loss.key) && resource.may_be_used_by(&loss.principal))
        });
        if self.open.len() < before {
            self.found.push(resource);
        }
    }

    /// Whether somebody is to lose a key and nothing was found that needs it.
    pub(super) fn is_open(&self, key: &KeyArn) -> bool {
        self.open.iter().any(|loss| &loss.key == key)
    }

    /// Whether an image may be launched, is not one of those that are revoked, and was not asked.
    pub(super) fn is_other(&self, image: &Image) -> bool {
        image.state == ImageState::Available
            && !self.known.images.contains(&image.id)
            && !self.asked.contains(image.id.as_ref())
    }

    /// The open keys that an image is under. A key that AWS does not show may be any of them.
    pub(super) fn open_keys_of(&self, image: &Image) -> BTreeSet<KeyArn> {
        let is_hidden = self.has_hidden_key(image);
        let mut keys = BTreeSet::new();
        for loss in &self.open {
            let mut keys_of_image = image.snapshots().filter_map(|id| self.key_of(id));
            if is_hidden || keys_of_image.any(|key| key == &loss.key) {
                keys.insert(loss.key.clone());
            }
        }
        keys
    }

    /// Whether AWS does not show the key of something in an image.
    fn has_hidden_key(&self, image: &Image) -> bool {
        let mut mappings = image.mappings.iter();
        mappings.any(|mapping| {
            let id = mapping.snapshot.as_ref();
            mapping.is_encrypted && id.is_some_and(|id| self.key_of(id).is_none())
        })
    }

    fn key_of(&self, id: &SnapshotId) -> Option<&KeyArn> {
        self.key_of.get(id)?.as_ref()
    }

    /// The other snapshots that are under a key, as far as they were read.
    pub(super) fn others_under(&self, key: &KeyArn) -> Vec<&SnapshotId> {
        let mut ids = Vec::new();
        for (id, of_snapshot) in &self.key_of {
            if of_snapshot.as_ref() == Some(key) && !self.known.snapshots.contains(id) {
                ids.push(id);
            }
        }
        ids
    }

    /// Reads the keys of images: by the IDs of their snapshots if these are few.
    async fn read_keys(&mut self, images: &[Image]) -> Result<(), Error> {
        let mut unread: BTreeSet<&SnapshotId> = images.iter().flat_map(Image::snapshots).collect();
        unread.retain(|id| !self.key_of.contains_key(*id));
        if self.has_all_keys || unread.is_empty() {
            return Ok(());
        }
        if unread.len() > FILTER_VALUES {
            return self.read_all_keys().await;
        }
        for snapshot in self.clients.ec2.snapshots(unread).await? {
            self.key_of.insert(snapshot.id, snapshot.key);
        }
        Ok(())
    }

    /// Reads the keys of all encrypted snapshots of the account.
    pub(super) async fn read_all_keys(&mut self) -> Result<(), Error> {
        if !self.has_all_keys {
            for snapshot in self.clients.ec2.own_encrypted_snapshots().await? {
                self.key_of.insert(snapshot.id, snapshot.key);
            }
            self.has_all_keys = true;
        }
        Ok(())
    }
}
