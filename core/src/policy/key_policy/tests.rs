use super::*;

const SCOPES: [KeyScope; 2] = [KeyScope::ViaEc2, KeyScope::Direct];
const ROOT: &str = concat!(
    r#"{"Sid":"Enable IAM","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"#,
    r#""Action":"kms:*","Resource":"*"}"#,
);

fn accounts(ids: &[u64]) -> BTreeSet<PolicyPrincipal> {
    ids.iter()
        .map(|id| PolicyPrincipal::Account(format!("{id:012}").parse().unwrap()))
        .collect()
}

pub(super) fn key() -> KeyArn {
    "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        .parse()
        .unwrap()
}

fn china() -> KeyArn {
    "arn:aws-cn:kms:cn-north-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        .parse()
        .unwrap()
}

fn organization() -> BTreeSet<PolicyPrincipal> {
    let unit = "arn:aws:organizations::111111111111:ou/o-abcdefghij/ou-ab12-cdefghij";
    let organization = "arn:aws:organizations::111111111111:organization/o-abcdefghij";
    [unit, organization]
        .iter()
        .map(|text| PolicyPrincipal::of(&text.parse().unwrap()).unwrap())
        .collect()
}

pub(super) fn of_scope(scope: KeyScope) -> KeyPermissions {
    KeyPermissions {
        scope,
        services: BTreeSet::new(),
    }
}

fn policy(statement: &str) -> KeyPolicy {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":{statement},"Id":"last"}}"#);
    KeyPolicy::of(Document::parse(&text).unwrap())
}

fn granted(scope: KeyScope) -> KeyPolicy {
    policy(&format!("[{ROOT}]"))
        .with_access(&key(), &of_scope(scope), &accounts(&[2, 3]))
        .unwrap()
}

