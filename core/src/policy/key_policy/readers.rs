//! What a policy says of itself, of its principals and of others.

use super::tests::{key, of_scope};
use super::*;
use crate::policy::evaluate::{CalledBy, Caller};

const AUTO_SCALING: &str = "autoscaling.amazonaws.com";
const SPOT: &str = "spot.amazonaws.com";
const EMPTY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

fn accounts(ids: &[&str]) -> BTreeSet<PolicyPrincipal> {
    let account = |id: &&str| PolicyPrincipal::Account(id.repeat(12).parse().unwrap());
    ids.iter().map(account).collect()
}

fn with_services(services: &[&str]) -> KeyPermissions {
    KeyPermissions {
        services: services.iter().map(|name| (*name).to_owned()).collect(),
        ..of_scope(KeyScope::ViaEc2)
    }
}

fn parse(statements: &Value) -> KeyPolicy {
    let document = serde_json::json!({ "Version": "2012-10-17", "Statement": statements });
    KeyPolicy::parse(&document.to_string()).unwrap()
}

fn allow(name: &str, action: &str) -> Value {
    serde_json::json!({
        "Effect": "Allow", "Principal": { "AWS": name }, "Action": action, "Resource": "*",
    })
}

#[test]
fn size_is_in_bytes() {
    let text = r#"{"Id":"Straße","Statement":[]}"#;
    assert_eq!(KeyPolicy::parse(text).unwrap().size(), text.len());
}

