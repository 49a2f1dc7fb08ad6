//! What became of the images of a retirement.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Event, Report};
use crate::id::AmiId;
use crate::plan::{
    AwaitGrace, GroupImage, KeptBecause, KeptImage, NextStep, RetirementState, Step,
};

/// An image of a group of a retirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RetiredImage {
    /// The image, and how far its retirement is.
    #[serde(flatten)]
    pub image: GroupImage,
    /// How far it was before the run.
    pub before: RetirementState,
    /// Why it stays as it is, if it does.
    pub because: Option<KeptBecause>,
    /// What is next with it, if that has to wait.
    pub next: Option<NextStep>,
    /// From when on, in RFC 3339.
    pub until: Option<String>,
    /// Whether this run has changed it.
    pub changed: bool,
}

impl RetiredImage {
    fn new(image: &GroupImage) -> Self {
        Self {
            image: image.clone(),
            before: image.state,
            because: None,
            next: None,
            until: None,
            changed: false,
        }
    }
}

impl Report {
    /// Adds an image that stays.
    pub(super) fn record_kept(&mut self, kept: &KeptImage) {
        self.retired.push(RetiredImage {
            because: Some(kept.because),
            ..RetiredImage::new(&kept.image)
        });
    }

    /// Adds an image that a step is about.
    pub(super) fn record_retired(&mut self, step: &Step) {
        let retired = match step {
            Step::DeprecateNow(step) => RetiredImage::new(&step.image),
            Step::DisableImage(step) => RetiredImage::new(&step.image),
            Step::NoteDisabled(step) => RetiredImage::new(&step.image),
            Step::DeregisterImage(step) => RetiredImage::new(&step.image),
            Step::AwaitGrace(AwaitGrace { image, next, until }) => RetiredImage {
                next: Some(*next),
                until: Some(until.clone()),
                ..RetiredImage::new(image)
            },
            _ => return,
        };
        self.retired.push(retired);
    }

    /// Adds what an event says of an image.
    pub(super) fn record_retirement(&mut self, event: &Event) {
        match event {
            Event::Deprecated { image, .. } => {
                self.set_retired(image, Some(RetirementState::Deprecated));
            }
            Event::ImageDisabled { image, .. } => {
                self.set_retired(image, Some(RetirementState::Disabled));
            }
            Event::ImageDeregistered { image, .. } => {
                self.set_retired(image, Some(RetirementState::Deregistered));
            }
            Event::DisabledNoted { image, .. } | Event::DisabledForgotten { image, .. } => {
                self.set_retired(image, None);
            }
            _ => {}
        }
    }

    fn set_retired(&mut self, image: &AmiId, state: Option<RetirementState>) {
        for retired in &mut self.retired {
            if &retired.image.image == image {
                retired.changed = true;
                retired.image.state = state.unwrap_or(retired.image.state);
            }
        }
    }
}
