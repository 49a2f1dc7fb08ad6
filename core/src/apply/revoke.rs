//! Takes access back, in the opposite order of giving it: launch permission, snapshots, keys,
//! copies. A run that is cut off finds a key again only by the images under it, so a copy goes
//! last; and where one is gone, its key is looked at once more, for a run beside this one may have
//! shared that copy just before.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use super::copies::not_deleted;
use super::keys::{self, KeyLocks};
use super::{permissions, reclaim};
use crate::diagnostic::{Code, Error, Finding, FindingCode};
use crate::id::{AmiId, KeyArn, Principal};
use crate::observe;
use crate::plan::{
    self, KeyAccess, KeyUsage, Plan, RemoveCopy, RemoveKeyAccess, RemovePermissions,
    RemoveRolePolicy, Step, grant_name,
};
use crate::policy::key_policy::PolicyPrincipal;
use crate::report::Event;
use crate::run::Run;

/// Carries out every step that takes access away.
pub(super) async fn all(run: &Run<'_>, locks: &KeyLocks, plan: &Plan) {
    let (mut images, mut keys, mut copies, mut roles) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for step in &plan.steps {
        match step {
            Step::RemovePermissions(remove) => images.push(remove),
            Step::RemoveKeyAccess(remove) => keys.push(remove),
            Step::RemoveCopy(remove) => copies.push(remove),
            Step::RemoveRolePolicy(remove) => roles.push(remove),
            _ => {}
        }
    }
    let removed = images.iter().map(|remove| async {
        let removed = run
            .progress
            .report_error(Box::pin(permissions::remove(run, remove)).await);
        removed.is_none().then_some(&remove.image)
    });
    let failed: BTreeSet<&AmiId> = future::join_all(removed)
        .await
        .into_iter()
        .flatten()
        .collect();
    for remove in &keys {
        for (holder, how) in &remove.in_use {
            run.progress
                .emit(&Event::Failed(in_use(run, &remove.key, holder, how)));
        }
    }
    let keys = keys.as_slice();
    let take = async |keys: &[&RemoveKeyAccess], images: &[&RemovePermissions]| {
        let taken = keys.iter().map(|remove| {
            let under: Vec<&RemovePermissions> = images
                .iter()
                .copied()
                .filter(|image| image.keys.contains(&remove.key))
                .collect();
            let failed = under.iter().any(|image| failed.contains(&image.image));
            async move {
                // Who can still launch an image must still be able to use its key.
                if !failed {
                    run.progress
                        .report_error(Box::pin(key(run, locks, plan, remove, &under)).await);
                }
            }
        });
        future::join_all(taken).await;
    };
    take(keys, &images).await;
    let copies = copies
        .into_iter()
        .filter(|copy| !failed.contains(&copy.image));
    let gone = copies.map(|copy| async {
        let removed = run
            .progress
            .report_error(Box::pin(remove_copy(run, copy)).await);
        removed.filter(|removed| *removed).map(|_| &copy.image)
    });
    let gone: BTreeSet<&AmiId> = future::join_all(gone).await.into_iter().flatten().collect();
    let (were, left): (Vec<_>, Vec<_>) = images
        .iter()
        .copied()
        .partition(|image| gone.contains(&image.image));
    let freed =
        |remove: &&RemoveKeyAccess| were.iter().any(|image| image.keys.contains(&remove.key));
    take(
        &keys.iter().copied().filter(freed).collect::<Vec<_>>(),
        &left,
    )
    .await;
    let taken = images
        .iter()
        .map(|remove| &remove.image)
        .filter(|image| !failed.contains(image))
        .collect();
    reclaim::end(run, plan, &taken).await;
    future::join_all(roles.into_iter().map(|role| async {
        run.progress
            .report_error(Box::pin(role_policy(run, plan, role)).await)
    }))
    .await;
}

