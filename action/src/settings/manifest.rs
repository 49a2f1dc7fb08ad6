//! The AMIs of a Packer manifest's last run.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use ami_share::id::AmiRef;
use ami_share::{AmiId, Region};
use serde::Deserialize;

use crate::inputs::shown;

/// A thousand runs in ten Regions are half a megabyte.
const LARGEST: u64 = 16 << 20;

/// A manifest as Packer's post-processor of that name writes it; it adds a build to `builds` for
/// each run. Whatever else stands there, such as `custom_data`, is nobody's business here.
#[derive(Deserialize)]
struct Manifest {
    builds: Option<Vec<Build>>,
    last_run_uuid: Option<String>,
}

#[derive(Deserialize)]
struct Build {
    builder_type: Option<String>,
    artifact_id: Option<String>,
    packer_run_uuid: Option<String>,
}

/// The images of the file, in order.
pub(super) fn read(path: &Path) -> Result<Vec<(Region, AmiId)>, String> {
    let unreadable = |error| format!("it cannot be read: {error}");
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    let text =
        String::from_utf8(bytes).map_err(|_not_text| no_manifest(&"it is not UTF-8 text"))?;
    // Editors and shells of Windows put a mark before the text.
    images(text.strip_prefix('\u{feff}').unwrap_or(&text))
}

fn no_manifest(why: &dyn std::fmt::Display) -> String {
    format!("it is no Packer manifest: {why}")
}

fn images(text: &str) -> Result<Vec<(Region, AmiId)>, String> {
    if !text.trim_start().starts_with('{') {
        return Err(no_manifest(&"it is no JSON object"));
    }
    let manifest: Manifest = serde_json::from_str(text).map_err(|error| no_manifest(&error))?;
    let Some(last_run) = manifest.last_run_uuid.filter(|uuid| !uuid.is_empty()) else {
        return Err("it does not say which run was the last (`last_run_uuid`)".to_owned());
    };
    let builds = manifest.builds.unwrap_or_default();
    let last: Vec<&Build> = builds
        .iter()
        .filter(|build| build.packer_run_uuid.as_deref() == Some(&last_run))
        .collect();
    if last.is_empty() {
        return Err(format!(
            "it holds no build of its last run, {}",
            shown(&last_run)
        ));
    }
    let mut seen = BTreeSet::new();
    let mut images = Vec::new();
    for build in &last {
        let by_amazon = build
            .builder_type
            .as_deref()
            .is_some_and(|builder| builder.starts_with("amazon"));
        let artifacts = build.artifact_id.as_deref().unwrap_or_default();
        let artifacts = artifacts.split(|c: char| c == ',' || c.is_whitespace());
        for artifact in artifacts.filter(|artifact| !artifact.is_empty()) {
            // Other builders' artifacts never have this form; importers of other builders' images
            // do.
            if let Ok(AmiRef {
                region: Some(region),
                ami,
            }) = artifact.parse()
            {
                images.extend(
                    seen.insert((region.clone(), ami.clone()))
                        .then_some((region, ami)),
                );
            } else if by_amazon && artifact.contains("ami-") {
                return Err(format!(
                    "its artifact `{}` is not `region:ami-…`",
                    shown(artifact)
                ));
            }
        }
    }
    if images.is_empty() {
        let builders: BTreeSet<&str> = last
            .iter()
            .filter_map(|build| build.builder_type.as_deref())
            .collect();
        let builders = builders.into_iter().collect::<Vec<_>>().join(", ");
        return Err(format!(
            "its last run made no AMI; what it made is of {}",
            shown(&builders)
        ));
    }
    Ok(images)
}

#[cfg(test)]
mod tests;
