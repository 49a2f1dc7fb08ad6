//! Key policies of every form: foreign statements stay, those of this tool come and go.

use std::collections::BTreeSet;
use std::path::PathBuf;

use proptest::prelude::*;

use super::tests::{key, of_scope};
use super::{KeyScope, PolicyPrincipal};
use crate::fuzz::{check_key_policy, check_policy};

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
        prop_assert!(check_policy(&text, scope, &targets), "{text}");
    }

    #[test]
    fn no_bytes_make_it_panic(
        scope: u8, count: u8, text in document(), at in 0_usize..400, byte: u8,
    ) {
        let mut bytes = [&[scope, count], text.as_bytes()].concat();
        if let Some(changed) = bytes.get_mut(at) {
            *changed = byte;
        }
        check_key_policy(&bytes);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*", scope in scopes(), targets in targets()) {
        check_policy(&text, scope, &targets);
    }

    #[test]
    fn no_spoiled_policy_makes_it_panic(
        text in document(), cut in 0_usize..400, scope in scopes(), targets in targets(),
    ) {
        let cut = text.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(text.len());
        check_policy(&text[..cut], scope, &targets);
        check_policy(&text[cut..], scope, &targets);
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
                    check_policy(&text, scope, &targets),
                    "{}",
                    entry.path().display()
                );
            }
        }
    }
    assert_eq!(seen, 50);
}
