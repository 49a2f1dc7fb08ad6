//! Whole rounds under key policies of others: plan, share, share with more, again, revoke. A run
//! that promises a launch keeps it, or has said that it does not know.

use std::path::Path;

use proptest::prelude::*;
use tokio::runtime::Builder;

use super::statements::{statements, versions};
use super::*;

/// The findings by which a run says that it does not know whether a launch succeeds.
const UNKNOWN: [&str; 2] = ["key.policy-denies", "key.policy-unread"];

/// How the run of one request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// The plan, or AWS, refused it.
    Refused,
    Unknown,
    Shared,
}

/// Carries a request out, and launches if that was promised.
async fn run_and_launch(world: &World, request: impl Fn() -> ShareRequestBuilder) -> Ended {
    let sharer = ami_share::Sharer::new(&world.config(A));
    let Ok(plan) = sharer.plan(&request().build().unwrap()).await else {
        return Ended::Refused;
    };
    if Box::pin(sharer.apply(&plan)).await.is_err() {
        return Ended::Refused;
    }
    let codes = plan.findings.iter().map(|finding| finding.code.as_str());
    if codes.into_iter().any(|code| UNKNOWN.contains(&code)) {
        return Ended::Unknown;
    }
    let launched = world.launch_as_b(&world.image_id("golden")).await;
    assert_eq!(launched, "running", "{}", world.read_golden_policy());
    world.terminate_instances_of(B).await;
    Ended::Shared
}

/// The rounds of one policy. Returns how the first share ended.
async fn check_rounds(world: &World, mode: KeyAccessMode, scope: KeyScope) -> Ended {
    let request = |targets: &[&str]| {
        let request = world
            .build_request_for(&["golden"], targets)
            .key_access(mode);
        // Grants cannot keep `via-ec2`, so it is refused by name.
        match (mode, scope) {
            (KeyAccessMode::Grants, KeyScope::ViaEc2) => request,
            _ => request.key_scope(scope),
        }
    };
    let three = [B, C, "444444444444"];
    let first: Value = serde_json::from_str(&world.read_golden_policy()).unwrap();
    let ended = run_and_launch(world, || request(&[B])).await;
    if run_and_launch(world, || request(&three)).await != Ended::Refused {
        let before = world.count_changes();
        run_and_launch(world, || request(&three)).await;
        assert_eq!(world.count_changes(), before, "a repeat changes nothing");
    }

    let revoke = || into_revoke(request(&three));
    let plan = ami_share::Sharer::new(&world.config(A));
    let Ok(plan) = plan.plan(&revoke().build().unwrap()).await else {
        return ended;
    };
    if plan.refusals().next().is_none() && world.try_share(revoke()).await.is_ok() {
        let last: Value = serde_json::from_str(&world.read_golden_policy()).unwrap();
        assert_eq!(last, first);
        assert!(!world.has_grants("golden"));
        let launched = world.launch_as_b(&world.image_id("golden")).await;
        assert_ne!(launched, "running");
    }
    ended
}

/// A plan's word on denies is what a launch meets, if it has one.
async fn check_denials(policy: &Value, mode: KeyAccessMode) {
    let world = World::new();
    let golden = world.key_arn("golden");
    let access = match mode {
        KeyAccessMode::None => KeyAccessMode::Policy,
        mode => mode,
    };
    let request = world.build_request(&["golden"]).key_access(access);
    world.share(request).await;
    world.edit_key(&golden, |key| {
        let text = &mut key.policies.last_mut().unwrap().1;
        let mut document: Value = serde_json::from_str(text).unwrap();
        let statements = document["Statement"].as_array_mut().unwrap();
        for statement in policy["Statement"].as_array().unwrap() {
            statements.push(statement.clone());
        }
        *text = document.to_string();
        super::set_version(text, &policy["Version"]);
    });
    let plan = plan_with(&world, mode, &[B]).await;
    let launched = world.launch_as_b(&world.image_id("golden")).await;
    let found = find(&plan.findings, "key.policy-denies");
    let is_refused = found
        .iter()
        .any(|finding| finding.severity == Severity::Refuse);
    let expected = match (is_refused, found.is_empty()) {
        (true, _) => "terminated",
        (false, true) => "running",
        (false, false) => return,
    };
    assert_eq!(launched, expected, "{mode:?}: {policy}: {found:?}");
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future)
}

