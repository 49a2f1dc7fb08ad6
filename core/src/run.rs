//! What every part of one run shares: the accounts that it acts in, its progress, and one watcher
//! of images for each account and Region.

pub(crate) mod absence;
pub(crate) mod effect;
mod progress;
pub(crate) mod targets;
pub(crate) mod test_launches;
pub(crate) mod together;
pub(crate) mod wait;
pub(crate) mod watch;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::future;
use parking_lot::Mutex;
use tokio::time::Instant;

use self::effect::UntilInEffect;
use self::targets::ReachedTargets;
use self::test_launches::TestLaunches;
use self::watch::Watcher;
use crate::aws::clients::{Account, RegionClients};
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, AccountRegion, AmiId, KeyArn, Region, SourceImage};
use crate::inventory::{Image, Key};
use crate::plan::{SharedImage, TargetCopy};
use crate::report::Waiting;
use crate::request::Timing;

pub(crate) use progress::Progress;

/// How often a run tells at most that AWS throttles it or is in trouble.
const TELL_OF_TROUBLE: Duration = Duration::from_secs(30);

/// One run of a `Sharer`.
pub(crate) struct Run<'a> {
    /// The account that owns the images.
    pub(crate) source: Account,
    /// The role that may change keys of another account.
    pub(crate) key_role: Option<Account>,
    pub(crate) targets: ReachedTargets,
    pub(crate) timing: &'a Timing,
    pub(crate) progress: Progress<'a>,
    pub(crate) test_launches: Arc<TestLaunches>,
    watchers: Mutex<BTreeMap<AccountRegion, Arc<Watcher>>>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        source: Account,
        key_role: Option<Account>,
        targets: ReachedTargets,
        timing: &'a Timing,
        progress: Progress<'a>,
    ) -> Self {
        Self {
            source,
            key_role,
            targets,
            timing,
            progress,
            test_launches: Arc::default(),
            watchers: Mutex::default(),
        }
    }

    /// Keeps what is left of test launches where it can be found when the run is cut off.
    pub(crate) fn with_test_launches(mut self, launches: &Arc<TestLaunches>) -> Self {
        self.test_launches = Arc::clone(launches);
        self
    }

    /// The source account in a Region.
    pub(crate) fn source_clients(&self, region: &Region) -> Arc<RegionClients> {
        self.source.in_region(region)
    }

    /// The clients that may change the key: those of `key-role` if that is in the key's account, or
    /// else the source account's.
    pub(crate) fn key_clients(&self, key: &KeyArn) -> Arc<RegionClients> {
        let by_role = self
            .key_role
            .as_ref()
            .filter(|role| &role.identity.account == key.account());
        by_role.unwrap_or(&self.source).in_region(key.region())
    }

    /// Describes a key (`kms:DescribeKey`). If another account does not show us its key, only what
    /// the ARN says is known of it.
    pub(crate) async fn read_key(&self, arn: &KeyArn) -> Result<Key, Error> {
        let is_foreign = arn.account() != &self.source.identity.account;
        let described = self.key_clients(arn).kms.describe_key(arn.as_ref()).await;
        match described {
            Err(error) if is_foreign && is_hidden(&error) => Ok(Key::unseen(arn)),
            described => described,
        }
    }

    /// A target account in a Region, if it was reached.
    pub(crate) fn target_clients(
        &self,
        account: &AccountId,
        region: &Region,
    ) -> Option<Arc<RegionClients>> {
        let target = self.targets.get(account)?.as_ref().ok()?;
        Some(target.in_region(region))
    }

    /// The source account or a target, in a Region.
    pub(crate) fn clients_of(
        &self,
        account: &AccountId,
        region: &Region,
    ) -> Option<Arc<RegionClients>> {
        if account == &self.source.identity.account {
            Some(self.source_clients(region))
        } else {
            self.target_clients(account, region)
        }
    }

    /// The image once it is no longer pending: available, failed or deregistered; `None` if AWS
    /// never showed it. [`Self::watch`] must run at the same time.
    pub(crate) async fn settled_image(
        &self,
        clients: &RegionClients,
        image: &AmiId,
        what: impl Into<String>,
    ) -> Result<Option<Image>, Error> {
        self.watcher(&clients.location).settled(image, what).await
    }

    /// For something that a caller does with these resources, to which this run may have given
    /// access a moment ago.
    pub(crate) fn until_in_effect(
        &self,
        caller: &RegionClients,
        resources: impl IntoIterator<Item = impl ToString>,
    ) -> UntilInEffect<'_, 'a> {
        UntilInEffect::new(&self.progress, caller, resources, self.timing.poll)
    }

    /// Polls the images that are awaited in these accounts and Regions; never ends by itself.
    pub(crate) async fn watch(&self, clients: Vec<Arc<RegionClients>>) {
        let mut watching = Vec::new();
        for clients in &clients {
            let watcher = self.watcher(&clients.location);
            watching.push(async move {
                watcher
                    .watch(&self.progress, &clients.ec2, self.timing.poll)
                    .await;
            });
        }
        future::join_all(watching).await;
    }

    /// Does the work of a run, and tells meanwhile that it waits where AWS throttles its calls or
    /// is in trouble.
    pub(crate) async fn telling<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.tell_of_trouble() => match never {},
        }
    }

    async fn tell_of_trouble(&self) -> Infallible {
        loop {
            let trouble = self.source.paces().trouble().await;
            let (account, region) = (&trouble.place.account, &trouble.place.region);
            let resource = format!("account {account} in {region}");
            let what = format!("to have its calls of {} answered", trouble.action);
            let mut waiting = Waiting::new(resource, &what, Instant::now(), TELL_OF_TROUBLE);
            waiting.aws = Some(trouble.aws);
            self.progress.wait_for(waiting).await;
        }
    }

    fn watcher(&self, location: &AccountRegion) -> Arc<Watcher> {
        let mut watchers = self.watchers.lock();
        Arc::clone(watchers.entry(location.clone()).or_default())
    }

    /// What is shared of an image of the request: known from the plan, or made by this run.
    pub(crate) fn image_of(&self, shared: &SharedImage) -> Option<AmiId> {
        let made = self.progress.image_of(&shared.source, &shared.region);
        made.or_else(|| shared.image.clone())
    }

    /// A target's own copy: known from the plan, or made by this run.
    pub(crate) fn target_copy(&self, copy: &TargetCopy) -> Option<AmiId> {
        let source = SourceImage {
            region: copy.shared.region.clone(),
            ami: self.image_of(&copy.shared)?,
        };
        let made = self.progress.target_copy(&copy.account, &source);
        made.or_else(|| copy.adopt.clone())
    }
}

fn is_hidden(error: &Error) -> bool {
    matches!(error.code, Code::AccessDenied | Code::KeyNotFound)
}
