//! What is given to a run: inputs, other variables, a Packer manifest.

use std::collections::BTreeSet;

use ami_share_sim::Sim;

use super::exits::{Variable, WAYS, in_threads, run};
use super::payloads::PAYLOADS;
use super::seen::{List, Seen};
use super::stories::{build_world, variables};
use super::texts;
use crate::support::*;

/// Forms of values in which a text stands where a part of them belongs.
const FORMS: [&str; 11] = [
    "{}",
    "ami-1a2b3c4d {}",
    "us-east-1={}",
    "{}",
    "{} 222222222222",
    "{}",
    "key={}",
    "{}=value",
    "arn:aws:iam::222222222222:role/{}",
    "[\"{}\"]",
    "{\"key\": \"{}\"}",
];

#[test]
fn text_in_inputs_is_text_in_every_exit() {
    let names: Vec<&str> = ami_share_action::INPUTS
        .iter()
        .map(|input| input.name)
        .collect();
    let halves = names.chunks(names.len() / 2 + 1).map(<[&str]>::to_vec);
    let seen = in_threads(halves.collect(), async |names: Vec<&str>| {
        let mut seen = Seen::default();
        let folder = tempfile::TempDir::new().unwrap();
        for name in names {
            let mut sim = build_world();
            for (number, payload) in PAYLOADS.iter().enumerate() {
                let form = FORMS[number % FORMS.len()];
                let mut value = form.replace("{}", payload);
                if name == "report-path" {
                    value = folder.path().join(value).display().to_string();
                }
                if !sim.journal().is_empty() {
                    sim = build_world();
                }
                let variables = with_input(&sim, name, &value);
                let exits = run(sim.sdk_config(A), &variables, WAYS[number % 3]).await;
                seen.add(name, &exits);
            }
        }
        seen
    });
    let seen = Seen::merge(seen);
    seen.check("inputs");
    List::read("inputs.txt").check(&seen);
}

/// The inputs of a share, and one that has another value.
fn with_input(sim: &Sim, name: &str, value: &str) -> Vec<Variable> {
    let name = name.replace('-', "_").to_uppercase();
    let mut variables = variables(sim, &[("AMI_ID", "{image}"), ("TARGET_ACCOUNTS", B)]);
    variables.push((format!("INPUT_{name}"), value.to_owned()));
    variables
}

#[test]
fn text_in_environment_and_manifest_is_text_in_every_exit() {
    let seen = in_threads(vec![()], async |()| {
        let mut seen = Seen::default();
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("manifest.json");
        let places = places_of_manifest();
        for (number, payload) in PAYLOADS.iter().enumerate() {
            let sim = build_world();
            let usual = variables(&sim, &[("AMI_ID", "{image}"), ("TARGET_ACCOUNTS", B)]);
            let others = [
                (
                    "name of a variable",
                    format!("INPUT_{payload}"),
                    "x".to_owned(),
                ),
                ("AWS_REGION", "AWS_REGION".to_owned(), (*payload).to_owned()),
                (
                    "name of the run",
                    "GITHUB_RUN_ID".to_owned(),
                    (*payload).to_owned(),
                ),
            ];
            for (place, name, value) in others {
                let variables = [usual.clone(), vec![(name, value)]].concat();
                let exits = run(sim.sdk_config(A), &variables, WAYS[number % 3]).await;
                seen.add(place, &exits);
            }
            let path = file.display().to_string();
            let inputs = [("PACKER_MANIFEST", path.as_str()), ("TARGET_ACCOUNTS", B)];
            for place in &places {
                std::fs::write(&file, manifest(place, payload)).unwrap();
                let variables = variables(&sim, &inputs);
                let exits = run(sim.sdk_config(A), &variables, WAYS[number % 3]).await;
                seen.add(&format!("manifest {place}"), &exits);
            }
        }
        seen
    });
    let seen = Seen::merge(seen);
    seen.check("environment");
    List::read("environment.txt").check(&seen);
}

const MANIFEST: &str = r#"{
    "builds": [{
        "name": "x",
        "builder_type": "amazon-ebs",
        "artifact_id": "us-east-1:ami-1a2b3c4d",
        "packer_run_uuid": "run",
        "custom_data": { "a": "b" }
    }],
    "last_run_uuid": "run"
}"#;

fn places_of_manifest() -> BTreeSet<String> {
    let mut places = BTreeSet::from(["whole".to_owned()]);
    texts::rewrite(MANIFEST, &mut |path, _| {
        places.insert(path.to_owned());
        None
    });
    places
}

/// The manifest with a text in one place of it.
fn manifest(place: &str, text: &str) -> String {
    if place == "whole" {
        return format!("{{\"builds\": {text}");
    }
    texts::rewrite(MANIFEST, &mut |path, _| {
        (path == place).then(|| text.to_owned())
    })
}
