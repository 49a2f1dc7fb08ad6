//! Packer manifests, from the file to a launch in the target account.

use std::path::Path;

use ami_share_sim::wire::{Body, Call, Params, Query, Service};
use ami_share_sim::world::Image;
use ami_share_sim::{ImageSpec, KeySpec, Options, Scenario, Sim};
use serde_json::{Value, json};

use super::support::*;

const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// A has an encrypted image in each Region, under a key of that Region, with the ID that a manifest
/// gives it.
async fn stage(images: [&str; 2]) -> Stage {
    let (account, mut scenario) = (A.to_owned(), Scenario::two_accounts());
    (scenario.keys, scenario.images) = (Vec::new(), Vec::new());
    for name in REGIONS.map(str::to_owned) {
        let (account, region, volumes) = (
            account.clone(),
            Some(name.clone()),
            vec![Some(name.clone())],
        );
        let key = KeySpec {
            name: name.clone(),
            account: account.clone(),
            region: region.clone(),
            ..KeySpec::default()
        };
        scenario.keys.push(key);
        scenario.images.push(ImageSpec {
            name,
            account,
            region,
            volumes,
            ..ImageSpec::default()
        });
    }
    let sim = Sim::new(scenario, Options::default());
    for (region, id) in REGIONS.into_iter().zip(images) {
        let made = sim.facts().images[region].clone();
        sim.edit(|world| {
            let image = world.images.remove(&made).unwrap();
            world.images.insert(
                id.to_owned(),
                Image {
                    id: id.to_owned(),
                    ..image
                },
            );
        });
    }
    Stage::of(sim).await
}

/// How an instance that B launches ends.
async fn launch(stage: &Stage, region: &str, image: &str) -> String {
    let mut shown = String::new();
    let one = vec![("ImageId", image), ("MinCount", "1"), ("MaxCount", "1")];
    for (operation, parameters) in [("RunInstances", one), ("DescribeInstances", vec![])] {
        let call = Call {
            service: Service::Ec2,
            operation: operation.to_owned(),
            params: Params::Query(Query::of(&parameters)),
            access_key_id: stage.sim.facts().accounts[B].access_key_id.clone(),
            session_token: None,
            region: region.to_owned(),
        };
        match stage.sim.call(&call).await.unwrap() {
            Ok(Body::Xml(elements)) => {
                shown = elements.iter().map(|element| element.document()).collect();
            }
            answer => return format!("{answer:?}"),
        }
    }
    let state = shown.split("<instanceState>").nth(1).unwrap();
    state
        .split("<name>")
        .nth(1)
        .unwrap()
        .split("</name>")
        .next()
        .unwrap()
        .to_owned()
}

/// Shares by a manifest; then the target launches the images in each Region.
async fn share_and_launch_in_every_region(manifest: &Path, images: [&str; 2]) {
    let stage = stage(images).await;
    for (region, image) in REGIONS.into_iter().zip(images) {
        assert!(launch(&stage, region, image).await.contains("AuthFailure"));
    }
    let inputs = [
        ("INPUT_PACKER-MANIFEST", manifest.to_str().unwrap()),
        ("INPUT_TARGET-ACCOUNTS", B),
    ];
    let run = stage.run_on_github(&inputs);
    assert_eq!(run.status, 0, "{}", run.log);
    let shared: Value = serde_json::from_str(&run.outputs["ami-ids"]).unwrap();
    let [eu, us] = images;
    assert_eq!(
        shared,
        json!({ B: { "eu-west-1": [eu], "us-east-1": [us] } })
    );
    for (region, image) in REGIONS.into_iter().zip(images) {
        assert_eq!(launch(&stage, region, image).await, "running", "{region}");
    }
    let before = stage.changes();
    assert_eq!(stage.run_on_github(&inputs).outputs["changed"], "false");
    assert_eq!(stage.changes(), before);
}

fn build(run: &str, builder: &str, artifact: String) -> Value {
    json!({ "builder_type": builder, "artifact_id": artifact, "packer_run_uuid": run })
}

#[tokio::test(flavor = "multi_thread")]
async fn images_of_the_last_run_are_shared_in_each_region() {
    let images = ["ami-0123456789abcdef0", "ami-fedcba98"];
    let both = format!("us-east-1:{}, eu-west-1:{}", images[1], images[0]);
    let manifest = json!({ "builds": [
        build("1", "amazon-ebs", "us-east-1:ami-11111111".to_owned()),
        build("2", "qemu", "VM".to_owned()),
        build("2", "amazon-ebssurrogate", both),
        build("2", "amazon-ebs", format!("us-east-1:{}", images[1])),
    ], "last_run_uuid": "2" });
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("a manifest.json");
    std::fs::write(&path, format!("\u{feff}{manifest:#}\r\n")).unwrap();
    share_and_launch_in_every_region(&path, images).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the corpus of real manifests, which is not part of the repository; .ci/run runs \
            it"]
async fn real_manifest_is_shared_from_end_to_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/packer-manifests");
    let manifest = folder.join("31-one-region-then-two-regions.json");
    share_and_launch_in_every_region(
        &manifest,
        ["ami-0bf0865d095294552", "ami-0885621e1fdadbd43"],
    )
    .await;
}

