//! Scenario and fault files: their schemas, their examples, and what is said of wrong ones.

use std::fs;
use std::path::{Path, PathBuf};

use ami_share_sim::cli::Cli;
use ami_share_sim::{Options, Scenario, Sim, Size};
use clap::{CommandFactory as _, Parser as _};
use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What the program writes, or its one message.
async fn run(arguments: &[&str]) -> Result<String, String> {
    let mut out = Vec::new();
    let all = ["ami-share-sim"].iter().chain(arguments);
    Cli::try_parse_from(all)
        .map_err(|error| error.to_string())?
        .run(&mut out)
        .await?;
    Ok(String::from_utf8(out).unwrap())
}

/// Written anew with `UPDATE_SCHEMAS=1`.
#[tokio::test]
async fn the_published_schemas_are_those_of_the_code() {
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
async fn every_example_of_a_scenario_is_one_and_together_they_have_every_feature() {
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

/// The names of all members.
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

/// The names of all properties of a schema.
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

#[tokio::test]
async fn a_wrong_scenario_is_one_message_with_its_place() {
    let account = r#""region":"us-east-1","accounts":[{"id":"111111111111"}]"#;
    let organization = |members: &str| {
        let whole =
            format!(r#""organization":{{"id":"o-1","root":"r-1","accounts":{{}},{members}}}"#);
        format!("{{{account},{whole}}}")
    };
    let table = [
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
            &format!(r#"{{{account},"image":[]}}"#),
            "image: unknown field `image`",
        ),
        (
            &format!(r#"{{{account},"keys":[{{"name":"k","account":"2"}}]}}"#),
            "keys[0].account: 2 is no account of this file",
        ),
        (
            &format!(
                r#"{{{account},"keys":[{{"name":"k","account":"111111111111","state":"Off"}}]}}"#
            ),
            "keys[0].state: unknown variant `Off`",
        ),
        (
            &format!(
                r#"{{{account},"images":[{{"name":"i","account":"111111111111","volumes":[null,"k"]}}]}}"#
            ),
            "images[0].volumes[1]: k is no key of this file",
        ),
        (
            r#"{"region":"r","accounts":[{"id":"111111111111","roles":[{"name":"r","trust":{},"policy":{}}]}]}"#,
            "accounts[0].roles[0].trust: Statement: neither an object nor a list",
        ),
        (
            &format!(
                r#"{{{account},"organization":{{"id":"o-1","management":"111111111111","root":"r-1","accounts":{{"111111111111":"ou-1"}}}}}}"#
            ),
            "organization.accounts.111111111111: ou-1 is neither the root nor a unit",
        ),
        (
            &organization(r#""management":"1""#),
            "organization.management: 1 has not twelve digits",
        ),
        (
            &organization(
                r#""management":"111111111111","units":[{"id":"ou-1","parent":"ou-2"},{"id":"ou-2","parent":"ou-1"}]"#,
            ),
            "organization.units[0].parent: ou-2 leads in a circle",
        ),
        (
            &organization(r#""management":"111111111111","service-control-policies":{"ou-3":[]}"#),
            "organization.service-control-policies.ou-3: neither the root nor a unit",
        ),
        (
            &format!(r#"{{{account},"regions":[{{"name":"eu-west-1"}}]}}"#),
            "region: us-east-1 is no Region of this file",
        ),
        (
            &format!(
                r#"{{{account},"regions":[{{"name":"us-east-1"}}],"keys":[{{"name":"k","account":"111111111111","region":"eu-west-1"}}]}}"#
            ),
            "keys[0].region: eu-west-1 is no Region of this file",
        ),
    ];
    for (text, beginning) in table {
        let problem = Scenario::parse(text).unwrap_err();
        assert!(problem.starts_with(beginning), "{text}: {problem}");
        assert!(!problem.contains('\n'), "{problem}");
    }
}

#[tokio::test]
async fn a_wrong_file_or_address_keeps_the_server_from_starting() {
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

#[tokio::test]
async fn a_generated_world_is_a_scenario_of_its_size() {
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
    let sim = Sim::new(Scenario::parse(&text).unwrap(), Options::default());
    let facts = sim.facts();
    assert_eq!((facts.accounts.len(), facts.images.len()), (7, 4));
    assert_eq!(facts.images.keys().next().unwrap(), "image-1");
    for account in facts.accounts.keys().filter(|id| *id != "111111111111") {
        assert!(facts.keys.contains_key(&format!("own-{account}")));
        let roles: Vec<_> = facts.roles[account].keys().collect();
        assert_eq!(roles, ["administrator", "consumer", "launcher"]);
    }
    let state = sim.state();
    let image = &state["images"][&facts.images["image-4"]];
    assert_eq!(image["owner"], "111111111111");
    let mappings = image["mappings"].as_array().unwrap();
    assert_eq!(mappings.len(), 2);
    for mapping in mappings {
        let snapshot = &state["snapshots"][mapping["snapshot"].as_str().unwrap()];
        assert_eq!(
            (&snapshot["key"], &snapshot["region"]),
            (&Value::from(facts.keys["key-4"].as_str()), &image["region"])
        );
    }
    assert_eq!(image["region"], "us-east-1");
    let trust = &state["accounts"]["222222222222"]["roles"]["consumer"]["trust"]["text"];
    assert!(
        trust
            .as_str()
            .unwrap()
            .contains(r#""sts:ExternalId":"example""#),
        "{trust}"
    );
    let parents = state["organization"]["units"].as_object().unwrap();
    assert!(
        parents
            .values()
            .any(|parent| parents.contains_key(parent.as_str().unwrap())),
        "units within units"
    );
    let units: std::collections::BTreeSet<_> = state["organization"]["accounts"]
        .as_object()
        .unwrap()
        .values()
        .map(Value::to_string)
        .collect();
    assert_eq!(units.len(), 5);
    let large = Scenario::generate(Size {
        accounts: 1000,
        regions: 1,
        images: 1,
        snapshots: 1,
    })
    .unwrap();
    assert_eq!(
        Sim::new(large, Options::default()).facts().accounts.len(),
        1000
    );
}

#[test]
fn every_flag_says_what_it_is_for() {
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
