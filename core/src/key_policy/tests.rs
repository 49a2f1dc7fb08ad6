use super::*;

const SCOPES: [KeyScope; 2] = [KeyScope::ViaEc2, KeyScope::Direct];
const ROOT: &str = r#"{"Sid":"Enable IAM","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"kms:*","Resource":"*"}"#;

fn accounts(ids: &[u64]) -> BTreeSet<AccountId> {
    ids.iter().map(|id| format!("{id:012}").parse().unwrap()).collect()
}

fn policy(statement: &str) -> KeyPolicy {
    KeyPolicy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":{statement},"Id":"last"}}"#)).unwrap()
}

fn granted(scope: KeyScope) -> KeyPolicy {
    policy(&format!("[{ROOT}]")).grant(Partition::Aws, scope, &accounts(&[2, 3])).unwrap()
}

#[test]
fn statements_are_written_as_designed() {
    let text = granted(KeyScope::ViaEc2).text();
    let ours = r#"{"Sid":"AmiShareUse","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::000000000002:root","arn:aws:iam::000000000003:root"]},"Action":["kms:DescribeKey","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKeyWithoutPlaintext","kms:CreateGrant"],"Resource":"*","Condition":{"StringLike":{"kms:ViaService":["ec2.*.amazonaws.com"]},"BoolIfExists":{"kms:GrantIsForAWSResource":"true"}}}"#;
    assert_eq!(text, format!(r#"{{"Version":"2012-10-17","Statement":[{ROOT},{ours}],"Id":"last"}}"#));
    let direct = statements(Partition::AwsCn, KeyScope::Direct, &accounts(&[2]));
    assert_eq!(direct[0]["Principal"]["AWS"][0], "arn:aws-cn:iam::000000000002:root");
    assert_eq!(direct[1]["Sid"], "AmiShareGrants");
    let china = statements(Partition::AwsCn, KeyScope::ViaEc2, &accounts(&[2]));
    let services = &china[0]["Condition"]["StringLike"]["kms:ViaService"];
    assert_eq!(*services, serde_json::json!(["ec2.*.amazonaws.com", "ec2.*.amazonaws.com.cn"]));
}

#[test]
fn adding_twice_is_adding_once_and_removing_gives_back_the_document() {
    for scope in SCOPES {
        for statement in [format!("[{ROOT}]"), "[]".to_owned(), ROOT.to_owned()] {
            let before = policy(&statement);
            let once = before.grant(Partition::Aws, scope, &accounts(&[2, 3])).unwrap();
            assert_eq!(once.access(Partition::Aws, scope), accounts(&[2, 3]));
            assert_eq!(once.grant(Partition::Aws, scope, &accounts(&[3])).unwrap().text(), once.text());
            let back = once.revoke(Partition::Aws, scope, &accounts(&[2, 3])).unwrap();
            let list: Vec<&str> = back.0.statements.iter().map(|raw| raw.get()).collect();
            assert_eq!(list, before.0.statements.iter().map(|raw| raw.get()).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_statement_is_ours_in_whatever_form_kms_gives_it_back() {
    let text = granted(KeyScope::ViaEc2).text();
    let reworded = [
        // A list of one as a string, another order, a bare account ID.
        text.replace(r#"["ec2.*.amazonaws.com"]"#, r#""ec2.*.amazonaws.com""#),
        text.replace(r#""kms:DescribeKey","kms:Decrypt""#, r#""kms:Decrypt","kms:DescribeKey""#),
        text.replace("arn:aws:iam::000000000002:root", "000000000002"),
        text.replace(r#":"true"}"#, ":true}"),
    ];
    for text in reworded {
        let policy = KeyPolicy::parse(&text).unwrap();
        assert_eq!(policy.access(Partition::Aws, KeyScope::ViaEc2), accounts(&[2, 3]), "{text}");
        assert!(policy.taken_sids(Partition::Aws, KeyScope::ViaEc2).is_empty());
    }
}

#[test]
fn a_sid_of_ours_on_anything_else_is_taken_and_refuses() {
    let text = granted(KeyScope::ViaEc2).text();
    let others = [
        text.replace(r#""kms:Decrypt","#, ""),
        text.replace("ec2.*", "*"),
        text.replace("000000000002:root", "000000000002:role/x"),
        text.replace(r#"{"Sid":"AmiShareUse","Effect":"Allow""#, r#"{"Sid":"AmiShareUse","Effect":"Deny""#),
    ];
    for text in others {
        let policy = KeyPolicy::parse(&text).unwrap();
        assert_eq!(policy.taken_sids(Partition::Aws, KeyScope::ViaEc2), ["AmiShareUse"], "{text}");
        let error = policy.grant(Partition::Aws, KeyScope::ViaEc2, &accounts(&[4])).unwrap_err();
        assert_eq!(error, PolicyError::SidTaken(vec!["AmiShareUse".to_owned()]));
        assert!(policy.access(Partition::Aws, KeyScope::ViaEc2).is_empty());
        // The other scope's Sids are free.
        assert!(policy.grant(Partition::Aws, KeyScope::Direct, &accounts(&[4])).is_ok());
    }
}

#[test]
fn several_of_ours_become_one_on_the_next_change() {
    let ours = |id| statements(Partition::Aws, KeyScope::ViaEc2, &accounts(&[id]))[0].to_string();
    let policy = policy(&format!("[{},{ROOT},{}]", ours(2), ours(3)));
    assert_eq!(policy.access(Partition::Aws, KeyScope::ViaEc2), accounts(&[2, 3]));
    let merged = policy.grant(Partition::Aws, KeyScope::ViaEc2, &accounts(&[4])).unwrap();
    assert_eq!(merged.access(Partition::Aws, KeyScope::ViaEc2), accounts(&[2, 3, 4]));
    assert_eq!(merged.0.statements.len(), 2);
    assert_eq!(merged.0.statements[1].get(), ROOT);
}

#[test]
fn foreign_bytes_stay_as_they_are() {
    let odd = "{\r\n \"Sid\" : \"Stra\\u00dfe \\u4e2d\", \"N\": 1.0, \"N\": 1e400, \"Principal\":\"*\"}";
    let policy = policy(&format!("[{odd}]")).grant(Partition::Aws, KeyScope::Direct, &accounts(&[2])).unwrap();
    assert!(policy.text().contains(odd), "{}", policy.text());
}

#[test]
fn rule_3_2_6_principals_of_deleted_roles_are_found() {
    let policy = policy(
        r#"[{"Principal":{"AWS":["AROAEXAMPLEEXAMPLE1","arn:aws:iam::111111111111:role/AROA"]}},
            {"NotPrincipal":{"AWS":"AIDAEXAMPLEEXAMPLE2"}},{"Principal":"*"},{"Principal":{"Service":"AROAEXAMPLEEXAMPLE3"}}]"#,
    );
    assert_eq!(policy.stale_principals(), ["AIDAEXAMPLEEXAMPLE2", "AROAEXAMPLEEXAMPLE1"]);
}

#[test]
fn what_is_no_policy_is_said_so() {
    for text in ["", "{", "nonsense", "{\"Statement\":[}"] {
        assert!(matches!(KeyPolicy::parse(text), Err(PolicyError::NotJson(_))), "{text}");
    }
    for text in ["[]", "1", r#"{"Statement":1}"#, r#"{"Statement":["x"]}"#, r#"{"Statement":[],"Statement":[]}"#] {
        assert!(matches!(KeyPolicy::parse(text), Err(PolicyError::NotAPolicy(_))), "{text}");
    }
    let empty = KeyPolicy::parse("{}").unwrap().grant(Partition::Aws, KeyScope::ViaEc2, &accounts(&[2])).unwrap();
    assert_eq!(empty.access(Partition::Aws, KeyScope::ViaEc2), accounts(&[2]));
}
