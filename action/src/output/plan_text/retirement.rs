//! The steps that retire images.

use ami_share::plan::{
    AwaitGrace, DeprecateNow, DeregisterImage, DisableImage, ForgetDisabled, GroupImage, NextStep,
    NoteDisabled,
};

use crate::output::ending::count;

fn name(image: &GroupImage) -> String {
    format!("{} ({}) in {}", image.image, image.name, image.region)
}

pub(super) fn deprecate(step: &DeprecateNow) -> String {
    let instead = match &step.previous {
        Some(previous) => format!(", instead of at {previous}"),
        None => String::new(),
    };
    format!(
        "~ deprecation of {} from now on{instead}",
        name(&step.image)
    )
}

pub(super) fn await_grace(step: &AwaitGrace) -> String {
    let what = match step.next {
        NextStep::Deregister => "is disabled; it is deregistered",
        _ => "is deprecated; it is taken from everybody and disabled",
    };
    format!(
        "= {} {what} by a run after {}",
        name(&step.image),
        step.until
    )
}

pub(super) fn disable(step: &DisableImage) -> String {
    format!("- use of {} by anybody: it is disabled", name(&step.image))
}

pub(super) fn note(step: &NoteDisabled) -> String {
    format!("~ tag of {}: it is disabled from now on", name(&step.image))
}

pub(super) fn forget(step: &ForgetDisabled) -> String {
    let image = name(&step.image);
    format!("~ tag of {image}: it is no longer disabled")
}

pub(super) fn deregister(step: &DeregisterImage) -> String {
    let snapshots = count(step.snapshots.len(), "snapshot");
    let (image, since) = (name(&step.image), &step.disabled_since);
    format!("- {image} with {snapshots}, disabled since {since}: it is deregistered")
}
