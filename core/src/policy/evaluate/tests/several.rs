//! Which of several statements decides, and what one statement is about.

use super::*;

fn statement(effect: &str, name: &str, change: Value) -> Value {
    let mut statement = json!({
        "Effect": effect,
        "Principal": { "AWS": name },
        "Action": "kms:*",
        "Resource": "*",
    });
    for (member, value) in change.as_object().unwrap() {
        statement[member] = value.clone();
    }
    statement
}

/// A condition that cannot be judged.
fn tagged() -> Value {
    json!({ "Condition": { "StringEquals": { "aws:PrincipalTag/team": "x" } } })
}

/// What is made of statements and of Decrypt by the launcher.
fn judge<T>(list: &[Value], judge: impl FnOnce(&Statements, &KeyCall<'_>) -> T) -> T {
    let caller = Caller {
        account: "222222222222".parse().unwrap(),
        arn: LAUNCHER.to_owned(),
    };
    let (by, key) = (CalledBy::Caller(&caller), KEY.parse().unwrap());
    let call = KeyCall {
        by,
        key: &key,
        action: "kms:Decrypt",
        context: &launch_context(by, &key, "kms:Decrypt"),
    };
    let statements = Statements {
        list: list.to_vec(),
        fills_variables: true,
    };
    judge(&statements, &call)
}

#[test]
fn deny_beats_every_allow() {
    let allow = statement("Allow", LAUNCHER, json!({}));
    let deny = statement("Deny", "*", json!({}));
    let may_deny = statement("Deny", "*", tagged());
    for (list, denies) in [
        (vec![allow.clone(), deny.clone()], Some("number 2")),
        (
            vec![deny.clone(), may_deny.clone(), allow.clone()],
            Some("number 1"),
        ),
        (
            vec![may_deny.clone(), deny, allow.clone()],
            Some("number 2"),
        ),
        (vec![may_deny, allow], None),
    ] {
        let decision = judge(&list, evaluate);
        match denies {
            Some(name) => assert_eq!(
                decision,
                Decision::Denied(format!("statement {name} denies it")),
                "{list:?}"
            ),
            None => assert!(matches!(decision, Decision::Unknown(_)), "{decision:?}"),
        }
    }
}

/// A session of another account needs its account's policies in any case, so that it is never let
/// in directly.
#[test]
fn principal_of_another_account_that_is_not_clear_takes_nothing_from_what_is_delegated() {
    let session = "arn:aws:sts::222222222222:assumed-role/launcher/one";
    let list = [
        statement("Allow", &root("222222222222"), json!({})),
        statement("Allow", session, json!({})),
    ];
    assert_eq!(judge(&list, evaluate_alone), Decision::Delegated);
}

#[test]
fn statement_concerns_actions_on_the_key() {
    let other = KEY.replace("1234abcd", "ffffffff");
    for (change, concerns_key) in [
        (json!({}), true),
        (json!({ "Action": ["kms:Get*", "kms:DECRYPT"] }), true),
        (json!({ "Action": "kms:Get*" }), false),
        (json!({ "Action": "kms:${aws:username}" }), true),
        (json!({ "Resource": KEY }), true),
        (json!({ "Resource": other }), false),
        (json!({ "Action": "kms:Get*", "Resource": other }), false),
    ] {
        let statement = statement("Allow", "*", change);
        let actions = ["kms:Encrypt", "kms:Decrypt"];
        let found = concerns(&statement, &KEY.parse().unwrap(), &actions);
        assert_eq!(found, concerns_key, "{statement}");
    }
}

#[test]
fn statement_may_allow_what_it_does_not_surely_refuse() {
    for (statement, may) in [
        (statement("Allow", LAUNCHER, json!({})), true),
        (statement("Allow", LAUNCHER, tagged()), true),
        (statement("Deny", LAUNCHER, json!({})), false),
        (statement("Allow", &root("333333333333"), json!({})), false),
        (
            statement("Allow", LAUNCHER, json!({ "Action": "kms:Get*" })),
            false,
        ),
        (
            statement("Deny", LAUNCHER, json!({ "Action": "kms:Get*" })),
            false,
        ),
    ] {
        let list = [statement.clone()];
        let found = judge(&list, |policy, call| may_allow(policy, &list[0], call));
        assert_eq!(found, may, "{statement}");
    }
}