#[test]
fn rule_7_23_variables_work_in_one_version() {
    for (version, work) in [
        (r#""Version":"2012-10-17","#, true),
        (r#""Version":"2008-10-17","#, false),
        ("", false),
    ] {
        let text = format!("{{{version}\"Statement\":[]}}");
        let policy = KeyPolicy::parse(&text).unwrap();
        assert_eq!(policy.has_variables(), work, "{text}");
        assert_eq!(policy.statements().fills_variables, work, "{text}");
    }
}

#[test]
fn principals_are_named_by_the_statement_that_has_them() {
    let policy = parse(&serde_json::json!([
        { "Sid": "First", "Effect": "Allow", "Principal": { "AWS": ["a", "b"], "Service": "s" },
          "Action": "kms:*", "Resource": "*" },
        { "Effect": "Deny", "NotPrincipal": { "AWS": "c" }, "Action": "kms:*", "Resource": "*" },
        { "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*" },
    ]));
    let named = |name: &str, principals: &[&str]| {
        let principals = principals.iter().map(|name| (*name).to_owned());
        (name.to_owned(), principals.collect::<Vec<_>>())
    };
    assert_eq!(
        policy.named_principals(),
        [
            named("First", &["a", "b"]),
            named("number 2", &["c"]),
            named("number 3", &[]),
        ]
    );
}

#[test]
fn others_use_the_key_by_statements_that_are_not_ours() {
    let target = "arn:aws:iam::222222222222:root";
    let policy = parse(&serde_json::json!([
        allow("arn:aws:iam::333333333333:root", "kms:Encrypt"),
        allow("arn:aws:iam::444444444444:root", "kms:Get*"),
        allow(target, "kms:Decrypt"),
    ]));
    let ours = policy
        .with_access(&key(), &of_scope(KeyScope::ViaEc2), &accounts(&["5"]))
        .unwrap();
    let users = BTreeSet::from([
        target.to_owned(),
        "arn:aws:iam::333333333333:root".to_owned(),
    ]);
    assert_eq!(ours.other_users(&key()), users);
    for (account, way) in [
        ("222222222222", Some("number 3")),
        ("444444444444", None),
        ("555555555555", None),
    ] {
        let caller = Caller {
            account: account.parse().unwrap(),
            arn: format!("arn:aws:iam::{account}:root"),
        };
        let found = ours.other_way_of(&key(), CalledBy::Caller(&caller));
        assert_eq!(found.as_deref(), way, "{account}");
    }
    assert_eq!(ours.foreign_statements(&key()).len(), 3);
}

#[test]
fn volumes_can_be_attached_if_both_actions_are_allowed() {
    let target = "arn:aws:iam::222222222222:root";
    let caller = Caller {
        account: "222222222222".parse().unwrap(),
        arn: target.to_owned(),
    };
    for (actions, can) in [
        (vec!["kms:Decrypt"], false),
        (vec!["kms:CreateGrant"], false),
        (vec!["kms:Decrypt", "kms:CreateGrant"], true),
    ] {
        let statements: Vec<Value> = actions.iter().map(|action| allow(target, action)).collect();
        let policy = parse(&statements.into());
        assert_eq!(
            policy.others_let_attach(&key(), &caller),
            can,
            "{actions:?}"
        );
    }
}

#[test]
fn access_with_services_is_that_of_accounts_which_may_give_grants_to_their_roles() {
    for version in ["2012-10-17", "2008-10-17"] {
        let empty = KeyPolicy::parse(&EMPTY.replace("2012-10-17", version)).unwrap();
        let with_roles = with_services(&[AUTO_SCALING]);
        let policy = empty
            .with_access(&key(), &with_roles, &accounts(&["2", "3"]))
            .and_then(|policy| {
                policy.with_access(&key(), &of_scope(KeyScope::ViaEc2), &accounts(&["4"]))
            })
            .unwrap();
        let with_access =
            |services: &[&str]| policy.principals_with_access(&key(), &with_services(services));
        assert_eq!(with_access(&[]), accounts(&["2", "3", "4"]));
        assert_eq!(with_access(&[AUTO_SCALING]), accounts(&["2", "3"]));
        assert_eq!(with_access(&[AUTO_SCALING, SPOT]), accounts(&[]));
        let again = policy.with_access(&key(), &with_roles, &accounts(&["2"]));
        assert_eq!(again.unwrap().text(), policy.text(), "{version}");
        let more = policy
            .with_access(&key(), &with_services(&[SPOT]), &accounts(&["4"]))
            .unwrap();
        let both = with_services(&[AUTO_SCALING, SPOT]);
        let all = accounts(&["2", "3", "4"]);
        assert_eq!(more.principals_with_access(&key(), &both), all, "{version}");
        let account = if version == "2012-10-17" {
            "${aws:PrincipalAccount}"
        } else {
            "222222222222"
        };
        let role = format!("arn:aws:iam::{account}:role/aws-service-role/{SPOT}/*");
        assert!(more.text().contains(&role), "{}", more.text());
        // A variable that is plain text names nobody's role.
        let other = KeyPolicy::parse(&more.text().replace(version, "2008-10-17")).unwrap();
        let expected = if version == "2012-10-17" {
            accounts(&[])
        } else {
            all.clone()
        };
        assert_eq!(other.principals_with_access(&key(), &both), expected);
        let back = more.without_access(&key(), &all).unwrap();
        assert!(back.statements().list.is_empty(), "{}", back.text());
    }
}

#[test]
fn sid_for_services_is_taken_for_those_who_need_it_only() {
    let mut statement = allow("arn:aws:iam::222222222222:root", "kms:*");
    statement["Sid"] = "AmiShareServiceLinkedRoles".into();
    let policy = parse(&serde_json::json!([statement]));
    let taken = |services: &[&str]| policy.taken_sids(&key(), &with_services(services));
    assert_eq!(taken(&[AUTO_SCALING]), ["AmiShareServiceLinkedRoles"]);
    assert!(taken(&[]).is_empty());
}

/// A statement for an organization spares the owner of its key: under another key it is not ours.
#[test]
fn what_is_ours_depends_on_the_key() {
    let organization = PolicyPrincipal::Organization("o-abcdefghij".to_owned());
    let principals = BTreeSet::from([organization]);
    let policy = KeyPolicy::parse(EMPTY)
        .unwrap()
        .with_access(&key(), &of_scope(KeyScope::ViaEc2), &principals)
        .unwrap();
    let other = key().to_string().replace("111111111111", "999999999999");
    let other = other.parse().unwrap();
    for _ in 0..2 {
        assert_eq!(*policy.granted_principals(&key()), principals);
        assert!(policy.granted_principals(&other).is_empty());
        assert_eq!(policy.foreign_statements(&key()).len(), 0);
        assert_eq!(policy.foreign_statements(&other).len(), 1);
    }
}