/// One key. A run beside this one may have shared again what was just taken back: then its access
/// stays.
pub(super) async fn key(
    run: &Run<'_>,
    locks: &KeyLocks,
    plan: &Plan,
    remove: &RemoveKeyAccess,
    images: &[&RemovePermissions],
) -> Result<(), Error> {
    let (by_policy, by_grants) = (remove.reads.policy, remove.reads.grants);
    let mut gone = BTreeSet::new();
    if by_policy {
        gone = Box::pin(keys::remove(run, locks, remove)).await?;
    }
    // After the policy, by which a target may make grants of its own.
    let mut ended = BTreeSet::new();
    if by_grants {
        ended = Box::pin(keys::revoke_grants(run, remove)).await?;
    }
    let mut back = BTreeSet::new();
    let mut ways: BTreeMap<&AmiId, BTreeSet<Principal>> = BTreeMap::new();
    for RemovePermissions { region, image, .. } in images {
        let held = run
            .source_clients(region)
            .ec2
            .launch_permissions(image)
            .await?;
        back.extend(keys::named(&held, &gone));
        let again = held.iter().filter_map(Principal::account);
        let again = again
            .filter(|account| ended.contains(&grant_name(region, image, account)))
            .cloned()
            .collect();
        Box::pin(keys::create_grants(run, &remove.key, region, image, &again)).await?;
        let wide = held
            .into_iter()
            .filter(|principal| principal.account().is_none());
        ways.insert(image, wide.collect());
    }
    if !gone.is_empty() && !remove.forced {
        back.extend(needed_since(run, remove, images, &gone).await?);
    }
    if !back.is_empty() {
        let access = KeyAccess {
            key: remove.key.clone(),
            access: plan.request.key_permissions(),
            missing: back.clone(),
            principals: back,
            unlisted: BTreeSet::new(),
            policy: None,
        };
        Box::pin(keys::ensure(run, locks, &access)).await?;
    }
    for (image, wide) in ways.into_iter().filter(|(_, wide)| !wide.is_empty()) {
        run.progress.emit(&Event::Found(other_way(image, &wide)));
    }
    Ok(())
}

/// Those who lost access to the key although something else under it has been shared with them
/// since the plan was made.
async fn needed_since(
    run: &Run<'_>,
    remove: &RemoveKeyAccess,
    images: &[&RemovePermissions],
    gone: &BTreeSet<PolicyPrincipal>,
) -> Result<BTreeSet<Principal>, Error> {
    let known = images.iter().map(|remove| &remove.image).collect();
    let keys = BTreeSet::from([remove.key.clone()]);
    let clients = run.source_clients(remove.key.region());
    let mut needed = BTreeSet::new();
    for other in Box::pin(observe::shared_under(&clients, &keys, &known)).await? {
        for principal in keys::named(&other.shared_with, gone) {
            if let Some(holder) = PolicyPrincipal::of(&principal) {
                run.progress.emit(&Event::Found(plan::key_still_used(
                    &remove.key,
                    &holder,
                    &other.id,
                )));
            }
            needed.insert(principal);
        }
    }
    Ok(needed)
}

fn in_use(run: &Run<'_>, key: &KeyArn, holder: &PolicyPrincipal, how: &KeyUsage) -> Error {
    let message = match holder {
        PolicyPrincipal::Account(account) => {
            format!("account {account} keeps access to {key}: of that account, {how}")
        }
        other => format!("{other} keeps access to {key}: of accounts that may belong there, {how}"),
    };
    Error::new(Code::KeyInUseByTarget, message)
        .at(&run.source.identity.account, key.region())
        .on(key)
}

fn other_way(image: &AmiId, wide: &BTreeSet<Principal>) -> Finding {
    let names: Vec<String> = wide.iter().map(ToString::to_string).collect();
    Finding::warn(
        FindingCode::RevokeOtherWay,
        image,
        format!(
            "the image is still shared with {}, so accounts that belong there can still launch it \
             (R2.7)",
            names.join(", ")
        ),
    )
}

async fn role_policy(run: &Run<'_>, plan: &Plan, remove: &RemoveRolePolicy) -> Result<(), Error> {
    let Some(clients) = plan
        .regions
        .first()
        .and_then(|region| run.target_clients(&remove.account, region))
    else {
        return Ok(());
    };
    let (role, policy) = (&remove.role, &remove.policy);
    if remove.managed {
        clients.iam.detach_policy(role, policy).await?;
    } else {
        clients.iam.delete_inline_policy(role, policy).await?;
    }
    run.progress.emit(&Event::RoleDisallowed {
        account: remove.account.clone(),
        role: role.clone(),
        policy: policy.clone(),
    });
    Ok(())
}

/// Removes a copy; one that was shared again meanwhile stays. Says whether it is gone.
async fn remove_copy(run: &Run<'_>, copy: &RemoveCopy) -> Result<bool, Error> {
    let clients = run.source_clients(&copy.region);
    let again = clients.ec2.launch_permissions(&copy.image).await?;
    if !again.is_empty() {
        run.progress.emit(&Event::Found(plan::copy_still_shared(
            &copy.image,
            &copy.source,
            &again,
        )));
        return Ok(false);
    }
    let left = clients.ec2.deregister_image(&copy.image).await?;
    run.progress.emit(&Event::CopyRemoved {
        image: copy.image.clone(),
    });
    for (snapshot, why) in left {
        run.progress.emit(&Event::Found(Finding::warn(
            FindingCode::CopyNotCleaned,
            snapshot,
            format!(
                "it belonged to the copy {}, and {}",
                copy.image,
                not_deleted(&clients, &why)
            ),
        )));
    }
    Ok(true)
}
