//! Key policies of every form: foreign statements stay, those of this tool come and go.

use std::collections::BTreeSet;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::tests::{key, of_scope};
use super::{KeyPolicy, KeyScope, PolicyPrincipal};

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
    list.iter()
        .map(|statement| statement.get().to_owned())
        .collect()
}

/// Asserts what must hold of any policy and any targets; whether the policy could be edited.
fn properties(text: &str, scope: KeyScope, targets: &BTreeSet<PolicyPrincipal>) -> bool {
    let Ok(policy) = KeyPolicy::parse(text) else {
        return false;
    };
    assert_eq!(
        policy.text(),
        text,
        "a policy that is not edited keeps every byte"
    );
    let before = statements(text);
    let current = policy.principals_with_access(&key(), &of_scope(scope));
    let Ok(granted) = policy.with_access(&key(), &of_scope(scope), targets) else {
        assert!(!policy.taken_sids(&key(), &of_scope(scope)).is_empty());
        return false;
    };
    let after = statements(&granted.text());
    let ours = |statement: &String| {
        ["AmiShareUse", "AmiShareGrants"]
            .iter()
            .any(|sid| statement.contains(sid))
    };
    let foreign = |list: &[String]| {
        list.iter()
            .filter(|statement| !ours(statement))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        foreign(&before),
        foreign(&after),
        "foreign statements stay, byte for byte and in order"
    );
    assert_eq!(
        granted.principals_with_access(&key(), &of_scope(scope)),
        &current | targets
    );
    let twice = granted
        .with_access(&key(), &of_scope(scope), targets)
        .unwrap();
    assert_eq!(twice.text(), granted.text(), "adding twice is adding once");
    let reread = KeyPolicy::parse(&granted.text()).unwrap();
    let back = reread
        .without_access(&key(), &(targets - &current))
        .unwrap();
    // An account in one statement of two loses that one too.
    if foreign(&before) == before {
        assert_eq!(
            statements(&back.text()),
            before,
            "adding then removing restores the document"
        );
    }
    assert_eq!(
        back.principals_with_access(&key(), &of_scope(scope)),
        current
    );
    true
}

fn scopes() -> impl Strategy<Value = KeyScope> {
    prop_oneof![Just(KeyScope::ViaEc2), Just(KeyScope::Direct)]
}

fn targets() -> impl Strategy<Value = BTreeSet<PolicyPrincipal>> {
    some_targets(0)
}

/// At least this many principals: mostly accounts, with organizations and units.
fn some_targets(least: usize) -> impl Strategy<Value = BTreeSet<PolicyPrincipal>> {
    let principal = (0_u64..50, 0..6).prop_map(|(id, kind)| match kind {
        0 => PolicyPrincipal::Organization(format!("o-{id:010}")),
        1 => PolicyPrincipal::Unit(format!("o-{id:010}/r-ab12/*ou-ab12-{id:08}/*")),
        _ => PolicyPrincipal::Account(format!("{id:012}").parse().unwrap()),
    });
    prop::collection::btree_set(principal, least..20)
}

/// Statements as people write them, with blanks, escapes, repeated members and numbers in odd
/// forms.
fn statement() -> impl Strategy<Value = String> {
    let sid = prop_oneof![
        Just("Enable IAM"),
        Just("Straße \\u4e2d"),
        Just("AmiShareOther"),
        Just("")
    ];
    let principal = prop_oneof![
        Just(r#""*""#),
        Just(r#"{"AWS":"arn:aws:iam::111111111111:root"}"#),
        Just(r#"{"AWS":["111111111111","AROAEXAMPLEEXAMPLE01"],"Service":"x.amazonaws.com"}"#),
        Just(r#"["bare"]"#),
    ];
    let blank = prop_oneof![Just(""), Just(" "), Just("\r\n\t")];
    let extra = prop_oneof![
        Just(""),
        Just(r#","N":1.0"#),
        Just(r#","N":1,"N":1e400"#),
        Just(r#","Condition":{"Bool":{"x":true}}"#)
    ];
    (sid, principal, blank, extra).prop_map(|(sid, principal, blank, extra)| {
        let members =
            format!(r#""Effect":"Allow","Principal":{principal},"Action":"kms:*"{extra}"#);
        format!(r#"{{{blank}"Sid":"{sid}",{blank}{members}{blank}}}"#)
    })
}

/// Statements of this tool, of either scope, in several forms.
fn ours() -> impl Strategy<Value = String> {
    (scopes(), some_targets(1), any::<bool>()).prop_map(|(scope, targets, reworded)| {
        let text =
            super::access_statements(&key(), &of_scope(scope), &targets, true)[0].to_string();
        if reworded {
            text.replace("[\"ec2.*.amazonaws.com\"]", "\"ec2.*.amazonaws.com\"")
        } else {
            text
        }
    })
}

fn document() -> impl Strategy<Value = String> {
    let any_statement = prop_oneof![4 => statement(), 1 => ours()];
    let list = prop::collection::vec(any_statement, 0..6)
        .prop_map(|list| format!("[{}]", list.join(" , ")));
    let body = prop_oneof![4 => list, 1 => statement()];
    let tail = prop_oneof![Just(""), Just(r#","Id":"last""#)];
    (body, tail).prop_map(|(body, tail)| {
        format!("{{ \"Version\" : \"2012-10-17\",\n\"Statement\":{body}{tail}}}")
    })
}

proptest! {
    #[test]
    fn hold_for_generated_policies(text in document(), scope in scopes(), targets in targets()) {
        prop_assert!(properties(&text, scope, &targets), "{text}");
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*", scope in scopes(), targets in targets()) {
        properties(&text, scope, &targets);
    }

    #[test]
    fn no_spoiled_policy_makes_it_panic(
        text in document(), cut in 0_usize..400, scope in scopes(), targets in targets(),
    ) {
        let cut = text.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(text.len());
        properties(&text[..cut], scope, &targets);
        properties(&text[cut..], scope, &targets);
    }
}

fn corpus() -> PathBuf {
    // Only the project's own machines have it, so that the test is ignored elsewhere.
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/key-policies")
}

#[test]
#[ignore = "needs the corpus of real key policies, which is not part of the repository; .ci/run \
            runs it"]
fn hold_for_real_policies() {
    let mut seen = 0;
    for entry in std::fs::read_dir(corpus()).unwrap().map(Result::unwrap) {
        if entry.path().extension().is_none_or(|kind| kind != "json") {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(entry.path()).unwrap();
        for scope in [KeyScope::ViaEc2, KeyScope::Direct] {
            for count in [0, 1, 2, 17, 100] {
                let targets = (0..count)
                    .map(|n| {
                        PolicyPrincipal::Account(format!("{:012}", n * 7_919_u64).parse().unwrap())
                    })
                    .collect();
                assert!(
                    properties(&text, scope, &targets),
                    "{}",
                    entry.path().display()
                );
            }
        }
    }
    assert_eq!(seen, 50);
}
