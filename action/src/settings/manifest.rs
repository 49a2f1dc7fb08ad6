//! The AMIs of a Packer manifest's last run.

use std::collections::BTreeSet;
use std::path::Path;

use ami_share::id::AmiRef;
use ami_share::{AmiId, Region};
use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::files;
use crate::inputs::shorten;

/// A thousand runs in ten Regions are half a megabyte.
const LARGEST_FILE: u64 = 16 << 20;

const NO_MANIFEST: &str = "it is no Packer manifest";

/// A manifest as Packer's post-processor of that name writes it: each run adds its builds to
/// `builds`. Other members, such as `custom_data`, do not matter here.
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
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<(Region, AmiId)>> {
    if !path.exists() {
        bail!(
            "there is no such file{}; give what `output` of Packer's post-processor `manifest` \
             names, by its path from there. One that another job made must be downloaded first",
            place_of(path)
        );
    }
    let bytes = files::read(path, LARGEST_FILE)?;
    let Ok(text) = String::from_utf8(bytes) else {
        bail!("{NO_MANIFEST}: it is not UTF-8 text");
    };
    // Editors and shells of Windows put a mark before the text.
    images(text.strip_prefix('\u{feff}').unwrap_or(&text))
}

/// The directory that a path counts from.
fn place_of(path: &Path) -> String {
    match std::env::current_dir() {
        Ok(directory) if path.is_relative() => {
            format!(" in `{}`, where this step runs", directory.display())
        }
        _ => String::new(),
    }
}

/// The images of a manifest's text.
pub(crate) fn images(text: &str) -> anyhow::Result<Vec<(Region, AmiId)>> {
    if !text.trim_start().starts_with('{') {
        bail!("{NO_MANIFEST}: it is no JSON object");
    }
    let manifest: Manifest = serde_json::from_str(text).context(NO_MANIFEST)?;
    let builds = last_run(manifest)?;
    let mut images = Vec::new();
    let mut seen = BTreeSet::new();
    for build in &builds {
        for image in images_of(build)? {
            if seen.insert(image.clone()) {
                images.push(image);
            }
        }
    }
    if images.is_empty() {
        let builders: BTreeSet<&str> = builds
            .iter()
            .filter_map(|build| build.builder_type.as_deref())
            .collect();
        let builders: Vec<&str> = builders.into_iter().collect();
        let builders = shorten(&builders.join(", "));
        bail!("its last run made no AMI; what it made is of {builders}");
    }
    Ok(images)
}

/// The builds of the last run.
fn last_run(manifest: Manifest) -> anyhow::Result<Vec<Build>> {
    let last_run = manifest
        .last_run_uuid
        .filter(|uuid| !uuid.is_empty())
        .context("it does not say which run was the last (`last_run_uuid`)")?;
    let mut builds = manifest.builds.unwrap_or_default();
    builds.retain(|build| build.packer_run_uuid.as_deref() == Some(&last_run));
    if builds.is_empty() {
        bail!("it holds no build of its last run, {}", shorten(&last_run));
    }
    Ok(builds)
}

/// The images of a build. Its artifact is a list of them; other builders' artifacts never have this
/// form, but importers of other builders' images do.
fn images_of(build: &Build) -> anyhow::Result<Vec<(Region, AmiId)>> {
    let builder = build.builder_type.as_deref().unwrap_or_default();
    let artifact = build.artifact_id.as_deref().unwrap_or_default();
    let mut images = Vec::new();
    for part in artifact.split(|c: char| c == ',' || c.is_whitespace()) {
        if let Ok(AmiRef {
            region: Some(region),
            ami,
        }) = part.parse()
        {
            images.push((region, ami));
        } else if builder.starts_with("amazon") && part.contains("ami-") {
            bail!("its artifact `{}` is not `region:ami-…`", shorten(part));
        }
    }
    Ok(images)
}

#[cfg(test)]
mod tests;
