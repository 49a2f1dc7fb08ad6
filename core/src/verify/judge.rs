//! From what was read to checks: pure.

use std::collections::BTreeSet;

use super::keys::{self, Need};
use super::read::{Evidence, Launcher, RUN, SharedSeen, TargetSeen, image_arn, run_resources};
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId, Principal, Region};
use crate::inventory::{Image, ImageState, Key, KeyState};
use crate::plan::{LaunchPermission, Plan, Step, TargetCopy, service_grant_name};
use crate::report::{Check, CheckName, Verdict, Verification};

/// Every image of the plan in every target account.
pub(super) fn all(plan: &Plan, evidence: &Evidence) -> Vec<Verification> {
    let mut found = Vec::new();
    for account in plan.targets.iter().filter_map(Principal::account) {
        for launch in plan.launch_permissions() {
            found.push(one(plan, evidence, account, launch));
        }
    }
    found
}

fn yes(name: CheckName, detail: impl Into<String>) -> Check {
    Check {
        name,
        verdict: Verdict::Yes,
        detail: detail.into(),
    }
}

fn no(name: CheckName, detail: impl Into<String>) -> Check {
    Check {
        name,
        verdict: Verdict::No,
        detail: detail.into(),
    }
}

fn unknown(name: CheckName, detail: impl Into<String>) -> Check {
    Check {
        name,
        verdict: Verdict::Unknown,
        detail: detail.into(),
    }
}

fn unread(name: CheckName, error: &Error) -> Check {
    unknown(name, format!("it could not be read: {error}"))
}

/// One image in one target.
fn one(
    plan: &Plan,
    evidence: &Evidence,
    account: &AccountId,
    launch: &LaunchPermission,
) -> Verification {
    let (shared, region) = (&launch.shared, &launch.shared.region);
    let copy = plan
        .target_copies()
        .find(|copy| &copy.account == account && copy.shared == *shared);
    let target = evidence.targets.get(&(account.clone(), region.clone()));
    let mut checks = vec![role(target)];
    let seen = target.and_then(|target| target.as_ref().ok());
    if let Some(copy) = copy {
        let image = own_copy(plan, evidence, copy, seen, &mut checks);
        return Verification::new(account, region, &shared.source, image, checks);
    }
    let unseen = plan
        .errors
        .iter()
        .find(|error| error.account.as_ref() == Some(account));
    if let Some(error) = unseen.filter(|_| plan.request.options.target_options.copies()) {
        checks.push(unknown(
            CheckName::Image,
            format!("whether the target has its own copy was not seen: {error}"),
        ));
        return Verification::new(account, region, &shared.source, None, checks);
    }
    let Some((image, source)) = evidence
        .images
        .get(&(shared.source.clone(), region.clone()))
    else {
        checks.push(no(
            CheckName::Image,
            "there is no image to launch yet: run `mode: share`",
        ));
        return Verification::new(account, region, &shared.source, None, checks);
    };
    checks.push(yes(CheckName::Image, image.to_string()));
    match source {
        Ok(source) => checks.extend(shared_image(plan, account, region, image, source, seen)),
        Err(error) => {
            let of_source = [
                CheckName::LaunchPermission,
                CheckName::KeyState,
                CheckName::KeyAccess,
            ];
            checks.extend(of_source.map(|name| unread(name, error)));
        }
    }
    Verification::new(account, region, &shared.source, Some(image.clone()), checks)
}

