//! What is to be done in target accounts, by the role there.

use std::collections::{BTreeMap, BTreeSet};

use super::copies::{self, CopyImage};
use super::lifecycle;
use super::needed::{needs, runs_on};
use super::step::{Grants, KeyAccess, LaunchPermission, Shared, Step};
use super::target_step::{EndLoan, GiveBack, KeyLoan, LaunchRole, RolePolicy, ServiceRole, TagShared, TargetCopy};
use crate::error::Error;
use crate::finding::{Finding, FindingCode};
use crate::id::{AccountId, KeyArn, Principal};
use crate::inventory::{Image, ImageState, Inventory, Key, KeyState, RegionInventory, Target};
use crate::key_policy::Holder;
use crate::launch_policy;
use crate::lent::{self, Loan, Loans};
use crate::name::Parts;
use crate::request::ShareRequest;
use crate::tags;

/// How many characters the inline policies of a role may have together, blanks aside (R5.8).
const INLINE_LIMIT: usize = 10_240;

/// The targets that were reached, with what there is.
pub(super) fn reached(inventory: &Inventory) -> impl Iterator<Item = (&AccountId, &Target)> {
    inventory.targets.iter().filter_map(|(account, target)| Some((account, target.as_ref().ok()?)))
}

/// The copies that targets make of a shared image.
pub(super) fn copies(
    request: &ShareRequest,
    inventory: &Inventory,
    source: &Image,
    shared: &Shared,
    findings: &mut Vec<Finding>,
) -> Vec<TargetCopy> {
    let mut wanted = Vec::new();
    for (account, target) in reached(inventory) {
        let Some(there) = target.regions.get(&shared.region) else { continue };
        let Some(key) = there.destination.as_ref().and_then(|arn| there.keys.get(arn)) else { continue };
        // The copy is wanted all the same: whether it can be launched is another question, which this decides too.
        findings.extend(unusable(key));
        if source.snapshots().next().is_none() {
            continue;
        }
        wanted.push(copy(request, account, there, key, source, shared, findings));
    }
    wanted
}

fn copy(
    request: &ShareRequest,
    account: &AccountId,
    there: &RegionInventory,
    key: &Key,
    source: &Image,
    shared: &Shared,
    findings: &mut Vec<Finding>,
) -> TargetCopy {
    let name = request.copy_name.fill(&Parts::of(source, &there.place));
    let mut wanted = TargetCopy {
        account: account.clone(),
        shared: shared.clone(),
        key: key.arn.clone(),
        name,
        adopt: None,
        stands: false,
        leftovers: copies::Leftovers::default(),
        tags: passed_on(request, source),
        completion: request.options.copy_completion,
        volumes: source.snapshots().count(),
    };
    // What does not exist yet has no copies; its name and tags can be judged all the same.
    let of: &crate::id::AmiId = shared.existing().unwrap_or(&source.id);
    let mut copy: CopyImage = wanted.of(of);
    copies::check(&copy, findings);
    if shared.existing().is_some() {
        copies::adopt(&mut copy, there, findings);
        let adopted = copy.adopt.as_ref().and_then(|id| there.image(id));
        wanted.stands = adopted.is_some_and(|image| image.state == ImageState::Available);
        (wanted.adopt, wanted.leftovers) = (copy.adopt, copy.leftovers);
    }
    wanted
}

/// Why a target's key can never encrypt a copy.
fn unusable(key: &Key) -> Option<Finding> {
    let why = match &key.state {
        KeyState::Disabled => "is disabled".to_owned(),
        KeyState::PendingDeletion => "is pending deletion".to_owned(),
        KeyState::Other(state) => format!("is in state `{state}`"),
        _ if !key.symmetric => "is no symmetric encryption key, and EBS takes no other (R1.3.6)".to_owned(),
        _ => return None,
    };
    let account = key.arn.account();
    Some(Finding::refuse(
        FindingCode::TargetKeyUnusable,
        &key.arn,
        format!("this key of target {account} {why}, so no copy can be made under it"),
    ))
}

