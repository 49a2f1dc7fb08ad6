//! Condition keys in policy simulation.

use serde_json::{Value, json};

use super::simulation::{Simulation, allow_on, deny, when};
use super::support::*;

#[tokio::test]
async fn rule_7_22_keys_that_are_not_given_are_told_for_an_implicit_deny_only() {
    let (a, _) = two_accounts();
    let via = |statement| when(statement, "StringEquals", "kms:ViaService", "ec2");
    let plain = || allow("kms:Decrypt");
    let denied = || deny("kms:Decrypt");
    // The statements, the decision, the keys that are missing.
    let table: [(Vec<Value>, &str, &[&str]); 6] = [
        (vec![via(plain())], "implicitDeny", &["kms:ViaService"]),
        (vec![via(plain()), plain()], "allowed", &[]),
        (vec![plain(), via(denied())], "allowed", &[]),
        (vec![via(plain()), denied()], "explicitDeny", &[]),
        // Also of statements about other actions, and keys that every simulation has.
        (
            vec![via(allow("kms:Encrypt"))],
            "implicitDeny",
            &["kms:ViaService"],
        ),
        (
            vec![when(plain(), "Null", "aws:userid", "true")],
            "implicitDeny",
            &["aws:userid"],
        ),
    ];
    for (statements, decision, missing) in table {
        let simulation = Simulation::of(&["kms:Decrypt"], &[]).policy(&statements);
        let answer = simulation.run(&a).await.unwrap();
        assert_eq!(answer.all("EvalDecision"), [decision], "{statements:?}");
        let list = answer.first("MissingContextValues");
        let expected: String = missing
            .iter()
            .map(|key| format!("<member>{key}</member>"))
            .collect();
        assert_eq!(list, expected, "{statements:?}");
    }
    let given = Simulation::of(&["kms:Decrypt"], &[])
        .policy(&[via(plain())])
        .context(1, "KMS:viaservice", "string", &["lambda"]);
    let answer = given.run(&a).await.unwrap();
    assert_eq!(answer.all("EvalDecision"), ["implicitDeny"]);
    assert_eq!(answer.first("MissingContextValues"), "");
}

#[tokio::test]
async fn rule_7_22_the_values_of_condition_keys_must_have_their_type() {
    let (a, _) = two_accounts();
    let given = |kind: &str, values: &[&str]| {
        Simulation::of(&["s3:GetObject"], &[]).context(1, "stack:key", kind, values)
    };
    for (kind, values) in [
        ("string", &["a"][..]),
        ("stringList", &["a", "b"]),
        ("numeric", &["1.5"]),
        ("boolean", &["yes"]),
        ("date", &["2035"]),
        ("date", &["2035-01-31T00:00:00Z"]),
        ("ip", &["10.0.0.1"]),
        ("ipList", &["10.0.0.0/8", "::1"]),
    ] {
        given(kind, values).run(&a).await.unwrap();
    }
    let invalid = "Invalid context value for key stack:key: expected";
    for (simulation, message) in [
        (
            given("numeric", &["a"]),
            format!("{invalid} numeric format."),
        ),
        (
            given("date", &["tomorrow"]),
            format!("{invalid} DateTime format."),
        ),
        (
            given("ipList", &["10.0.0.1", "x"]),
            format!("{invalid} IP address."),
        ),
        (
            given("numeric", &["1", "2"]),
            "Context key numeric expected a single value, but received 2.".to_owned(),
        ),
        (
            given("stringList", &[]),
            "Context values for context key stack:key cannot be null or empty.".to_owned(),
        ),
        (
            given("string", &["a"]).context(2, "STACK:key", "string", &["b"]),
            "Duplicate context key: STACK:key.".to_owned(),
        ),
    ] {
        fails(simulation.run(&a).await, 400, "InvalidInput", &message);
    }
    assert_code(given("text", &["a"]).run(&a).await, "ValidationError");
}

#[tokio::test]
async fn rule_7_22_condition_keys_are_told_as_policies_spell_them() {
    let (a, _) = two_accounts();
    let mut statement = allow_on("s3:GetObject", "arn:aws:s3:::b/${aws:username, 'x'}/${*}");
    statement["Condition"] = json!({ "StringEquals": { "AWS:SourceIp": "${aws:userid}" } });
    let text = policy_of(&[statement.clone()]);
    let old = json!({ "Statement": [statement] }).to_string();
    let keys = ["aws:userid", "aws:username", "*", "AWS:SourceIp"];
    for (policies, expected) in [
        (vec![text.as_str()], keys.to_vec()),
        // Variables have a meaning in the newer version only; two policies repeat their keys.
        (
            vec![old.as_str(), old.as_str()],
            vec!["AWS:SourceIp", "AWS:SourceIp"],
        ),
    ] {
        let request = Simulation(Vec::new()).list("PolicyInputList", &policies);
        let answer = request.call(&a, "GetContextKeysForCustomPolicy").await;
        let mut found = answer.unwrap().all("member").join(" ");
        for key in &expected {
            assert!(found.contains(key), "{found}");
            found = found.replacen(key, "", 1);
        }
        assert_eq!(found.trim(), "");
    }
    let unknown = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}],"Foo":1}"#;
    let request = Simulation(Vec::new()).list("PolicyInputList", &[unknown]);
    let answer = request.call(&a, "GetContextKeysForCustomPolicy").await;
    assert_code(answer, "InvalidInput");
}
