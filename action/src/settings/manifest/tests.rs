use serde_json::{Value, json};

use super::*;

fn text(images: &[(Region, AmiId)]) -> Vec<String> {
    images
        .iter()
        .map(|(region, ami)| format!("{region}:{ami}"))
        .collect()
}

/// Builds of a last run, as builder and artifact.
fn last_run(builds: &[(&str, &str)]) -> String {
    let mut list = Vec::new();
    for (builder, artifact) in builds {
        list.push(json!({
            "builder_type": builder,
            "artifact_id": artifact,
            "packer_run_uuid": "2",
        }));
    }
    json!({ "builds": list, "last_run_uuid": "2" }).to_string()
}

#[test]
fn last_run_counts_with_every_region_of_each_build() {
    let build = |run: &str, builder: &str, artifact: &str| {
        json!({
            "name": "golden",
            "builder_type": builder,
            "build_time": 1,
            "files": null,
            "artifact_id": artifact,
            "packer_run_uuid": run,
            "custom_data": { "ami": "us-east-1:ami-99999999" },
        })
    };
    let manifest = json!({ "builds": [
        build("2", "amazon-ebs", "us-east-1:ami-22222222,eu-west-1:ami-33333333"),
        build("1", "amazon-ebs", "us-east-1:ami-11111111"),
        build("2", "googlecompute", "golden"),
        build("2", "alicloud-ecs", "us-east-1:m-0xi15a442"),
        build("3", "amazon-ebs", "us-east-1:ami-11111112"),
        // An importer gives an AMI to what another builder made.
        build("2", "virtualbox-iso", "us-west-2:ami-44444444"),
        build("2", "amazon-ebs", "us-east-1:ami-22222222"),
    ], "last_run_uuid": "2" });
    let expected = [
        "us-east-1:ami-22222222",
        "eu-west-1:ami-33333333",
        "us-west-2:ami-44444444",
    ];
    assert_eq!(text(&images(&manifest.to_string()).unwrap()), expected);
}

#[test]
fn artifacts_of_amazon_builders_count_in_every_spelling() {
    let (one, two) = (
        "us-east-1:ami-11111111",
        "us-gov-west-1:ami-0123456789abcdef0",
    );
    for builder in [
        "amazon-ebs",
        "amazon-ebssurrogate",
        "amazon-chroot",
        "amazon-instance",
    ] {
        assert_eq!(
            text(&images(&last_run(&[(builder, one)])).unwrap()),
            [one],
            "{builder}"
        );
    }
    for artifact in [
        format!("{one},{two}"),
        format!("{one}, {two}"),
        format!(" {one} ,\t{two}\n"),
        format!("{one} {two}"),
        format!("{one},,{two},"),
    ] {
        assert_eq!(
            text(&images(&last_run(&[("amazon-ebs", &artifact)])).unwrap()),
            [one, two],
            "{artifact:?}"
        );
    }
    // Volumes and snapshots are no images, whether there are images too or not.
    let volumes = [
        (
            "amazon-ebsvolume",
            "us-east-1:vol-22222222,us-east-1:snap-22222222",
        ),
        ("amazon-ebs", one),
    ];
    assert_eq!(text(&images(&last_run(&volumes)).unwrap()), [one]);
    let error = images(&last_run(&volumes[..1])).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("made no AMI; what it made is of amazon-ebsvolume")
    );
}

#[test]
fn unknown_and_missing_members_do_no_harm() {
    let one = "us-east-1:ami-11111111";
    for (member, value) in [
        ("custom_data", json!(null)),
        ("custom_data", json!({ "a": { "b": [1, "2"] } })),
        ("files", json!([{ "name": "a", "size": 1 }])),
        ("later", json!([])),
    ] {
        let mut manifest: Value = serde_json::from_str(&last_run(&[("amazon-ebs", one)])).unwrap();
        manifest["builds"][0][member] = value.clone();
        manifest[member] = value;
        manifest["builds"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "packer_run_uuid": null, "artifact_id": null }));
        assert_eq!(
            text(&images(&manifest.to_string()).unwrap()),
            [one],
            "{manifest}"
        );
    }
}

#[test]
fn thousand_runs_give_only_the_last() {
    let mut builds = Vec::new();
    for n in 0..1000 {
        builds.push(json!({
            "builder_type": "amazon-ebs",
            "artifact_id": format!("us-east-1:ami-{n:08x}"),
            "packer_run_uuid": n.to_string(),
        }));
    }
    let manifest = json!({ "builds": builds, "last_run_uuid": "999" });
    assert_eq!(
        text(&images(&manifest.to_string()).unwrap()),
        ["us-east-1:ami-000003e7"]
    );
}

/// The first characters of the file's name, and the images of its last run; none where that made no
/// AMI.
const REAL: [(&str, &str); 17] = [
    (
        "01",
        "us-east-1:ami-aaaaaaaaaaaaaaaaa us-east-2:ami-bbbbbbbbbbbbbbbbb \
         us-west-1:ami-ccccccccccccccccc \
         us-west-2:ami-ddddddddddddddddd",
    ),
    (
        "03",
        "ap-northeast-1:ami-01a90f48799ea887a ap-northeast-2:ami-0f4c51f4c181fc71b \
         ap-south-1:ami-05a9b1846d80e118f \
         ap-southeast-1:ami-0fde9a5cbda026656 ap-southeast-2:ami-00cf034eb64f73394 \
         us-east-1:ami-0545120bb80d14a28 us-east-2:ami-0b070436c1c7e498d \
         us-west-1:ami-0b775a701e2fcb5c4 us-west-2:ami-01ec95f8e8a83dde8",
    ),
    (
        "05",
        "us-east-1:ami-08dad9d027052dabf us-east-2:ami-0328e28c48ec4200a",
    ),
    ("07", "us-west-2:ami-0aee8bac10830769b"),
    ("09", "us-west-2:ami-080bad7aa7a9f88ac"),
    ("11", "eu-west-1:ami-fa43559c"),
    ("13", "eu-west-1:ami-04d574787c52b9b4b"),
    (
        "15",
        "us-west-2:ami-0a64ccfbc32ce7551 us-east-1:ami-0b8bd1b0df1dedb24 \
         us-west-1:ami-0292dda826a16b860",
    ),
    ("17", "us-east-1:ami-0572f4b3531045f8c"),
    ("19", ""),
    ("21", ""),
    ("23", ""),
    ("25", ""),
    ("27", ""),
    ("29", "us-east-1:ami-0d50cb6686f9f56fa"),
    (
        "31",
        "eu-west-1:ami-0bf0865d095294552 us-east-1:ami-0885621e1fdadbd43",
    ),
    ("33", ""),
];

#[test]
#[ignore = "needs the corpus of real manifests, which is not part of the repository; .ci/run runs \
            it"]
fn real_manifests_give_the_right_images() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/packer-manifests");
    let is_manifest =
        |path: &std::path::PathBuf| path.extension().is_some_and(|kind| kind == "json");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(is_manifest).collect();
    files.sort();
    assert_eq!(files.len(), REAL.len());
    for (path, (number, expected)) in files.iter().zip(REAL) {
        assert!(
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(number),
            "{}",
            path.display()
        );
        match read(path) {
            Ok(images) => assert_eq!(text(&images).join(" "), expected, "{number}"),
            Err(error) => assert!(
                expected.is_empty() && error.to_string().contains("made no AMI"),
                "{number}: {error}"
            ),
        }
    }
}