/// A target has no such key.
pub(super) fn missing_key(error: &Error) -> Finding {
    let account = error.account.as_ref().map(ToString::to_string).unwrap_or_default();
    let region = error.region.as_ref().map(ToString::to_string).unwrap_or_default();
    let name = error.resource.clone().unwrap_or_default();
    let message = format!("target {account} has no such key in {region}, so no copy can be made under it");
    Finding::refuse(FindingCode::TargetKeyUnusable, name, message)
}

fn passed_on(request: &ShareRequest, source: &Image) -> BTreeMap<String, String> {
    tags::passed_on(request.options.copy_tags.then_some(&source.tags), &request.options.tags)
}

/// The accounts that need the source no more: with `keep-shared: false`, those whose own copies stand, and those that
/// were not reached and so cannot copy now.
pub(super) fn done(request: &ShareRequest, inventory: &Inventory, copies: &[TargetCopy]) -> BTreeSet<AccountId> {
    if request.options.in_targets.keep_shared {
        return BTreeSet::new();
    }
    let stand = copies.iter().filter(|copy| copy.stands).map(|copy| copy.account.clone());
    let unreached = inventory.targets.iter().filter(|(_, target)| target.is_err()).map(|(account, _)| account.clone());
    stand.chain(unreached).collect()
}

/// Tags in targets that share the image itself, and the parameters there.
pub(super) fn images(
    request: &ShareRequest,
    inventory: &Inventory,
    source: &Image,
    shared: &Shared,
    copies: &[TargetCopy],
    findings: &mut Vec<Finding>,
) -> Vec<Step> {
    let wanted = passed_on(request, source);
    let mut steps = Vec::new();
    for (account, target) in reached(inventory) {
        let Some(there) = target.regions.get(&shared.region) else { continue };
        let copy = copies.iter().find(|copy| &copy.account == account);
        if copy.is_none() && !wanted.is_empty() {
            let seen = shared.existing().and_then(|id| there.images.get(id));
            let lacks =
                |(key, value): &(&String, &String)| seen.is_none_or(|image| image.tags.get(*key) != Some(*value));
            let missing = wanted.iter().filter(lacks).map(|(key, value)| (key.clone(), value.clone())).collect();
            steps.push(Step::TagShared(TagShared { account: account.clone(), shared: shared.clone(), missing }));
        }
        let image = copy.map_or_else(|| shared.existing().cloned(), |copy| copy.adopt.clone());
        steps.extend(lifecycle::publish(request, there, source, shared, image, findings).map(Step::Publish));
    }
    steps
}

/// What roles in targets need to launch, and services' roles.
pub(super) fn roles(
    request: &ShareRequest,
    inventory: &Inventory,
    launches: &[LaunchPermission],
    copies: &[TargetCopy],
    findings: &mut Vec<Finding>,
) -> Vec<Step> {
    let shared: BTreeSet<&KeyArn> = launches.iter().flat_map(|launch| &launch.keys).collect();
    let mut steps = Vec::new();
    for (account, target) in reached(inventory) {
        let own: BTreeSet<&KeyArn> =
            copies.iter().filter(|copy| &copy.account == account).map(|copy| &copy.key).collect();
        // Whoever launches own copies needs the source's keys no more (R4.13).
        let keys = if request.options.in_targets.copies() { &own } else { &shared };
        steps.extend(launch_roles(request, account, target, keys, findings).into_iter().map(Step::LaunchRole));
        for (service, roles) in &target.services {
            for key in keys {
                steps.push(Step::ServiceRole(service_role(inventory, target, account, (service, roles), key)));
            }
        }
    }
    steps
}

