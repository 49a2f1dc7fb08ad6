//! Changes that AWS has taken and may not have put into effect everywhere: those of this run, and
//! access that its owner shows and that another run may have given a moment ago. What AWS refuses
//! only because of such a change is tried again; any other refusal is final at once.

use std::collections::BTreeSet;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Progress;
use super::wait::PollBackoff;
use crate::aws::clients::RegionClients;
use crate::diagnostic::{AwsAnswer, Code, Error};
use crate::id::{AccountId, AmiId, Principal};
use crate::limits::{KEY_ACCESS_PROPAGATION, ROLE_PROPAGATION, SHARE_PROPAGATION};
use crate::report::Waiting;

/// The shortest pause before something is tried again.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// A kind of change. AWS takes a time of its own to put each into effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// Statements in the policy of a key.
    KeyPolicy,
    /// Grants of a key.
    Grants,
    /// Launch permission of an image.
    Sharing,
    /// The policies of a role, by the role's name.
    RolePolicy,
    /// A role, by its ARN, which is to be a grantee.
    NewRole,
    /// Launch permission of an image that the run found there. Since when is not known.
    FoundSharing,
    /// Access to a key that the run found there. Since when is not known.
    FoundKeyAccess,
}

/// What gives access to a key.
const KEY_ACCESS: &[ChangeKind] = &[
    ChangeKind::KeyPolicy,
    ChangeKind::Grants,
    ChangeKind::FoundKeyAccess,
];
/// What makes an image one of a target.
const SHARING: &[ChangeKind] = &[ChangeKind::Sharing, ChangeKind::FoundSharing];

impl ChangeKind {
    /// How long AWS may take.
    fn propagation(self) -> Duration {
        match self {
            Self::KeyPolicy | Self::Grants | Self::FoundKeyAccess => KEY_ACCESS_PROPAGATION,
            Self::Sharing | Self::FoundSharing => SHARE_PROPAGATION,
            Self::RolePolicy | Self::NewRole => ROLE_PROPAGATION,
        }
    }

    /// Whether the run has not made the change.
    fn is_found(self) -> bool {
        matches!(self, Self::FoundSharing | Self::FoundKeyAccess)
    }

    /// What the run waits for the resource to be.
    fn describe(self) -> String {
        let what = match self {
            Self::KeyPolicy | Self::RolePolicy => "to have its new policy in effect",
            Self::Grants => "to have its new grants in effect",
            Self::Sharing => "to be known as shared",
            Self::NewRole => "to be known as a principal",
            Self::FoundSharing => "to be seen by the target, as its launch permission says",
            Self::FoundKeyAccess => "to let the target use it, as its policy or a grant says",
        };
        let minutes = self.propagation().as_secs() / 60;
        format!("{what}, for which AWS may need {minutes} minutes")
    }
}

/// The changes that a run has made or found.
#[derive(Debug, Default)]
pub(crate) struct Changes(Mutex<Vec<Change>>);

#[derive(Clone, Debug)]
struct Change {
    kind: ChangeKind,
    resource: String,
    /// The accounts that it concerns; `None` for an organization, of which any may be.
    accounts: Option<BTreeSet<AccountId>>,
    made: Instant,
}

impl Change {
    fn ends(&self) -> Instant {
        self.made + self.kind.propagation()
    }

    fn concerns(&self, account: &AccountId) -> bool {
        let accounts = self.accounts.as_ref();
        accounts.is_none_or(|accounts| accounts.contains(account))
    }
}

impl Changes {
    /// Notes that AWS has just taken a change for these principals.
    pub(crate) fn note<'a>(
        &self,
        kind: ChangeKind,
        resource: impl ToString,
        principals: impl IntoIterator<Item = &'a Principal>,
    ) {
        let principals = principals.into_iter();
        let accounts: Option<BTreeSet<AccountId>> = principals
            .map(|principal| principal.account().cloned())
            .collect();
        if accounts.as_ref().is_some_and(BTreeSet::is_empty) {
            return;
        }
        self.0.lock().push(Change {
            kind,
            resource: resource.to_string(),
            accounts,
            made: Instant::now(),
        });
    }

    /// Notes access of an account that the run found there, unless it has given it itself or found
    /// it before.
    pub(crate) fn note_found(&self, kind: ChangeKind, resource: impl ToString, by: &AccountId) {
        let resource = resource.to_string();
        if self.last(by, |_, known| known == &resource).is_none() {
            self.note_in(kind, resource, by);
        }
    }

    /// Whether the run has changed nothing that AWS must put into effect.
    pub(crate) fn is_empty(&self) -> bool {
        let changes = self.0.lock();
        changes.iter().all(|change| change.kind.is_found())
    }

    /// The same as [`Self::note`], of one account.
    pub(crate) fn note_in(&self, kind: ChangeKind, resource: impl ToString, account: &AccountId) {
        self.note(kind, resource, [&Principal::Account(account.clone())]);
    }

    /// Of the changes that concern an account and are of these kinds and resources, the one that
    /// AWS may need longest for.
    fn last(
        &self,
        account: &AccountId,
        fits: impl Fn(ChangeKind, &String) -> bool,
    ) -> Option<Change> {
        let changes = self.0.lock();
        let fitting = changes
            .iter()
            .filter(|change| change.concerns(account) && fits(change.kind, &change.resource));
        fitting.max_by_key(|change| change.ends()).cloned()
    }

    /// What AWS may not have put into effect yet of what concerns an account and is of these kinds:
    /// the resource, and what it is to be.
    pub(crate) fn unsettled(
        &self,
        account: &AccountId,
        kinds: &[ChangeKind],
        image: Option<&AmiId>,
    ) -> Option<(String, String)> {
        // That one image is shared says nothing of another one.
        let is_of_image = |resource: &String| image.is_none_or(|id| id.as_ref() == resource);
        let change = self.last(account, |kind, resource| {
            kinds.contains(&kind) && (!SHARING.contains(&kind) || is_of_image(resource))
        })?;
        let is_unsettled = Instant::now() < change.ends();
        is_unsettled.then(|| (change.resource, change.kind.describe()))
    }
}

