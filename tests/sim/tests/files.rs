//! Scenario and fault files: their schemas, their examples, and the messages about mistakes.

use std::fs;
use std::path::{Path, PathBuf};

use ami_share_sim::cli::Cli;
use ami_share_sim::{Options, Scenario, Sim, Size};
use clap::{CommandFactory as _, Parser as _};
use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The output of the program, or its one message.
async fn run(arguments: &[&str]) -> Result<String, String> {
    let mut out = Vec::new();
    let all = ["ami-share-sim"].iter().chain(arguments);
    Cli::try_parse_from(all)
        .map_err(|error| error.to_string())?
        .run(&mut out)
        .await?;
    Ok(String::from_utf8(out).unwrap())
}

/// `UPDATE_SCHEMAS=1` writes the schemas.
#[tokio::test]
async fn published_schemas_match_the_code() {
    for kind in ["scenario", "faults"] {
        let (path, schema) = (
            folder("schema").join(format!("{kind}.json")),
            run(&["schema", kind]).await.unwrap(),
        );
        if option_env!("UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &schema).unwrap();
        }
        assert_eq!(
            fs::read_to_string(&path).unwrap_or_default(),
            schema,
            "UPDATE_SCHEMAS=1 writes it anew"
        );
    }
}

#[tokio::test]
async fn example_scenarios_are_valid_and_cover_every_feature() {
    let mut used = std::collections::BTreeSet::new();
    for entry in fs::read_dir(folder("examples/scenarios")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let sim = Sim::new(Scenario::parse(&text).unwrap(), Options::default());
        assert!(!sim.facts().accounts.is_empty());
        names(&serde_json::from_str(&text).unwrap(), &mut used);
    }
    let mut known = std::collections::BTreeSet::new();
    properties(
        &serde_json::from_str(&run(&["schema", "scenario"]).await.unwrap()).unwrap(),
        &mut known,
    );
    assert!(known.len() > 40);
    let missing: Vec<_> = known.difference(&used).collect();
    assert!(missing.is_empty(), "no example has {missing:?}");
}

/// Adds the names of all members.
fn names(value: &Value, into: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            into.extend(members.keys().cloned());
            members.values().for_each(|value| names(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| names(value, into)),
        _ => {}
    }
}

/// Adds the names of all properties of a schema.
fn properties(schema: &Value, into: &mut std::collections::BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                into.extend(properties.keys().cloned());
            }
            members.values().for_each(|value| properties(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| properties(value, into)),
        _ => {}
    }
}

/// Checks the beginning of the message about a scenario.
#[track_caller]
fn check_mistake(text: &str, beginning: &str) {
    let problem = Scenario::parse(text).unwrap_err();
    assert!(problem.starts_with(beginning), "{text}: {problem}");
    assert!(!problem.contains('\n'), "{problem}");
}

#[test]
fn a_mistake_in_a_scenario_is_one_message_with_its_place() {
    for (text, beginning) in [
        ("{", "no JSON: "),
        ("[]", "a scenario is an object"),
        ("7", "neither an object nor a list"),
        (r#"{"region":"us-east-1"}"#, "missing field `accounts`"),
        (
            r#"{"region":"us-east-1","accounts":[{"id":1}]}"#,
            "accounts[0].id: invalid type: integer",
        ),
        (
            r#"{"region":"us-east-1","accounts":[{"id":"1"}]}"#,
            "accounts[0].id: 1 has not twelve digits",
        ),
        (
            r#"{"region":"r","accounts":[{"id":"111111111111","roles":[
                {"name":"r","trust":{},"policy":{}}
            ]}]}"#,
            "accounts[0].roles[0].trust: Statement: neither an object nor a list",
        ),
    ] {
        check_mistake(text, beginning);
    }
    let account = r#""region":"us-east-1","accounts":[{"id":"111111111111"}]"#;
    for (members, beginning) in [
        (r#""image":[]"#, "image: unknown field `image`"),
        (
            r#""keys":[{"name":"k","account":"2"}]"#,
            "keys[0].account: 2 is no account of this file",
        ),
        (
            r#""keys":[{"name":"k","account":"111111111111","state":"Off"}]"#,
            "keys[0].state: unknown variant `Off`",
        ),
        (
            r#""images":[{"name":"i","account":"111111111111","volumes":[null,"k"]}]"#,
            "images[0].volumes[1]: k is no key of this file",
        ),
        (
            r#""regions":[{"name":"eu-west-1"}]"#,
            "region: us-east-1 is no Region of this file",
        ),
        (
            r#""regions":[{"name":"us-east-1"}],
               "keys":[{"name":"k","account":"111111111111","region":"eu-west-1"}]"#,
            "keys[0].region: eu-west-1 is no Region of this file",
        ),
    ] {
        check_mistake(&format!("{{{account},{members}}}"), beginning);
    }
}

#[test]
fn a_mistake_in_an_organization_is_one_message_with_its_place() {
    for (members, beginning) in [
        (
            r#""management":"111111111111","accounts":{"111111111111":"ou-1"}"#,
            "organization.accounts.111111111111: ou-1 is neither the root nor a unit",
        ),
        (
            r#""management":"1","accounts":{}"#,
            "organization.management: 1 has not twelve digits",
        ),
        (
            r#""management":"111111111111","accounts":{},
               "units":[{"id":"ou-1","parent":"ou-2"},{"id":"ou-2","parent":"ou-1"}]"#,
            "organization.units[0].parent: ou-2 leads in a circle",
        ),
        (
            r#""management":"111111111111","accounts":{},
               "service-control-policies":{"ou-3":[]}"#,
            "organization.service-control-policies.ou-3: neither the root nor a unit",
        ),
        (
            r#""management":"111111111111","accounts":{},
               "delegated-administrators":["111111111111"]"#,
            "organization.delegated-administrators.111111111111: no account of it",
        ),
        (
            r#""management":"111111111111","accounts":{"111111111111":"r-1"},
               "account-states":{"111111111111":"GONE"}"#,
            "organization.account-states.111111111111: GONE is none of ACTIVE,",
        ),
    ] {
        let text = format!(
            r#"{{
                "region": "us-east-1",
                "accounts": [{{"id": "111111111111"}}],
                "organization": {{"id": "o-1", "root": "r-1", {members}}}
            }}"#
        );
        check_mistake(&text, beginning);
    }
}