fn launch_roles(
    request: &ShareRequest,
    account: &AccountId,
    target: &Target,
    keys: &BTreeSet<&KeyArn>,
    findings: &mut Vec<Finding>,
) -> Vec<LaunchRole> {
    let mut wanted = Vec::new();
    for (role, policies) in &target.roles {
        let Some(policies) = policies else {
            findings.push(Finding::refuse(
                FindingCode::LaunchRoleMissing,
                role,
                format!("target {account} has no role of this name, so it cannot be let launch"),
            ));
            continue;
        };
        let of_role = |by, held| LaunchRole { account: account.clone(), role: role.clone(), by, held };
        let Some(partition) = keys.first().map(|key| key.region().partition()) else { continue };
        if let Some(managed) = &request.options.in_targets.launch_policy {
            let arn = managed.in_account(partition, account);
            let held = policies.attached.contains(&arn);
            wanted.push(of_role(RolePolicy::Attached(arn), held));
            continue;
        }
        let mut after = policies.inline.clone();
        for key in keys {
            let (name, document) = (inline_name(key), launch_policy::for_key(key).to_string());
            let held = policies.inline.get(&name).is_some_and(|now| same_json(now, &document));
            after.insert(name.clone(), document.clone());
            wanted.push(of_role(RolePolicy::Inline { name, document }, held));
        }
        let size: usize = after.values().map(|text| text.chars().filter(|c| !c.is_whitespace()).count()).sum();
        if size > INLINE_LIMIT {
            findings.push(Finding::refuse(
                FindingCode::LaunchRoleTooLarge,
                role,
                format!("the inline policies of this role in {account} would have {size} characters, and IAM takes {INLINE_LIMIT} (R5.8)")));
        }
    }
    wanted
}

/// The inline policy of a key. A role has one for each key, so that keys come and go alone.
pub(crate) fn inline_name(key: &KeyArn) -> String {
    format!("ami-share-{}-{}", key.region(), key.as_ref().rsplit('/').next().unwrap_or_default())
}

fn same_json(one: &str, other: &str) -> bool {
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    parsed(one).is_some_and(|one| Some(one) == parsed(other))
}

fn service_role(
    inventory: &Inventory,
    target: &Target,
    account: &AccountId,
    (service, roles): (&String, &Vec<String>),
    key: &KeyArn,
) -> ServiceRole {
    let name = service_grant_name(account, service);
    let of_source = inventory.regions.get(key.region()).and_then(|there| there.keys.get(key));
    let of_target = target.regions.get(key.region()).and_then(|there| there.keys.get(key));
    let grants = of_source.or(of_target).and_then(|key| key.grants.as_deref()).unwrap_or_default();
    let role = roles.first().cloned();
    // Made anew, a role is another one (R3.3.8); its ARN in the grant then stands for the old one.
    let held =
        role.as_ref().is_some_and(|role| grants.iter().any(|grant| grant.name == name && grant.grantee == *role));
    ServiceRole { account: account.clone(), service: service.clone(), role, key: key.clone(), held }
}

/// The name of the grant for the role of a service in a target.
pub(crate) fn service_grant_name(account: &AccountId, service: &str) -> String {
    format!("ami-share-1-{account}-{}", service.split('.').next().unwrap_or_default())
}

/// The name of the grant from which a target makes those of its services' roles.
pub(crate) fn parent_grant_name(account: &AccountId) -> String {
    format!("ami-share-1-{account}-roles")
}

/// With `keep-shared: false`: what each image lends, and takes back once the copies stand.
pub(super) fn give_back(
    request: &ShareRequest,
    inventory: &Inventory,
    launches: &[LaunchPermission],
    steps: &[Step],
    copies: &[TargetCopy],
    findings: &mut Vec<Finding>,
) -> Vec<GiveBack> {
    if request.options.in_targets.keep_shared {
        return Vec::new();
    }
    launches.iter().map(|launch| give_back_of(inventory, launch, steps, copies, findings)).collect()
}

/// With `keep-shared: true`: what was lent to targets by an earlier run, and is theirs for good now.
pub(super) fn kept(request: &ShareRequest, inventory: &Inventory, launches: &[LaunchPermission]) -> Vec<Step> {
    if !request.options.in_targets.keep_shared {
        return Vec::new();
    }
    let ended = launches.iter().filter_map(|launch| {
        let there = inventory.regions.get(&launch.shared.region)?;
        let image = there.image(launch.shared.existing()?)?;
        end_loan(there, image, |account| launch.principals.contains(&Principal::Account(account.clone())))
    });
    ended.map(Step::EndLoan).collect()
}