fn shared_image(
    plan: &Plan,
    account: &AccountId,
    region: &Region,
    image: &AmiId,
    source: &SharedSeen,
    seen: Option<&TargetSeen>,
) -> Vec<Check> {
    let mut checks = of_image(plan, account, image, source, seen);
    checks.extend(snapshots(plan, account, source));
    checks.push(key_state(&source.keys));
    let root = plan.partition().account_root(account);
    let launchers = launchers(&root, seen);
    let of_image = keys::of_shared(&source.keys);
    checks.push(keys::access(
        CheckName::KeyAccess,
        account,
        region,
        &of_image,
        &launchers,
    ));
    let Some(seen) = seen else {
        let why = "no role in the target was assumed, so what is there was not looked at";
        checks
            .extend([CheckName::LauncherIam, CheckName::DefaultKey].map(|name| unknown(name, why)));
        return checks;
    };
    let (default, of_volumes) = default_key(account, region, source, seen, &launchers);
    let needs: Vec<Need<'_>> = of_image.into_iter().chain(of_volumes).collect();
    checks.push(launcher_iam(account, region, image, &needs, seen));
    checks.push(default);
    checks.extend(service_roles(plan, account, &source.keys));
    checks
}

/// A target that copies launches its own copy, and needs nothing of the source any more (R4.13).
fn own_copy(
    plan: &Plan,
    evidence: &Evidence,
    copy: &TargetCopy,
    seen: Option<&TargetSeen>,
    checks: &mut Vec<Check>,
) -> Option<AmiId> {
    let (account, region) = (&copy.account, &copy.shared.region);
    let location = (account.clone(), copy.shared.source.clone(), region.clone());
    let image: Option<(&TargetSeen, &Image)> = seen
        .zip(evidence.own_copies.get(&location))
        .and_then(|(seen, id)| Some((seen, seen.images.get(id)?)));
    let Some((seen, image)) = image else {
        checks.push(no(
            CheckName::Image,
            "the target has no copy of its own yet: run `mode: share`",
        ));
        return None;
    };
    checks.push(if image.state == ImageState::Available {
        yes(CheckName::Image, format!("{}, its own copy", image.id))
    } else {
        no(
            CheckName::Image,
            format!(
                "its own copy {} is not available: wait for it, or run `mode: share`",
                image.id
            ),
        )
    });
    let own_keys = seen
        .own_keys
        .get(&image.id)
        .map(Vec::as_slice)
        .unwrap_or_default();
    checks.push(key_state(own_keys));
    let root = region.partition().account_root(account);
    let launchers = launchers(&root, Some(seen));
    let needs = keys::of_own(own_keys);
    checks.push(keys::access(
        CheckName::KeyAccess,
        account,
        region,
        &needs,
        &launchers,
    ));
    checks.push(launcher_iam(account, region, &image.id, &needs, seen));
    checks.extend(service_roles(plan, account, own_keys));
    Some(image.id.clone())
}

fn role(target: Option<&Result<TargetSeen, Error>>) -> Check {
    match target {
        None => unknown(
            CheckName::Role,
            "no `target-role` is given, so nothing in the target is looked at",
        ),
        Some(Ok(_)) => yes(CheckName::Role, "the role in the target was assumed"),
        Some(Err(error)) => no(CheckName::Role, error.to_string()),
    }
}