#[tokio::test]
async fn the_server_does_not_start_with_a_wrong_file_or_address() {
    let file = |text: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    };
    let scenario = file(r#"{"region":"us-east-1","accounts":[{"id":"1"}]}"#);
    let faults = file(r#"[{"operation":"ec2:X","effect":"explode"}]"#);
    let (scenario, faults) = (
        scenario.path().to_str().unwrap(),
        faults.path().to_str().unwrap(),
    );
    let table = [
        (
            vec!["serve", "--scenario", scenario],
            format!("{scenario}: accounts[0].id: "),
        ),
        (
            vec!["serve", "--faults", faults],
            format!("{faults}: [0].effect: unknown variant `explode`"),
        ),
        (vec!["serve", "--scenario", "/none"], "/none: ".to_owned()),
        (
            vec!["serve", "--listen", "0.0.0.0:0"],
            "0.0.0.0:0 is no loopback address; --listen-anywhere allows it".to_owned(),
        ),
        (
            vec!["serve", "--copy-seconds=-1"],
            "--copy-seconds: ".to_owned(),
        ),
        (
            vec!["serve", "--copy-seconds=1e12"],
            "--copy-seconds: 1000000000000 seconds are more than".to_owned(),
        ),
        (
            vec!["serve", "--latency=200years"],
            "--latency: ".to_owned(),
        ),
        (
            vec!["generate", "--accounts", "0"],
            "a world has at least one account".to_owned(),
        ),
        (
            vec!["generate", "--regions", "99"],
            "there are 17 Regions to take, not 99".to_owned(),
        ),
    ];
    for (arguments, beginning) in table {
        let problem = run(&arguments).await.unwrap_err();
        assert!(problem.starts_with(&beginning), "{arguments:?}: {problem}");
    }
}

/// A generated world of 7 accounts, 3 Regions, 4 images and 2 snapshots of each.
async fn generated_world() -> Sim {
    let arguments = [
        "generate",
        "--accounts",
        "7",
        "--regions",
        "3",
        "--images",
        "4",
        "--snapshots",
        "2",
    ];
    let text = run(&arguments).await.unwrap();
    Sim::new(Scenario::parse(&text).unwrap(), Options::default())
}

#[tokio::test]
async fn a_generated_world_has_the_requested_size() {
    let sim = generated_world().await;
    let facts = sim.facts();
    assert_eq!((facts.accounts.len(), facts.images.len()), (7, 4));
    assert_eq!(facts.images.keys().next().unwrap(), "image-1");
    for account in facts.accounts.keys().filter(|id| *id != "111111111111") {
        assert!(facts.keys.contains_key(&format!("own-{account}")));
        let roles: Vec<_> = facts.roles[account].keys().collect();
        assert_eq!(roles, ["administrator", "consumer", "launcher"]);
    }
    let large = Scenario::generate(Size {
        accounts: 1000,
        regions: 1,
        images: 1,
        snapshots: 1,
    });
    let large = Sim::new(large.unwrap(), Options::default());
    assert_eq!(large.facts().accounts.len(), 1000);
}

#[tokio::test]
async fn a_generated_image_has_snapshots_under_its_key() {
    let sim = generated_world().await;
    let (facts, state) = (sim.facts(), sim.state());
    let image = &state["images"][&facts.images["image-4"]];
    assert_eq!(image["owner"], "111111111111");
    assert_eq!(image["region"], "us-east-1");
    let mappings = image["mappings"].as_array().unwrap();
    assert_eq!(mappings.len(), 2);
    for mapping in mappings {
        let snapshot = &state["snapshots"][mapping["snapshot"].as_str().unwrap()];
        assert_eq!(snapshot["key"], facts.keys["key-4"]);
        assert_eq!(snapshot["region"], image["region"]);
    }
}

#[tokio::test]
async fn a_generated_organization_has_units_within_units() {
    let state = generated_world().await.state();
    let consumer = &state["accounts"]["222222222222"]["roles"]["consumer"];
    let trust = consumer["trust"]["text"].as_str().unwrap();
    let external_id = r#""sts:ExternalId":"example""#;
    assert!(trust.contains(external_id), "{trust}");
    let organization = &state["organization"];
    let parents = organization["units"].as_object().unwrap();
    let is_unit = |parent: &Value| parents.contains_key(parent.as_str().unwrap());
    assert!(parents.values().any(is_unit), "units within units");
    let mut units = std::collections::BTreeSet::new();
    for unit in organization["accounts"].as_object().unwrap().values() {
        units.insert(unit.to_string());
    }
    assert_eq!(units.len(), 5);
}

#[test]
fn every_flag_has_a_help_text() {
    let command = Cli::command();
    command.clone().debug_assert();
    for sub in command.get_subcommands() {
        assert!(sub.get_about().is_some(), "{}", sub.get_name());
        for argument in sub.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{} {}",
                sub.get_name(),
                argument.get_id()
            );
        }
    }
}