/// The end of what an image lends to some; nothing where it lends them nothing.
pub(super) fn end_loan(there: &RegionInventory, image: &Image, whose: impl Fn(&AccountId) -> bool) -> Option<EndLoan> {
    let accounts: BTreeSet<AccountId> = lent::loans(&image.tags).into_values().flatten().filter(whose).collect();
    let (region, image) = (there.place.region.clone(), image.id.clone());
    (!accounts.is_empty()).then_some(EndLoan { region, image, accounts })
}

fn give_back_of(
    inventory: &Inventory,
    launch: &LaunchPermission,
    steps: &[Step],
    copies: &[TargetCopy],
    findings: &mut Vec<Finding>,
) -> GiveBack {
    let shared = &launch.shared;
    let accounts: BTreeSet<AccountId> =
        copies.iter().filter(|copy| &copy.shared == shared).map(|copy| copy.account.clone()).collect();
    let there = inventory.regions.get(&shared.region);
    let image = shared.existing().and_then(|id| there?.image(id));
    let lends = loans(launch, steps, &accounts);
    let lent = image.map(|image| lent::loans(&image.tags)).unwrap_or_default();
    let owed = lent.values().any(|lent| !lent.is_disjoint(&accounts));
    let more = lent::tags(&lends).len();
    if image.is_some_and(|image| image.tags.len() + more > tags::LIMIT) {
        findings.push(Finding::refuse(
            FindingCode::LentTooManyTags,
            &shared.source.ami,
            format!(
                "`keep-shared: false` notes in {more} tags of the image who is lent it, and it can have {} in all",
                tags::LIMIT
            ),
        ));
    }
    let keys = launch.keys.iter().map(|arn| {
        let key = there.and_then(|there| there.keys.get(arn));
        let grants = key.and_then(|key| key.grants.as_deref()).unwrap_or_default();
        let others = there.map(|there| there.others.as_slice()).unwrap_or_default();
        let of_key = others.iter().filter(|other| other.keys.contains(arn));
        let keeps = |holder: &Holder| of_key.clone().any(|other| needs(other, holder)) || runs_on(grants, holder);
        let kept = accounts.iter().cloned().map(Holder::Account).filter(keeps).collect();
        let reads = (key.is_some_and(|key| key.policy.is_some()), key.is_some_and(|key| key.grants.is_some()));
        (arn.clone(), KeyLoan { kept, reads })
    });
    GiveBack { shared: shared.clone(), lent: owed || !lends.is_empty(), lends, keys: keys.collect(), accounts }
}

/// What this run lends of an image: what these accounts do not have yet.
fn loans(launch: &LaunchPermission, steps: &[Step], accounts: &BTreeSet<AccountId>) -> Loans {
    let of = |principals: &BTreeSet<Principal>| -> BTreeSet<AccountId> {
        principals
            .iter()
            .filter_map(Principal::account)
            .filter(|account| accounts.contains(*account))
            .cloned()
            .collect()
    };
    let mut loans = Loans::from([(Loan::Launch, of(&launch.missing))]);
    for step in steps {
        let (loan, more) = match step {
            Step::SnapshotPermission(share) if share.shared == launch.shared => {
                let missing: BTreeSet<AccountId> = if share.shared.existing().is_some() {
                    share.missing.values().flatten().cloned().collect()
                } else {
                    share.accounts.clone()
                };
                (Loan::Snapshots, &missing & accounts)
            }
            Step::KeyAccess(KeyAccess { key, missing, .. }) if launch.keys.contains(key) => (Loan::Keys, of(missing)),
            Step::Grants(Grants { shared, missing, .. }) if shared == &launch.shared => {
                (Loan::Keys, missing & accounts)
            }
            _ => continue,
        };
        loans.entry(loan).or_default().extend(more);
    }
    loans.retain(|_, accounts| !accounts.is_empty());
    loans
}
