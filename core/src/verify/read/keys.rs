//! Keys, each read once for all the images and targets that ask for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::aws::clients::RegionClients;
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, KeyArn};
use crate::inventory::{Key, RamPolicy, Snapshot};
use crate::policy::key_policy::KeyPolicy;
use crate::run::Run;

/// The keys that were read so far, by the account that read them.
type KeysRead = BTreeMap<(AccountId, KeyArn), Arc<OnceCell<Key>>>;

/// Reads keys, each once.
pub(in crate::verify) struct KeyReader<'a> {
    run: &'a Run<'a>,
    read: Mutex<KeysRead>,
}

impl<'a> KeyReader<'a> {
    pub(in crate::verify) fn new(run: &'a Run<'a>) -> Self {
        let read = Mutex::default();
        Self { run, read }
    }

    /// The keys of snapshots, each with its policy and grants if those can be read.
    pub(super) async fn read_keys(
        &self,
        clients: &RegionClients,
        snapshots: &[Snapshot],
    ) -> Result<Vec<Key>, Error> {
        let keys: BTreeSet<&KeyArn> = snapshots
            .iter()
            .filter_map(|snapshot| snapshot.key.as_ref())
            .collect();
        let mut reading = Vec::new();
        for key in keys {
            reading.push(async move {
                if key.account() == &clients.location.account {
                    self.read_key(clients, key).await
                } else {
                    self.read_key(&self.run.key_clients(key), key).await
                }
            });
        }
        future::try_join_all(reading).await
    }

    /// The key of new volumes. Of `aws/ebs` only the ARN matters, which identity policies may name:
    /// its own policy lets everybody in the account use it through EC2.
    pub(super) async fn read_default_key(&self, clients: &RegionClients) -> Result<Key, Error> {
        let name = clients.ec2.default_key().await?;
        if let Ok(arn) = name.parse() {
            let known = self.cell(clients, &arn);
            if let Some(key) = known.get() {
                return Ok(key.clone());
            }
        }
        let key = clients.kms.describe_key(&name).await?;
        if key.aws_managed {
            return Ok(key);
        }
        let known = self.cell(clients, &key.arn);
        let key = known.get_or_try_init(|| read_access(clients, key));
        key.await.cloned()
    }

    /// A key with its policies and grants. Why its policy cannot be read takes the place of the
    /// policy.
    async fn read_key(&self, clients: &RegionClients, arn: &KeyArn) -> Result<Key, Error> {
        let known = self.cell(clients, arn);
        let key = known.get_or_try_init(|| async {
            let key = clients.kms.describe_key(arn.as_ref()).await?;
            read_access(clients, key).await
        });
        key.await.cloned()
    }

    /// Forgets what an account has read: each target has keys of its own, for which nobody else
    /// asks.
    pub(in crate::verify) fn forget(&self, account: &AccountId) {
        self.read.lock().retain(|(reader, _), _| reader != account);
    }

    fn cell(&self, clients: &RegionClients, arn: &KeyArn) -> Arc<OnceCell<Key>> {
        let by = (clients.location.account.clone(), arn.clone());
        Arc::clone(self.read.lock().entry(by).or_default())
    }
}

/// The key with its policies and grants.
async fn read_access(clients: &RegionClients, mut key: Key) -> Result<Key, Error> {
    let policy = clients.kms.key_policy(&key.arn);
    let ram_policy = clients.kms.ram_policy(&key.arn);
    let grants = clients.kms.grants(&key.arn);
    let (policy, ram_policy, grants) = future::join3(policy, ram_policy, grants).await;
    key.ram_policy = RamPolicy::of(ram_policy);
    key.policy = Some(match policy {
        Ok(text) => KeyPolicy::parse(&text).map_err(|error| error.to_string()),
        Err(error) => Err(format!(
            "its policy could not be read: {}",
            error.without_remedy()
        )),
    });
    key.grants = match grants {
        Err(error) if error.code == Code::AwsUnreadable => return Err(error),
        grants => grants.ok(),
    };
    Ok(key)
}
