//! Any text as a key policy: statements of others stay, those of this tool come and go, and no
//! decision panics.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::id::KeyArn;
use crate::policy::evaluate::{CalledBy, Caller, Decision, KeyCall, evaluate, find_denials};
use crate::policy::key_policy::{KeyPermissions, KeyPolicy, KeyScope, PolicyPrincipal};
use crate::policy::launch_call::launch_context;
use crate::policy::launch_operations::image_key_actions;

/// The first two bytes say the scope and how many principals get access; the rest is the policy.
#[allow(
    unreachable_pub,
    reason = "it can be called from a crate of fuzz targets"
)]
pub fn check_key_policy(bytes: &[u8]) {
    let [scope, count, text @ ..] = bytes else {
        return;
    };
    let scope = if scope % 2 == 0 {
        KeyScope::ViaEc2
    } else {
        KeyScope::Direct
    };
    let mut targets = BTreeSet::new();
    for number in 0..u64::from(count % 8) {
        targets.insert(match number {
            0 => PolicyPrincipal::Organization("o-example123".to_owned()),
            1 => PolicyPrincipal::Unit("o-example123/r-ab12/*ou-ab12-11111111/*".to_owned()),
            _ => PolicyPrincipal::Account(format!("{number:012}").parse().unwrap()),
        });
    }
    if let Ok(text) = str::from_utf8(text) {
        check_policy(text, scope, &targets);
    }
}

pub(crate) fn key() -> KeyArn {
    "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        .parse()
        .unwrap()
}

/// Asserts what must hold of any policy and any targets; whether the policy could be edited.
pub(crate) fn check_policy(
    text: &str,
    scope: KeyScope,
    targets: &BTreeSet<PolicyPrincipal>,
) -> bool {
    let permissions = KeyPermissions {
        scope,
        services: BTreeSet::new(),
    };
    let Ok(policy) = KeyPolicy::parse(text) else {
        return false;
    };
    assert_eq!(
        policy.text(),
        text,
        "a policy that is not edited keeps every byte"
    );
    check_decisions(&policy);
    let before = statements(text);
    let current = policy.principals_with_access(&key(), &permissions);
    let Ok(granted) = policy.with_access(&key(), &permissions, targets) else {
        assert!(!policy.taken_sids(&key(), &permissions).is_empty());
        return false;
    };
    let after = statements(&granted.text());
    assert_eq!(
        foreign(&before),
        foreign(&after),
        "foreign statements stay, byte for byte and in order"
    );
    assert_eq!(
        granted.principals_with_access(&key(), &permissions),
        &current | targets
    );
    let twice = granted.with_access(&key(), &permissions, targets).unwrap();
    assert_eq!(twice.text(), granted.text(), "adding twice is adding once");
    let reread = KeyPolicy::parse(&granted.text()).unwrap();
    let back = reread
        .without_access(&key(), &(targets - &current))
        .unwrap();
    // An account in one statement of two loses that one too.
    if foreign(&before) == before {
        let restored = statements(&back.text());
        assert_eq!(
            restored, before,
            "adding then removing restores the document"
        );
    }
    assert_eq!(back.principals_with_access(&key(), &permissions), current);
    true
}

/// A statement that denies is never one that allows, and every question has an answer.
fn check_decisions(policy: &KeyPolicy) {
    let (key, statements) = (key(), policy.statements());
    let caller = Caller {
        account: "222222222222".parse().unwrap(),
        arn: "arn:aws:iam::222222222222:role/launcher".to_owned(),
    };
    let organization = PolicyPrincipal::Organization("o-example123".to_owned());
    for by in [CalledBy::Caller(&caller), CalledBy::Member(&organization)] {
        for action in image_key_actions() {
            let call = KeyCall {
                by,
                key: &key,
                action,
                context: &launch_context(by, &key, action),
            };
            let denials = find_denials(statements, &call);
            let is_allowed = matches!(
                evaluate(statements, &call),
                Decision::Direct | Decision::Delegated
            );
            assert!(
                denials.is_empty() || !is_allowed,
                "a deny beats every allow"
            );
        }
        policy.other_way_of(&key, by);
    }
    policy.others_let_attach(&key, &caller);
    policy.foreign_statements(&key);
    policy.stale_principals();
    if let Ok(cleaned) = policy.without_stale_principals() {
        assert!(cleaned.stale_principals().is_empty());
    }
}

/// The statements that do not have a Sid of this tool.
fn foreign(list: &[String]) -> Vec<String> {
    let is_ours = |statement: &&String| {
        let sids = ["AmiShareUse", "AmiShareGrants"];
        sids.iter().any(|sid| statement.contains(sid))
    };
    let foreign = list.iter().filter(|statement| !is_ours(statement));
    foreign.cloned().collect()
}

/// The statements of a document, each with its bytes.
fn statements(text: &str) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Policy {
        #[serde(rename = "Statement", default)]
        statement: Option<Box<RawValue>>,
    }
    let policy: Policy = serde_json::from_str(text).unwrap();
    let Some(raw) = policy.statement else {
        return Vec::new();
    };
    if raw.get().starts_with('{') {
        return vec![raw.get().to_owned()];
    }
    let list: Vec<Box<RawValue>> = serde_json::from_str(raw.get()).unwrap();
    let texts = list.iter().map(|statement| statement.get().to_owned());
    texts.collect()
}