/// Something that is tried until the changes that it rests on are in effect.
pub(crate) struct UntilInEffect<'p, 'a> {
    progress: &'p Progress<'a>,
    account: AccountId,
    resources: BTreeSet<String>,
    backoff: PollBackoff,
    since: Instant,
    /// When it was tried last.
    tried: Instant,
}

impl<'p, 'a> UntilInEffect<'p, 'a> {
    /// For something that a caller is about to do with these resources for the first time.
    pub(super) fn new(
        progress: &'p Progress<'a>,
        caller: &RegionClients,
        resources: impl IntoIterator<Item = impl ToString>,
        poll: (Duration, Duration),
    ) -> Self {
        let resources = resources.into_iter().map(|resource| resource.to_string());
        let mut resources: BTreeSet<String> = resources.collect();
        // Its own policies may be among what has changed.
        resources.extend(caller.identity.role_name().map(str::to_owned));
        let now = Instant::now();
        Self {
            progress,
            account: caller.location.account.clone(),
            resources,
            backoff: progress.poll_backoff(poll),
            since: now,
            tried: now,
        }
    }

    /// Waits if a change that may not be in effect explains the error; returns whether to try
    /// again.
    pub(crate) async fn outlasts(&mut self, error: &Error) -> bool {
        self.outlasts_any(kinds_behind(error), error.aws.as_ref())
            .await
    }

    /// The same, for a refusal that changes of these kinds explain.
    pub(crate) async fn outlasts_any(
        &mut self,
        kinds: &[ChangeKind],
        aws: Option<&AwsAnswer>,
    ) -> bool {
        let fits =
            |kind, resource: &String| kinds.contains(&kind) && self.resources.contains(resource);
        let Some(change) = self.progress.changes.last(&self.account, fits) else {
            return false;
        };
        if self.tried >= change.ends() {
            return false;
        }
        // The last try is made when AWS's time is over.
        let left = change.ends().saturating_duration_since(Instant::now());
        let pause = self.backoff.next().min(left).max(SHORTEST_PAUSE);
        let what = change.kind.describe();
        let mut waiting = Waiting::new(&change.resource, &what, self.since, pause);
        waiting.account = Some(self.account.clone());
        waiting.aws = aws.cloned();
        self.progress.wait_for(waiting).await;
        self.tried = Instant::now();
        true
    }
}

/// The kinds of changes that explain an error as long as they are not in effect.
pub(crate) fn kinds_behind(error: &Error) -> &'static [ChangeKind] {
    let aws = error.aws.as_ref();
    let words = aws.map_or(error.message.as_str(), |aws| aws.message.as_str());
    match error.code {
        Code::CopyFailed if words.contains("not accessible") => KEY_ACCESS,
        Code::AwsRefused if error.is_aws(&["InvalidArnException"]) => &[ChangeKind::NewRole],
        Code::ImageNotFound => SHARING,
        Code::AccessDenied => kinds_behind_denial(error, words),
        _ => &[],
    }
}

/// What a denial rests on, by AWS's words for the policy that does not allow it.
fn kinds_behind_denial(error: &Error, words: &str) -> &'static [ChangeKind] {
    const OWN_SIDE: [&str; 4] = [
        "identity-based policy",
        "permissions boundary",
        "service control policy",
        "session policy",
    ];
    if words.contains("with an explicit deny") {
        &[]
    } else if OWN_SIDE.iter().any(|policy| words.contains(policy)) {
        &[ChangeKind::RolePolicy]
    } else if error.is_aws(&["AuthFailure"]) {
        SHARING
    } else if words.contains("kms:") {
        KEY_ACCESS
    } else {
        &[ChangeKind::RolePolicy]
    }
}