/// Who may launch, and whether the target sees it.
fn of_image(
    plan: &Plan,
    account: &AccountId,
    image: &AmiId,
    source: &SharedSeen,
    seen: Option<&TargetSeen>,
) -> Vec<Check> {
    let name = CheckName::LaunchPermission;
    let named = source.launch.contains(&Principal::Account(account.clone()));
    let wide = source
        .launch
        .iter()
        .any(|principal| principal.account().is_none());
    let visible = seen.map(|seen| seen.images.contains_key(image));
    let permission = match (named, wide, visible) {
        (true, ..) => yes(name, format!("{image} is shared with {account}")),
        (false, true, Some(true)) => yes(
            name,
            format!("{image} is shared with an organization, and the target sees it"),
        ),
        (false, true, None) => unknown(
            name,
            format!(
                "{image} is shared with an organization; whether {account} belongs to it was not \
                 looked at"
            ),
        ),
        _ => no(
            name,
            format!("{image} is not shared with {account}: add launch permission"),
        ),
    };
    let Some(seen) = seen else {
        return vec![permission];
    };
    let hidden = "enabled";
    let allowed = match (&seen.allowed_images, visible) {
        (Ok(state), Some(false)) if state == hidden && (named || wide) => no(
            CheckName::AllowedImages,
            format!(
                "Allowed AMIs of {account} hide images of {}: add that account as a provider \
                 (R7.3)",
                plan.account
            ),
        ),
        (Ok(state), _) if state == "audit-mode" => unknown(
            CheckName::AllowedImages,
            "Allowed AMIs are in audit mode: they would not refuse a launch now",
        ),
        (Ok(_), _) => yes(CheckName::AllowedImages, "nothing hides the image"),
        (Err(error), Some(true)) => yes(
            CheckName::AllowedImages,
            format!("the target sees the image ({})", error.code),
        ),
        (Err(error), _) => unread(CheckName::AllowedImages, error),
    };
    let visible = if visible == Some(true) {
        yes(CheckName::Visible, format!("{account} sees {image}"))
    } else {
        no(
            CheckName::Visible,
            format!("{account} does not see {image}: see launch permission and Allowed AMIs"),
        )
    };
    vec![permission, allowed, visible]
}

fn snapshots(plan: &Plan, account: &AccountId, source: &SharedSeen) -> Option<Check> {
    let wanted = plan.steps.iter().any(
        |step| matches!(step, Step::SnapshotPermission(share) if share.accounts.contains(account)),
    );
    let name = CheckName::Snapshots;
    let holds = |who: &BTreeSet<Principal>| {
        who.contains(&Principal::Account(account.clone())) || who.contains(&Principal::Public)
    };
    let missing: Vec<&str> = source
        .snapshots
        .iter()
        .filter(|(_, who)| !holds(who))
        .map(|(snapshot, _)| snapshot.as_str())
        .collect();
    wanted.then(|| match missing.as_slice() {
        [] => yes(
            name,
            format!("{} snapshots are shared", source.snapshots.len()),
        ),
        some => no(
            name,
            format!(
                "not shared with {account}, so it cannot copy: {}",
                some.join(", ")
            ),
        ),
    })
}

fn key_state(keys: &[Key]) -> Check {
    let name = CheckName::KeyState;
    let bad = keys.iter().find_map(|key| match &key.state {
        KeyState::Enabled | KeyState::Unseen => None,
        KeyState::Disabled => Some((key, "disabled: enable it")),
        KeyState::PendingDeletion => Some((key, "pending deletion: cancel that, and enable it")),
        KeyState::Other(_) => Some((key, "in a state in which it cannot be used (R3.4)")),
    });
    match bad {
        Some((key, why)) => no(name, format!("{} is {why}", key.arn)),
        None if keys.iter().any(|key| key.state == KeyState::Unseen) => {
            unknown(name, "a key of another account is not shown")
        }
        None => yes(name, format!("{} keys are enabled", keys.len())),
    }
}

/// Who launches, as far as it is known: the roles that do, or the account as a whole.
fn launchers<'a>(root: &'a str, seen: Option<&'a TargetSeen>) -> Vec<&'a str> {
    match seen
        .map(|seen| seen.launchers.as_slice())
        .unwrap_or_default()
    {
        [] => vec![root],
        known => known.iter().map(|launcher| launcher.arn.as_str()).collect(),
    }
}

