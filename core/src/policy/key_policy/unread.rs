//! Statements of which a part cannot be read: the rest of them is not taken for the whole.

use super::tests::{key, of_scope};
use super::*;

const DENY: &str = concat!(
    r#"{"Sid":"Closed","Effect":"Deny","NotPrincipal":{"AWS":"111111111111"},"#,
    r#""NotAction":["kms:Get*"],"NotResource":"x","Condition":{"Bool":{"a":"true"}}}"#,
);

fn ours() -> String {
    let target = PolicyPrincipal::Account("222222222222".parse().unwrap());
    let permissions = of_scope(KeyScope::ViaEc2);
    access_statements(&key(), &permissions, &BTreeSet::from([target]), true)[0].to_string()
}

fn parse(statement: &str) -> Result<KeyPolicy, PolicyError> {
    KeyPolicy::parse(&format!(
        r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#
    ))
}

/// The statement with one of its members twice, for every member at any depth.
fn repetitions(statement: &str) -> Vec<String> {
    let mut repetitions = Vec::new();
    for (end, _) in statement.match_indices("\":") {
        let begin = statement[..end].rfind('"').unwrap();
        let name = &statement[begin..=end];
        let (before, after) = statement.split_at(begin);
        repetitions.push(format!("{before}{name}:null,{after}"));
    }
    repetitions
}

#[test]
fn statement_with_a_member_twice_is_not_read() {
    let mut tried = 0;
    for statement in [ours().as_str(), DENY] {
        assert!(parse(statement).is_ok());
        for text in repetitions(statement) {
            tried += 1;
            let read = parse(&text);
            assert!(matches!(read, Err(PolicyError::Unreadable(..))), "{text}");
        }
    }
    assert_eq!(tried, 20);
    let version = r#"{"Version":"2008-10-17","Version":"2012-10-17","Statement":[]}"#;
    assert!(matches!(
        KeyPolicy::parse(version),
        Err(PolicyError::NotAPolicy(_))
    ));
}

#[test]
fn statement_with_a_value_that_nobody_can_read_is_not_read() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for value in ["1e400", r#""\ud800""#, &deep] {
        for statement in [ours().as_str(), DENY] {
            for member in [r#""Allow""#, r#""Deny""#, r#""*""#, r#""x""#, r#""true""#] {
                let text = statement.replace(member, value);
                if text != statement {
                    assert!(parse(&text).is_err(), "{text}");
                }
            }
        }
        // What is no element of a policy decides nothing, and hides nothing.
        let text = DENY.replace(r#"{"Sid""#, &format!(r#"{{"N":{value},"Sid""#));
        let policy = parse(&text).unwrap();
        assert_eq!(policy.statements().with_effect("Deny").count(), 1, "{text}");
        let text = ours().replace(r#"{"Sid""#, &format!(r#"{{"N":{value},"Sid""#));
        let permissions = of_scope(KeyScope::ViaEc2);
        assert_eq!(
            parse(&text).unwrap().taken_sids(&key(), &permissions),
            ["AmiShareUse"],
            "{text}"
        );
    }
}
