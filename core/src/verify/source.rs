//! Checks the source account's own permissions for what a plan would do, without doing it: EC2 by
//! its dry runs, KMS by the key's policy and what IAM says of the caller's.

use super::simulate::{Call, known_context, simulate};
use crate::aws::clients::RegionClients;
use crate::aws::iam::{Denier, OwnDecision, set};
use crate::diagnostic::Code;
use crate::id::{AmiId, KeyArn, Principal};
use crate::plan::{KeyAccess, LaunchPermission, Plan, Step};
use crate::policy::evaluate::{CalledBy, Caller, Decision, KeyCall, evaluate, evaluate_alone};
use crate::policy::key_policy::KeyPolicy;
use crate::policy::launch_call::caller_context;
use crate::policy::statement::Statements;
use crate::report::{Check, CheckName, Verdict, Verification};
use crate::run::Run;

const NAME: CheckName = CheckName::Source;
const PUT: &str = "kms:PutKeyPolicy";

/// Adds to each target what the source account may not do for it.
pub(super) async fn check_source_permissions(
    run: &Run<'_>,
    plan: &Plan,
    verifications: &mut [Verification],
) {
    for launch in plan.launch_permissions() {
        let Some(image) = &launch.shared.image else {
            continue;
        };
        if launch.missing.is_empty() {
            continue;
        }
        let check = check_launch_permission(run, launch, image).await;
        let shared = &launch.shared;
        for verification in verifications.iter_mut() {
            let is_of_image =
                verification.source == shared.source && verification.region == shared.region;
            let account = Principal::Account(verification.account.clone());
            if is_of_image && launch.missing.contains(&account) {
                add(&check, verification, CheckName::LaunchPermission);
            }
        }
    }
    for step in &plan.steps {
        let Step::KeyAccess(access) = step else {
            continue;
        };
        if access.missing.is_empty() {
            continue;
        }
        let check = check_key_policy(run, access).await;
        for verification in verifications.iter_mut() {
            let account = Principal::Account(verification.account.clone());
            if access.missing.contains(&account) {
                add(&check, verification, CheckName::KeyAccess);
            }
        }
    }
}

/// Adds what the source may not do, as far as the target lacks it. What others give makes the
/// launch run, whatever this run may do. Where it is not known whether they do, neither is this.
fn add(check: &Check, verification: &mut Verification, lacking: CheckName) {
    if verification.says_yes(lacking) {
        return;
    }
    let mut check = check.clone();
    if check.verdict == Verdict::No && !verification.says_no(lacking) {
        check.verdict = Verdict::Unknown;
    }
    verification.push(check);
}

/// The launch permission of an image that exists: a dry run checks everything but changes nothing
/// (R4.9).
async fn check_launch_permission(run: &Run<'_>, launch: &LaunchPermission, image: &AmiId) -> Check {
    let clients = run.source_clients(&launch.shared.region);
    match clients.ec2.dry_run_share(image, &launch.missing).await {
        Ok(()) => Check::yes(NAME, format!("launch permission of {image} may be given")),
        Err(error) if error.code == Code::AccessDenied => Check::no(NAME, error.to_string()),
        Err(error) => Check::unknown(NAME, format!("it could not be checked: {error}")),
    }
}

/// The key's policy: KMS has no dry run of that (R3.5), so it is read who the policy lets put it,
/// and IAM is asked what the caller's own policies allow.
async fn check_key_policy(run: &Run<'_>, access: &KeyAccess) -> Check {
    let key = &access.key;
    let clients = run.key_clients(key);
    let identity = &clients.identity.arn;
    let arn = match clients.iam.principal_of(identity).await {
        Ok(arn) => arn,
        Err(error) => {
            let detail = format!("whether {identity} may {PUT} could not be checked: {error}");
            return Check::unknown(NAME, detail);
        }
    };
    let own = simulate_put(&clients, key, &arn).await;
    let account = clients.location.account.clone();
    let caller = Caller { account, arn };
    let by_key = match own {
        OwnDecision::Allowed => decide_by_key(access, &caller, evaluate),
        _ => decide_by_key(access, &caller, evaluate_alone),
    };
    judge_put(key, &caller, by_key, own)
}

/// What the caller's own side decides.
async fn simulate_put(clients: &RegionClients, key: &KeyArn, caller: &str) -> OwnDecision {
    let location = &clients.location;
    let mut context = known_context(location);
    set(&mut context, "kms:CallerAccount", location.account.as_ref());
    let call = Call {
        actions: vec![PUT],
        resource: key.to_string(),
        contexts: vec![context],
    };
    let mut decisions = simulate(clients, caller, &[call]).await;
    let decision = decisions.pop_first().map(|(_, decision)| decision);
    decision.unwrap_or_else(|| OwnDecision::Unknown("IAM did not answer".to_owned()))
}

/// What the key's policy decides, as the plan read it.
fn decide_by_key(
    access: &KeyAccess,
    caller: &Caller,
    evaluate: fn(&Statements, &KeyCall<'_>) -> Decision,
) -> Decision {
    let policy = access.policy.as_ref();
    let policy = policy.and_then(|change| KeyPolicy::parse(&change.before).ok());
    let Some(policy) = policy else {
        return Decision::Unknown("its policy was not read".to_owned());
    };
    let by = CalledBy::Caller(caller);
    let call = KeyCall {
        by,
        key: &access.key,
        action: PUT,
        context: &caller_context(by, &access.key),
    };
    evaluate(policy.statements(), &call)
}

/// Whether the key's policy and the caller's own side let it put the policy.
fn judge_put(key: &KeyArn, caller: &Caller, by_key: Decision, own: OwnDecision) -> Check {
    let arn = &caller.arn;
    let unknown = |why: &str| {
        let detail = format!("whether {arn} may {PUT} on {key} is not known: {why}");
        Check::unknown(NAME, detail)
    };
    match (by_key, own) {
        (Decision::Denied(why), _) => Check::no(
            NAME,
            format!("{arn} may not {PUT}: in the policy of {key} {why}"),
        ),
        (Decision::Direct | Decision::Unknown(_), OwnDecision::Denied(Denier::Boundary)) => {
            unknown("a boundary may not limit what the policy of the key allows by itself")
        }
        (_, OwnDecision::Denied(denier)) => {
            let denier = denier.describe(arn);
            Check::no(NAME, format!("{denier} denies {PUT} on {key}"))
        }
        (Decision::No(why), _) => Check::no(
            NAME,
            format!("allow {PUT} to {arn} in the policy of {key}: {why}"),
        ),
        (_, OwnDecision::Unknown(why)) | (Decision::Unknown(why), _) => unknown(&why),
        (Decision::Direct, _) => {
            Check::yes(NAME, format!("the policy of {key} allows {PUT} to {arn}"))
        }
        (Decision::Delegated, OwnDecision::Allowed) => {
            Check::yes(NAME, format!("identity policies allow {PUT} on {key}"))
        }
        (Decision::Delegated, OwnDecision::NotAllowed) => {
            let detail = format!("allow {PUT} on {key} in an identity policy of {arn}");
            Check::no(NAME, detail)
        }
    }
}