/// One message each, and no call to AWS.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_manifest_is_one_error() {
    let stage = Stage::set(1).await;
    let path = stage.path("packer-manifest.json");
    let assert_refused = |path: &Path, expected: &str| {
        let manifest = path.to_str().unwrap();
        let run = stage.run_on_github(&[
            ("INPUT_PACKER-MANIFEST", manifest),
            ("INPUT_TARGET-ACCOUNTS", B),
            ("AWS_REGION", ""),
        ]);
        let errors: Vec<&str> = run
            .log
            .lines()
            .filter(|line| line.starts_with("::error "))
            .collect();
        let expected =
            format!("::error title=packer-manifest::packer-manifest: `{manifest}`: {expected}");
        assert!(
            errors.len() == 1 && errors[0].starts_with(&expected),
            "{expected}\n{}",
            run.log
        );
        assert_eq!((run.status, stage.sim.journal().len()), (2, 0));
    };
    for (content, expected) in wrong_manifests() {
        std::fs::write(&path, content).unwrap();
        assert_refused(&path, expected);
    }
    assert_refused(
        &stage.path("not-there.json"),
        "there is no such file; give what `output` of Packer's",
    );
    assert_refused(stage.folder.path(), "it is no regular file");
}

/// Texts that are no manifest, or one without an AMI, and the start of the error of each.
fn wrong_manifests() -> Vec<(Vec<u8>, &'static str)> {
    let mut all = texts_that_are_no_manifest();
    all.extend(manifests_without_ami());
    all
}

/// A manifest whose last run made one artifact.
fn last_run(builder: &str, artifact: &str) -> String {
    let build = json!({ "builder_type": builder, "artifact_id": artifact, "packer_run_uuid": "1" });
    json!({ "builds": [build], "last_run_uuid": "1" }).to_string()
}

fn texts_that_are_no_manifest() -> Vec<(Vec<u8>, &'static str)> {
    let whole = last_run("amazon-ebs", "us-east-1:ami-11111111");
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(whole.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    vec![
        (vec![], "it is no Packer manifest: it is no JSON object"),
        (
            b"builds:\n- us-east-1:ami-11111111\n".to_vec(),
            "it is no Packer manifest: it is no JSON object",
        ),
        (
            b"[]".to_vec(),
            "it is no Packer manifest: it is no JSON object",
        ),
        (
            b"{}".to_vec(),
            "it does not say which run was the last (`last_run_uuid`)",
        ),
        (
            whole.replace("last_run", "first_run").into_bytes(),
            "it does not say which run was the last",
        ),
        (
            whole[..whole.len() - 1].into(),
            "it is no Packer manifest: EOF while parsing",
        ),
        (
            whole[..whole.len() / 2].into(),
            "it is no Packer manifest: EOF while parsing",
        ),
        (
            format!("{whole}{whole}").into_bytes(),
            "it is no Packer manifest: trailing characters",
        ),
        (
            br#"{"builds":{},"last_run_uuid":"1"}"#.to_vec(),
            "it is no Packer manifest: invalid type: map",
        ),
        (
            br#"{"builds":[],"last_run_uuid":1}"#.to_vec(),
            "it is no Packer manifest: invalid type: integer",
        ),
        (utf16, "it is no Packer manifest: it is not UTF-8 text"),
        (vec![b' '; 17 << 20], "it is larger than 16 MiB"),
    ]
}

fn manifests_without_ami() -> Vec<(Vec<u8>, &'static str)> {
    let whole = last_run("amazon-ebs", "us-east-1:ami-11111111");
    vec![
        (
            br#"{"builds":null,"last_run_uuid":"1"}"#.to_vec(),
            "it holds no build of its last run, 1",
        ),
        (
            whole
                .replace(r#"last_run_uuid":"1"#, r#"last_run_uuid":"2"#)
                .into_bytes(),
            "it holds no build of its last run, 2",
        ),
        (
            last_run("docker", "sha256:1").into_bytes(),
            "its last run made no AMI; what it made is of docker",
        ),
        (
            last_run("amazon-ebsvolume", "us-east-1:vol-11111111").into_bytes(),
            "its last run made no AMI",
        ),
        (
            last_run("amazon-ebs", "").into_bytes(),
            "its last run made no AMI; what it made is of amazon-ebs",
        ),
        (
            last_run("amazon-ebs", "ami-11111111").into_bytes(),
            "its artifact `ami-11111111` is not `region:ami-…`",
        ),
        (
            last_run("amazon-chroot", "x:ami-11111111").into_bytes(),
            "its artifact `x:ami-11111111` is not `region:ami-…`",
        ),
        (
            last_run("amazon-instance", "us-east-1:ami-1").into_bytes(),
            "its artifact `us-east-1:ami-1` is not `region:ami-…`",
        ),
    ]
}