#[test]
fn statements_are_written_as_designed() {
    let text = granted(KeyScope::ViaEc2).text();
    let ours = concat!(
        r#"{"Sid":"AmiShareUse","Effect":"Allow","Principal":{"AWS":["#,
        r#""arn:aws:iam::000000000002:root","arn:aws:iam::000000000003:root"]},"#,
        r#""Action":["kms:DescribeKey","kms:Decrypt","kms:ReEncrypt*","#,
        r#""kms:GenerateDataKeyWithoutPlaintext","kms:CreateGrant"],"Resource":"*","#,
        r#""Condition":{"StringLike":{"kms:ViaService":["ec2.*.amazonaws.com"]},"#,
        r#""BoolIfExists":{"kms:GrantIsForAWSResource":"true"}}}"#,
    );
    assert_eq!(
        text,
        format!(r#"{{"Version":"2012-10-17","Statement":[{ROOT},{ours}],"Id":"last"}}"#)
    );
    let direct = access_statements(&china(), &of_scope(KeyScope::Direct), &accounts(&[2]), true);
    assert_eq!(
        direct[0]["Principal"]["AWS"][0],
        "arn:aws-cn:iam::000000000002:root"
    );
    assert_eq!(direct[1]["Sid"], "AmiShareGrants");
    let china = access_statements(&china(), &of_scope(KeyScope::ViaEc2), &accounts(&[2]), true);
    let services = &china[0]["Condition"]["StringLike"]["kms:ViaService"];
    assert_eq!(
        *services,
        serde_json::json!(["ec2.*.amazonaws.com", "ec2.*.amazonaws.com.cn"])
    );
}

#[test]
fn access_is_added_once_and_its_removal_restores_the_document() {
    for scope in SCOPES {
        for statement in [format!("[{ROOT}]"), "[]".to_owned(), ROOT.to_owned()] {
            let before = policy(&statement);
            let once = before
                .with_access(&key(), &of_scope(scope), &accounts(&[2, 3]))
                .unwrap();
            assert_eq!(
                once.principals_with_access(&key(), &of_scope(scope)),
                accounts(&[2, 3])
            );
            assert_eq!(
                once.with_access(&key(), &of_scope(scope), &accounts(&[3]))
                    .unwrap()
                    .text(),
                once.text()
            );
            let back = once.without_access(&key(), &accounts(&[2, 3])).unwrap();
            let list: Vec<&str> = back
                .document
                .statements
                .iter()
                .map(|raw| raw.get())
                .collect();
            assert_eq!(
                list,
                before
                    .document
                    .statements
                    .iter()
                    .map(|raw| raw.get())
                    .collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn organizations_and_units_get_statements_of_their_own() {
    let everyone = &accounts(&[2]) | &organization();
    let before = policy(&format!("[{ROOT}]"));
    for scope in SCOPES {
        let granted = before
            .with_access(&key(), &of_scope(scope), &everyone)
            .unwrap();
        assert_eq!(
            granted.principals_with_access(&key(), &of_scope(scope)),
            everyone
        );
        assert_eq!(*granted.granted_principals(&key()), everyone);
        let without = granted.without_access(&key(), &organization()).unwrap();
        assert_eq!(
            without.principals_with_access(&key(), &of_scope(scope)),
            accounts(&[2])
        );
        assert_eq!(
            without
                .without_access(&key(), &everyone)
                .unwrap()
                .document
                .statements
                .len(),
            1
        );
    }
    let written = access_statements(&key(), &of_scope(KeyScope::ViaEc2), &everyone, true);
    assert_eq!(written.len(), 3);
    let condition = |n: usize, operator: &str| written[n]["Condition"][operator].clone();
    assert_eq!(
        condition(1, "StringEquals"),
        serde_json::json!({ "aws:PrincipalOrgID": ["o-abcdefghij"] })
    );
    let paths =
        serde_json::json!({ "aws:PrincipalOrgPaths": ["o-abcdefghij/r-ab12/*ou-ab12-cdefghij/*"] });
    assert_eq!(condition(2, "ForAnyValue:StringLike"), paths);
    for n in [1, 2] {
        // Without this, `*` would let the owner's own principals use the key directly (R3.1.3).
        assert_eq!(
            condition(n, "StringNotEquals"),
            serde_json::json!({ "kms:CallerAccount": "111111111111" })
        );
        assert_eq!(written[n]["Principal"], serde_json::json!({ "AWS": "*" }));
    }
    // A wildcard without the condition on the organization is not ours.
    let text = before
        .with_access(&key(), &of_scope(KeyScope::ViaEc2), &organization())
        .unwrap()
        .text();
    let open = text.replace(
        r#""StringEquals":{"aws:PrincipalOrgID":["o-abcdefghij"]},"#,
        "",
    );
    let open = KeyPolicy::parse(&open).unwrap();
    assert_eq!(
        open.taken_sids(&key(), &of_scope(KeyScope::ViaEc2)),
        ["AmiShareUseOrganizations"]
    );
}

#[test]
fn statement_is_recognized_in_every_form_that_kms_answers() {
    let text = granted(KeyScope::ViaEc2).text();
    let reworded = [
        // A list of one as a string, another order, a bare account ID.
        text.replace(r#"["ec2.*.amazonaws.com"]"#, r#""ec2.*.amazonaws.com""#),
        text.replace(
            r#""kms:DescribeKey","kms:Decrypt""#,
            r#""kms:Decrypt","kms:DescribeKey""#,
        ),
        text.replace("arn:aws:iam::000000000002:root", "000000000002"),
        text.replace(r#":"true"}"#, ":true}"),
    ];
    for text in reworded {
        let policy = KeyPolicy::parse(&text).unwrap();
        assert_eq!(
            policy.principals_with_access(&key(), &of_scope(KeyScope::ViaEc2)),
            accounts(&[2, 3]),
            "{text}"
        );
        assert!(
            policy
                .taken_sids(&key(), &of_scope(KeyScope::ViaEc2))
                .is_empty()
        );
    }
}

#[test]
fn sid_on_another_statement_refuses_the_edit() {
    let text = granted(KeyScope::ViaEc2).text();
    let others = [
        text.replace(r#""kms:Decrypt","#, ""),
        text.replace("ec2.*", "*"),
        text.replace("000000000002:root", "000000000002:role/x"),
        text.replace(
            r#"{"Sid":"AmiShareUse","Effect":"Allow""#,
            r#"{"Sid":"AmiShareUse","Effect":"Deny""#,
        ),
    ];
    for text in others {
        let policy = KeyPolicy::parse(&text).unwrap();
        assert_eq!(
            policy.taken_sids(&key(), &of_scope(KeyScope::ViaEc2)),
            ["AmiShareUse"],
            "{text}"
        );
        let error = policy
            .with_access(&key(), &of_scope(KeyScope::ViaEc2), &accounts(&[4]))
            .unwrap_err();
        assert_eq!(error, PolicyError::SidTaken(vec!["AmiShareUse".to_owned()]));
        assert!(
            policy
                .principals_with_access(&key(), &of_scope(KeyScope::ViaEc2))
                .is_empty()
        );
        // The other scope's Sids are free.
        assert!(
            policy
                .with_access(&key(), &of_scope(KeyScope::Direct), &accounts(&[4]))
                .is_ok()
        );
    }
}

#[test]
fn repeated_statements_are_merged_by_the_next_edit() {
    let ours = |id| {
        access_statements(&key(), &of_scope(KeyScope::ViaEc2), &accounts(&[id]), true)[0]
            .to_string()
    };
    let policy = policy(&format!("[{},{ROOT},{}]", ours(2), ours(3)));
    assert_eq!(
        policy.principals_with_access(&key(), &of_scope(KeyScope::ViaEc2)),
        accounts(&[2, 3])
    );
    let merged = policy
        .with_access(&key(), &of_scope(KeyScope::ViaEc2), &accounts(&[4]))
        .unwrap();
    assert_eq!(
        merged.principals_with_access(&key(), &of_scope(KeyScope::ViaEc2)),
        accounts(&[2, 3, 4])
    );
    assert_eq!(merged.document.statements.len(), 2);
    assert_eq!(merged.document.statements[1].get(), ROOT);
}

#[test]
fn foreign_statement_keeps_its_bytes() {
    let odd =
        "{\r\n \"Sid\" : \"Stra\\u00dfe \\u4e2d\", \"N\": 1.0, \"N\": 1e400, \"Principal\":\"*\"}";
    let policy = policy(&format!("[{odd}]"))
        .with_access(&key(), &of_scope(KeyScope::Direct), &accounts(&[2]))
        .unwrap();
    assert!(policy.text().contains(odd), "{}", policy.text());
}

#[test]
fn rule_3_2_6_principals_of_deleted_roles_are_found() {
    let policy = policy(
        r#"[{"Principal":{"AWS":["AROAEXAMPLEEXAMPLE1","arn:aws:iam::111111111111:role/AROA"]}},
            {"NotPrincipal":{"AWS":"AIDAEXAMPLEEXAMPLE2"}},
            {"Principal":"*"},
            {"Principal":{"Service":"AROAEXAMPLEEXAMPLE3"}}]"#,
    );
    let named = |number: u8, id: &str| (format!("number {number}"), vec![id.to_owned()]);
    assert_eq!(
        policy.stale_principals(),
        [
            named(1, "AROAEXAMPLEEXAMPLE1"),
            named(2, "AIDAEXAMPLEEXAMPLE2")
        ]
    );
    // The second denies everybody, or nobody, without the principal that it spares.
    assert_eq!(policy.without_stale_principals().err().unwrap(), "number 2");
}

#[test]
fn rule_3_2_6_only_principals_that_are_gone_are_dropped() {
    let text = concat!(
        r#"[{"Sid":"Stra\u00dfe \u4e2d","N":1.0,"Principal":{"AWS":["AROAEXAMPLEEXAMPLE1","*"]}},"#,
        r#"{"Principal":{"AWS":["AROAEXAMPLEEXAMPLE1"]}},"#,
        r#"{"NotPrincipal":{"Service":"a","AWS":"AROAEXAMPLEEXAMPLE1:x"}}]"#,
    );
    let cleaned = policy(text).without_stale_principals().unwrap();
    let expected = concat!(
        r#"[{"Sid":"Stra\u00dfe \u4e2d","N":1.0,"Principal":{"AWS":["*"]}},"#,
        r#"{"NotPrincipal":{"Service":"a"}}]"#,
    );
    assert!(cleaned.text().contains(expected), "{}", cleaned.text());
    assert!(cleaned.stale_principals().is_empty());
}

#[test]
fn text_that_is_no_policy_is_refused() {
    for text in ["", "{", "nonsense", "{\"Statement\":[}"] {
        assert!(
            matches!(KeyPolicy::parse(text), Err(PolicyError::NotJson(_))),
            "{text}"
        );
    }
    for text in [
        "[]",
        "1",
        r#"{"Statement":1}"#,
        r#"{"Statement":["x"]}"#,
        r#"{"Statement":[],"Statement":[]}"#,
        "{}",
        r#"{"Statement":{}}"#,
        r#"{"Version":"2025-01-01","Statement":[]}"#,
        r#"{"Statement":[{"Effect":"Maybe","Principal":"*","Action":"kms:*"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Action":"kms:*"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Principal":"*"}]}"#,
        r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"kms:*","Condition":[]}]}"#,
    ] {
        assert!(
            matches!(KeyPolicy::parse(text), Err(PolicyError::NotAPolicy(_))),
            "{text}"
        );
    }
    let empty = KeyPolicy::parse(r#"{"Statement":[]}"#)
        .unwrap()
        .with_access(&key(), &of_scope(KeyScope::ViaEc2), &accounts(&[2]))
        .unwrap();
    assert_eq!(
        empty.principals_with_access(&key(), &of_scope(KeyScope::ViaEc2)),
        accounts(&[2])
    );
}
