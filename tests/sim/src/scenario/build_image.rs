//! The images of a scenario, and the snapshots behind them.

use std::time::Duration;

use super::build::Builder;
use super::spec::{ImageSpec, ImageStateSpec};
use crate::world::{
    Fate, Hardware, Image, ImageState, Mapping, Protection, Shared, Snapshot, Watermark, hex,
};

impl Builder<'_> {
    pub(super) fn add_image(&mut self, spec: &ImageSpec) {
        let region = spec
            .region
            .as_ref()
            .unwrap_or(&self.scenario.region)
            .clone();
        let copy_time = self.options.copy_time;
        let fate = spec
            .building
            .then(|| Fate::success(Duration::ZERO, copy_time));
        let mappings = self.add_snapshots(spec, &region, fate.as_ref());
        let mut image = Image {
            id: image_id(spec, &region),
            name: spec.name.clone(),
            owner: spec.account.clone(),
            region,
            state: image_state(spec),
            fate,
            root_device_type: "ebs".to_owned(),
            root_device: "/dev/xvda".to_owned(),
            product_codes: spec.product_codes.clone(),
            tags: [(spec.account.clone(), spec.tags.clone())].into(),
            launch_permissions: shared(&spec.shared_with),
            architecture: architecture(spec),
            hardware: hardware(spec),
            ..Image::default()
        };
        if spec.volumes.is_empty() {
            "instance-store".clone_into(&mut image.root_device_type);
        }
        if let Some(root) = mappings.first() {
            image.root_device.clone_from(&root.device);
        }
        image.mappings = mappings;
        if image.state == ImageState::Failed {
            let reason = "Copy image failed with an internal error";
            image.state_reason = Some(reason.to_owned());
        }
        for key in &spec.watermarks {
            image.watermarks.push(Watermark {
                key: key.clone(),
                region: image.region.clone(),
                source_image: image.id.clone(),
                ..Watermark::default()
            });
        }
        if spec.protected {
            image.protection = Protection::On { cooldown: false };
        }
        self.facts
            .images
            .insert(spec.name.clone(), image.id.clone());
        self.world.images.insert(image.id.clone(), image);
    }

    /// Adds the snapshots of an image. Returns its block device mapping.
    fn add_snapshots(
        &mut self,
        spec: &ImageSpec,
        region: &str,
        fate: Option<&Fate>,
    ) -> Vec<Mapping> {
        let mut mappings = Vec::new();
        for (index, key) in spec.volumes.iter().enumerate() {
            let key = match key.as_deref() {
                None => None,
                Some("aws/ebs") => self.world.find_key("alias/aws/ebs", &spec.account, region),
                Some(name) => self.facts.keys.get(name).cloned(),
            };
            let mut snapshot = snapshot(spec, region, index, fate);
            snapshot.key = key;
            let letter = b'a' + u8::try_from(index % 26).unwrap_or(0);
            let device = format!("/dev/xvd{}", char::from(letter));
            mappings.push(Mapping::of_snapshot(device, snapshot.id.clone(), "gp3"));
            self.world.snapshots.insert(snapshot.id.clone(), snapshot);
        }
        for (index, volume) in spec.empty_volumes.iter().enumerate() {
            let letter = b'p' + u8::try_from(index % 10).unwrap_or(0);
            let device = format!("/dev/xvd{}", char::from(letter));
            mappings.push(Mapping {
                encrypted: volume.encrypted,
                ..Mapping::empty(device, volume.size, !volume.stays)
            });
        }
        for index in 0..spec.ephemeral {
            let (device, name) = (format!("/dev/sd{index}"), format!("ephemeral{index}"));
            mappings.push(Mapping::ephemeral(device, name));
        }
        mappings
    }
}

fn architecture(spec: &ImageSpec) -> String {
    let architecture = spec.machine.architecture.as_deref();
    architecture.unwrap_or("x86_64").to_owned()
}

fn hardware(spec: &ImageSpec) -> Hardware {
    let (machine, usual) = (&spec.machine, Hardware::default());
    Hardware {
        ena: !machine.without_ena,
        boot_mode: machine.boot_mode.clone(),
        virtualization: machine
            .virtualization
            .clone()
            .unwrap_or(usual.virtualization),
        tpm: machine.tpm.then(|| "v2.0".to_owned()),
        supported: machine.supported_types.clone(),
        unsupported: machine.unsupported_types.clone(),
    }
}

/// An ID of the form of AWS's, which a text decides: it is the same in every run.
fn id(prefix: &str, text: &str) -> String {
    format!("{prefix}-0{}", hex(text, 16))
}

fn image_id(spec: &ImageSpec, region: &str) -> String {
    let text = format!("image {} {region} {}", spec.account, spec.name);
    id("ami", &text)
}

fn image_state(spec: &ImageSpec) -> ImageState {
    if spec.building {
        return ImageState::Pending;
    }
    match spec.state {
        ImageStateSpec::Available => ImageState::Available,
        ImageStateSpec::Failed => ImageState::Failed,
        ImageStateSpec::Disabled => ImageState::Disabled,
    }
}

fn snapshot(spec: &ImageSpec, region: &str, index: usize, fate: Option<&Fate>) -> Snapshot {
    let text = format!("{} {region} {} {index}", spec.account, spec.name);
    let mut snapshot = Snapshot {
        id: id("snap", &format!("snapshot {text}")),
        owner: spec.account.clone(),
        region: region.to_owned(),
        state: "completed",
        progress: 100,
        volume: id("vol", &format!("volume {text}")),
        size: spec.size.unwrap_or(8),
        completed: Some(Duration::ZERO),
        archived: spec.archived,
        lock: None,
        tags: [(spec.account.clone(), spec.tags.clone())].into(),
        create_volume_permissions: shared(&spec.snapshots_shared_with),
        ..Snapshot::default()
    };
    if let Some(fate) = fate {
        (snapshot.state, snapshot.progress) = ("pending", 0);
        snapshot.completed = None;
        snapshot.fate = Some(fate.clone());
    }
    snapshot
}

fn shared(names: &[String]) -> Shared {
    let mut shared = Shared::default();
    for name in names {
        shared.insert(name.clone());
    }
    shared
}