/// What the launchers' identity policies say, of the launch and of the keys that leave it to them.
fn launcher_iam(
    account: &AccountId,
    region: &Region,
    image: &AmiId,
    needs: &[Need<'_>],
    seen: &TargetSeen,
) -> Check {
    let name = CheckName::LauncherIam;
    if seen.launchers.is_empty() {
        return unknown(
            name,
            "who launches is not known: give `target-launch-roles` to have their policies looked \
             at",
        );
    }
    let mut unsure = None;
    for launcher in &seen.launchers {
        let allowed = match &launcher.allowed {
            Ok(allowed) => allowed,
            Err(error) => {
                unsure.get_or_insert_with(|| {
                    format!("{}: it could not be simulated: {error}", launcher.arn)
                });
                continue;
            }
        };
        for (action, resource) in asked(account, region, image, needs, launcher) {
            match allowed.get(&(action.clone(), resource.clone())) {
                Some(true) => {}
                Some(false) => {
                    let on = if resource == image_arn(region, image) {
                        image.to_string()
                    } else {
                        resource
                    };
                    return no(
                        name,
                        format!(
                            "allow {action} on {on} in an identity policy of {}",
                            launcher.arn
                        ),
                    );
                }
                None => {
                    unsure
                        .get_or_insert_with(|| format!("{action} on {resource} was not simulated"));
                }
            }
        }
    }
    match unsure {
        Some(why) => unknown(name, why),
        None => yes(
            name,
            "identity policies allow it; session policies, resource control policies and \
             conditions of service control policies are not seen",
        ),
    }
}

/// What a launch asks of a launcher's identity policies; a key that allows it by itself asks for
/// nothing.
fn asked(
    account: &AccountId,
    region: &Region,
    image: &AmiId,
    needs: &[Need<'_>],
    launcher: &Launcher,
) -> Vec<(String, String)> {
    let here = BTreeSet::from([image.clone()]);
    let launch = run_resources(account, region, &here)
        .into_iter()
        .map(|resource| (RUN.to_owned(), resource));
    let by_identity = needs
        .iter()
        .filter(|need| !need.is_met_by_key_alone(account, region, &launcher.arn));
    launch
        .chain(by_identity.map(|need| (need.action.to_owned(), need.key.arn.to_string())))
        .collect()
}

/// New volumes of a shared image are encrypted under the target's own default key (R4.2).
fn default_key<'a>(
    account: &AccountId,
    region: &Region,
    source: &SharedSeen,
    seen: &'a TargetSeen,
    launchers: &[&str],
) -> (Check, Vec<Need<'a>>) {
    let name = CheckName::DefaultKey;
    let key = match (&seen.default_key, &seen.encrypts) {
        (_, Ok(false)) if source.keys.is_empty() => {
            return (
                yes(name, "nothing is encrypted, so none is needed"),
                Vec::new(),
            );
        }
        (Ok(None), _) => {
            return (
                yes(name, "new volumes are encrypted under aws/ebs"),
                Vec::new(),
            );
        }
        (Err(error), _) => return (unread(name, error), Vec::new()),
        (_, Err(error)) if source.keys.is_empty() => return (unread(name, error), Vec::new()),
        (Ok(Some(key)), _) => key,
    };
    if key.state != KeyState::Enabled {
        let detail = format!(
            "{}, the default EBS key of {account}, is not enabled: enable it, or set another",
            key.arn
        );
        return (no(name, detail), Vec::new());
    }
    let needs = keys::of_volumes(key);
    (
        keys::access(name, account, region, &needs, launchers),
        needs,
    )
}

fn service_roles(plan: &Plan, account: &AccountId, of_image: &[Key]) -> Vec<Check> {
    let name = CheckName::ServiceRoles;
    let of_target = plan.steps.iter().filter_map(|step| match step {
        Step::ServiceRole(service) if &service.account == account => Some(service),
        _ => None,
    });
    let checks = of_target.map(|service| {
        let grant = service_grant_name(account, &service.service);
        let key = of_image.iter().find(|key| key.arn == service.key);
        match key.map(|key| key.grants.as_ref()) {
            Some(Some(grants)) if grants.iter().any(|known| known.name == grant) => yes(
                name,
                format!("the role of {} has its grant", service.service),
            ),
            Some(Some(_)) => no(
                name,
                format!(
                    "the role of {} has no grant of {}: run `mode: share`",
                    service.service, service.key
                ),
            ),
            _ => unknown(name, format!("the grants of {} were not read", service.key)),
        }
    });
    checks.collect()
}