fn build_world(policy: &str) -> World {
    let world = World::new();
    world.edit_key(&world.key_arn("golden"), |key| {
        policy.clone_into(&mut key.policies[0].1);
    });
    world
}

fn modes() -> impl Strategy<Value = KeyAccessMode> {
    prop::sample::select(vec![KeyAccessMode::Policy, KeyAccessMode::Grants])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn denies_are_what_launches_meet(
        version in versions(),
        statements in statements(),
        mode in prop::sample::select(MODES.to_vec()),
    ) {
        let policy = json!({ "Version": version, "Statement": statements });
        run(check_denials(&policy, mode));
    }

    #[test]
    fn rounds_hold_under_policies_of_others(
        version in versions(),
        statements in statements(),
        mode in modes(),
        scope in prop::sample::select(vec![KeyScope::ViaEc2, KeyScope::Direct]),
    ) {
        let mut all = vec![json!({
            "Effect": "Allow",
            "Principal": { "AWS": root(A) },
            "Action": "kms:*",
            "Resource": "*",
        })];
        all.extend(statements);
        let mut policy = json!({ "Statement": all });
        if version != Value::Null {
            policy["Version"] = version;
        }
        run(check_rounds(&build_world(&policy.to_string()), mode, scope));
    }
}

/// A world in which the policy is that of a key of A, and its principals exist.
fn build_world_of(text: &str) -> Option<World> {
    let document: Value = serde_json::from_str(text).ok()?;
    let accounts = list_accounts(&document.to_string());
    let owner = accounts
        .iter()
        .max_by_key(|account| text.matches(account.as_str()).count());
    let text = match owner {
        Some(owner) => text.replace(owner, A),
        None => text.to_owned(),
    };
    let world = build_world(&text);
    for arn in text.split('"') {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        if let ["arn", "aws", "iam" | "sts", _, account, resource] = parts[..] {
            add_principal(&world, arn, account, resource);
        }
    }
    Some(world)
}

/// Adds the user or role of an ARN, with the permissions of A's administrator.
fn add_principal(world: &World, arn: &str, account: &str, resource: &str) {
    let name = match resource.split_once('/') {
        Some(("user", _)) => None,
        Some(("role", path)) => path.rsplit('/').next(),
        Some(("assumed-role", path)) => path.split('/').next(),
        _ => return,
    };
    world.sim.edit(|state| {
        let Some(name) = name else {
            let mut users = state.credentials.values();
            let mut user = users.find(|user| user.administrator).unwrap().clone();
            arn.clone_into(&mut user.facts.arn);
            account.clone_into(&mut user.facts.account);
            state.credentials.insert(arn.to_owned(), user);
            return;
        };
        let mut role = state.accounts[A].roles["administrator"].clone();
        role.arn = format!("arn:aws:iam::{account}:role/{name}");
        let account = state.accounts.entry(account.to_owned()).or_default();
        account.roles.entry(name.to_owned()).or_insert(role);
    });
}

/// The account IDs in a text.
fn list_accounts(text: &str) -> std::collections::BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_digit());
    let accounts = words.filter(|word| word.len() == 12);
    accounts.map(str::to_owned).collect()
}

#[test]
#[ignore = "needs the corpus of real key policies, which is not part of the repository; .ci/run \
            runs it"]
fn rounds_hold_under_real_policies() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/key-policies");
    let (mut seen, mut refused, mut unknown, mut shared) = (0, 0, 0, 0);
    for entry in std::fs::read_dir(corpus).unwrap().map(Result::unwrap) {
        if entry.path().extension().is_none_or(|kind| kind != "json") {
            continue;
        }
        let bytes = std::fs::read(entry.path()).unwrap();
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect());
        seen += 1;
        for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
            for scope in [KeyScope::ViaEc2, KeyScope::Direct] {
                let Some(world) = build_world_of(&text) else {
                    continue;
                };
                println!("{} {mode:?} {scope:?}", entry.path().display());
                match run(check_rounds(&world, mode, scope)) {
                    Ended::Refused => refused += 1,
                    Ended::Unknown => unknown += 1,
                    Ended::Shared => shared += 1,
                }
            }
        }
    }
    println!("{seen} policies: {shared} rounds shared, {unknown} unknown, {refused} refused");
    assert_eq!(seen, 50);
}
