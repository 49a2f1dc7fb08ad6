//! Statements with a Sid of this tool that it would not have written.

use super::tests::{key, of_scope};
use super::*;

const UNIT: &str = "arn:aws:organizations::111111111111:ou/o-abcdefghij/ou-ab12-cdefghij";
const ORGANIZATION: &str = "arn:aws:organizations::111111111111:organization/o-abcdefghij";
const ACCOUNT: &str = "222222222222";

/// Paths that a statement for units can have, and whether they are those of one unit.
const PATHS: &[(&str, bool)] = &[
    ("o-abcdefghij/r-ab12/*ou-ab12-cdefghij/*", true),
    ("*", false),
    ("?", false),
    ("o-*", false),
    ("o-abcdefghij", false),
    ("o-abcdefghij/*", false),
    ("o-abcdefghij/r-ab12/*", false),
    ("o-abcdefghij/r-ab12/*/*", false),
    ("o-abcdefghij/*/*ou-ab12-cdefghij/*", false),
    ("o-abcdefghij/r-ab12/*ou-*/*", false),
    ("o-abcdefghij/r-zz99/*ou-ab12-cdefghij/*", false),
    ("o-abcdefghij/r-ab12/*ou-ab12-cdefghij/**", false),
    ("o-*/r-ab12/*ou-ab12-cdefghij/*", false),
    ("${aws:PrincipalOrgPaths}", false),
];

/// The same for organizations.
const ORGANIZATIONS: &[(&str, bool)] = &[
    ("o-abcdefghij", true),
    ("*", false),
    ("o-*", false),
    ("o-abcdefghi?", false),
    ("${aws:PrincipalOrgID}", false),
    ("", false),
    ("r-ab12", false),
];

/// The same for services with service-linked roles.
const SERVICES: &[(&str, bool)] = &[
    ("autoscaling.amazonaws.com", true),
    ("*", false),
    ("*.amazonaws.com", false),
    ("auto?.amazonaws.com", false),
    ("${aws:username}", false),
];

/// The last of our statements for a principal.
fn statement(principal: &str, services: &[&str]) -> Value {
    let permissions = KeyPermissions {
        services: services.iter().map(|name| (*name).to_owned()).collect(),
        ..of_scope(KeyScope::ViaEc2)
    };
    let principal = PolicyPrincipal::of(&principal.parse().unwrap()).unwrap();
    let principals = BTreeSet::from([principal]);
    let mut statements = access_statements(&key(), &permissions, &principals, true);
    statements.pop().unwrap()
}

#[test]
fn statement_with_our_sid_and_a_pattern_is_not_ours() {
    let mut table = Vec::new();
    for (path, is_ours) in PATHS {
        let mut statement = statement(UNIT, &[]);
        statement["Condition"]["ForAnyValue:StringLike"]["aws:PrincipalOrgPaths"] = (*path).into();
        table.push((statement, *is_ours));
    }
    for (id, is_ours) in ORGANIZATIONS {
        let mut statement = statement(ORGANIZATION, &[]);
        statement["Condition"]["StringEquals"]["aws:PrincipalOrgID"] = (*id).into();
        table.push((statement, *is_ours));
    }
    for (service, is_ours) in SERVICES {
        table.push((statement(ACCOUNT, &[service]), *is_ours));
    }
    for (statement, is_ours) in table {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let policy = KeyPolicy::parse(&text).unwrap();
        let granted = policy.granted_principals(&key());
        assert_eq!(!granted.is_empty(), is_ours, "{statement}: {granted:?}");
        if !is_ours {
            let mut named = BTreeSet::new();
            for principal in [UNIT, ORGANIZATION, ACCOUNT] {
                named.extend(PolicyPrincipal::of(&principal.parse().unwrap()));
            }
            let removed = policy.without_access(&key(), &named).unwrap();
            assert_eq!(removed.text(), text, "{statement}");
        }
    }
}

/// What makes a statement with our Sid another one than we would write.
type Change = fn(&mut Value);

const CHANGES: &[(&str, Change)] = &[
    ("one action more", |statement| {
        let actions = statement["Action"].as_array_mut().unwrap();
        actions.push("kms:Encrypt".into());
    }),
    ("one action less", |statement| {
        _ = statement["Action"].as_array_mut().unwrap().pop();
    }),
    ("every action", |statement| {
        statement["Action"] = "kms:*".into();
    }),
    ("all actions but some", |statement| {
        let actions = statement["Action"].take();
        statement["NotAction"] = actions;
        statement.as_object_mut().unwrap().remove("Action");
    }),
    ("a deny", |statement| statement["Effect"] = "Deny".into()),
    ("one key", |statement| {
        statement["Resource"] = key().to_string().into();
    }),
    ("no condition", |statement| {
        statement.as_object_mut().unwrap().remove("Condition");
    }),
    ("one condition more", |statement| {
        statement["Condition"]["Bool"]["aws:SecureTransport"] = "true".into();
    }),
    ("another value of a condition", |statement| {
        statement["Condition"]["StringLike"]["kms:ViaService"] = "*".into();
    }),
    ("every principal", |statement| {
        statement["Principal"] = "*".into();
    }),
    ("another principal too", |statement| {
        let role = "arn:aws:iam::222222222222:role/x";
        statement["Principal"] = serde_json::json!({ "AWS": [role, "222222222222"] });
    }),
    ("everybody but some", |statement| {
        let principal = statement["Principal"].take();
        statement["NotPrincipal"] = principal;
        statement.as_object_mut().unwrap().remove("Principal");
    }),
    ("another member", |statement| {
        statement["Comment"] = "ours".into();
    }),
];

#[test]
fn statement_with_our_sid_and_something_else_is_not_ours() {
    let mut tried = 0;
    for scope in [KeyScope::ViaEc2, KeyScope::Direct] {
        for name in [ACCOUNT, ORGANIZATION, UNIT] {
            let principals = BTreeSet::from_iter(PolicyPrincipal::of(&name.parse().unwrap()));
            let permissions = of_scope(scope);
            for ours in access_statements(&key(), &permissions, &principals, true) {
                for (what, change) in CHANGES {
                    let mut statement = ours.clone();
                    change(&mut statement);
                    if statement == ours {
                        continue;
                    }
                    tried += 1;
                    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
                    let policy = KeyPolicy::parse(&text).unwrap();
                    let named = policy.granted_principals(&key());
                    assert!(named.is_empty(), "{what}: {statement}");
                    let removed = policy.without_access(&key(), &principals).unwrap();
                    assert_eq!(removed.text(), text, "{what}");
                    let added = policy.with_access(&key(), &permissions, &principals);
                    assert!(matches!(added, Err(PolicyError::SidTaken(_))), "{what}");
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
}
