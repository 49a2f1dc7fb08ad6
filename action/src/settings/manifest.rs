//! The AMIs of a Packer manifest's last run.

use std::collections::BTreeSet;
use std::path::Path;

use ami_share::{AmiId, AmiRef, Region};
use serde::Deserialize;

use crate::input::shown;

/// A manifest as Packer's post-processor of that name writes it; it adds a build to `builds` for each run.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    builds: Vec<Build>,
    #[serde(default)]
    last_run_uuid: String,
}

#[derive(Deserialize)]
struct Build {
    #[serde(default)]
    builder_type: String,
    #[serde(default)]
    artifact_id: String,
    #[serde(default)]
    packer_run_uuid: String,
}

/// The images of the file, in order.
pub(super) fn read(path: &Path) -> Result<Vec<(Region, AmiId)>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}"))?;
    images(&text)
}

fn images(text: &str) -> Result<Vec<(Region, AmiId)>, String> {
    let no_manifest = |why: &dyn std::fmt::Display| format!("it is no Packer manifest: {why}");
    if !text.trim_start().starts_with('{') {
        return Err(no_manifest(&"it is no JSON object"));
    }
    let manifest: Manifest = serde_json::from_str(text).map_err(|error| no_manifest(&error))?;
    if manifest.last_run_uuid.is_empty() {
        return Err("it does not say which run was the last (`last_run_uuid`)".to_owned());
    }
    let last: Vec<&Build> =
        manifest.builds.iter().filter(|build| build.packer_run_uuid == manifest.last_run_uuid).collect();
    if last.is_empty() {
        return Err(format!("it holds no build of its last run, {}", shown(&manifest.last_run_uuid)));
    }
    let mut seen = BTreeSet::new();
    let mut images = Vec::new();
    for build in &last {
        for artifact in build.artifact_id.split(',').map(str::trim).filter(|artifact| !artifact.is_empty()) {
            // Other builders' artifacts never have this form; importers of other builders' images do.
            if let Ok(AmiRef { region: Some(region), ami }) = artifact.parse() {
                images.extend(seen.insert((region.clone(), ami.clone())).then_some((region, ami)));
            } else if build.builder_type.starts_with("amazon") && artifact.contains(":ami-") {
                return Err(format!("its artifact `{}` is not `region:ami-…`", shown(artifact)));
            }
        }
    }
    if images.is_empty() {
        let builders: BTreeSet<&str> = last.iter().map(|build| build.builder_type.as_str()).collect();
        let builders = builders.into_iter().collect::<Vec<_>>().join(", ");
        return Err(format!("its last run made no AMI: its builders were {}", shown(&builders)));
    }
    Ok(images)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(images: &[(Region, AmiId)]) -> Vec<String> {
        images.iter().map(|(region, ami)| format!("{region}:{ami}")).collect()
    }

    #[test]
    fn the_last_run_counts_with_every_region_of_each_build() {
        let manifest = r#"{"builds":[
            {"builder_type":"amazon-ebs","artifact_id":"us-east-1:ami-11111111","packer_run_uuid":"1"},
            {"builder_type":"googlecompute","artifact_id":"golden","packer_run_uuid":"2"},
            {"builder_type":"alicloud-ecs","artifact_id":"us-east-1:m-0xi15a442","packer_run_uuid":"2"},
            {"builder_type":"amazon-ebs","artifact_id":"us-east-1:ami-22222222,eu-west-1:ami-33333333","packer_run_uuid":"2"},
            {"builder_type":"amazon-ebsvolume","artifact_id":"us-east-1:vol-22222222","packer_run_uuid":"2"},
            {"builder_type":"virtualbox-iso","artifact_id":"us-west-2:ami-44444444","packer_run_uuid":"2"},
            {"builder_type":"amazon-ebs","artifact_id":"us-east-1:ami-22222222","packer_run_uuid":"2"}
        ],"last_run_uuid":"2"}"#;
        let expected = ["us-east-1:ami-22222222", "eu-west-1:ami-33333333", "us-west-2:ami-44444444"];
        assert_eq!(text(&images(manifest).unwrap()), expected);
    }

    #[test]
    fn a_thousand_runs_are_no_more_than_one() {
        let build = |n: u32| {
            format!(r#"{{"builder_type":"amazon-ebs","artifact_id":"us-east-1:ami-{n:08x}","packer_run_uuid":"{n}"}}"#)
        };
        let builds: Vec<String> = (0..1000).map(build).collect();
        let manifest = format!(r#"{{"builds":[{}],"last_run_uuid":"999"}}"#, builds.join(","));
        assert_eq!(text(&images(&manifest).unwrap()), ["us-east-1:ami-000003e7"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let table = [
            ("", "no Packer manifest"),
            (r#"{"builds":[{"builder_type":"amazon-e"#, "no Packer manifest"),
            ("[]", "no Packer manifest"),
            (r#"{"builds":[]}"#, "last_run_uuid"),
            (r#"{"builds":[],"last_run_uuid":"1"}"#, "no build of its last run"),
            (
                r#"{"builds":[{"builder_type":"docker","artifact_id":"sha256:1","packer_run_uuid":"1"}],"last_run_uuid":"1"}"#,
                "made no AMI: its builders were docker",
            ),
            (
                r#"{"builds":[{"builder_type":"amazon-ebs","artifact_id":"x:ami-1","packer_run_uuid":"1"}],"last_run_uuid":"1"}"#,
                "`x:ami-1` is not",
            ),
        ];
        for (manifest, expected) in table {
            let problem = images(manifest).unwrap_err();
            assert!(problem.contains(expected), "{manifest}: {problem}");
        }
    }

    #[test]
    #[ignore = "needs the corpus of real manifests, which is not part of the repository; .ci/run runs it"]
    fn real_manifests_give_the_right_images() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/packer-manifests");
        // The first characters of the file's name, and how many images: of the last run, in every Region.
        let table = [
            ("01", 4),
            ("03", 9),
            ("05", 2),
            ("07", 1),
            ("09", 1),
            ("11", 1),
            ("13", 1),
            ("15", 3),
            ("17", 1),
            ("19", 0),
            ("21", 0),
            ("23", 0),
            ("25", 0),
            ("27", 0),
            ("29", 1),
            ("31", 2),
            ("33", 0),
        ];
        for (number, expected) in table {
            let mut files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
            let named = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(number);
            let path = files.find(named).unwrap();
            let found = read(&path);
            match expected {
                0 => assert!(found.unwrap_err().contains("made no AMI"), "{number}"),
                count => assert_eq!(found.unwrap().len(), count, "{number}"),
            }
        }
    }
}
