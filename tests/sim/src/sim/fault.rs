//! Ordered faults: what goes wrong with which call.

use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::wire::Call;
use crate::world::ImageState;

/// Stands for every operation.
pub(super) const EVERY: &str = "*";

/// One ordered fault.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fault {
    /// Such as `ec2:CopyImage`, `kms:*` for every call of a service, or `*` for every call.
    pub operation: String,
    /// Which of the calls that fit: 1 is the first. Without it, every call.
    #[serde(default)]
    pub call: Option<u32>,
    /// Only calls of this account.
    #[serde(default)]
    pub account: Option<String>,
    /// Only calls to this Region.
    #[serde(default)]
    pub region: Option<String>,
    /// Only calls of which a parameter contains this, such as the ID of an image.
    #[serde(default)]
    pub naming: Option<String>,
    /// What goes wrong.
    pub effect: Effect,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Effect {
    /// The call is answered with this error and does nothing.
    Error {
        /// HTTP status.
        status: u16,
        /// AWS's error code.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// The call is throttled, in the words of its service.
    Throttle,
    /// The call takes effect, and its answer is lost with the connection.
    LostAnswer,
    /// The connection drops before the call takes effect.
    Drop,
    /// The call takes longer by this time.
    Delay {
        /// Seconds.
        seconds: f64,
    },
    /// A read answers what was there this long ago: a key policy, new images and their states,
    /// whom an image or a snapshot is shared with.
    Stale {
        /// Seconds.
        seconds: f64,
    },
    /// The copy that the call starts will fail with this reason.
    FailCopy {
        /// The image's `StateReason`, or the snapshot's `StateMessage`.
        message: String,
        /// The state that the image ends in.
        #[serde(default)]
        state: FailedState,
    },
    /// The call takes effect, and its answer has another value in some place, or none: as an AWS
    /// would answer that has something new to say.
    Answer {
        /// The names of the members that lead there, or the last of them, such as `item/kmsKeyId`.
        /// Every place that fits is meant. Lists of JSON have no name.
        path: String,
        /// The new value. Without it, the member is missing.
        #[serde(default)]
        value: Option<Value>,
    },
    /// The copy that the call starts takes this long.
    CopyTime {
        /// Seconds.
        seconds: f64,
    },
}

/// The states in which an image may end that does not become available.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailedState {
    /// `failed`.
    #[default]
    Failed,
    /// `invalid`.
    Invalid,
    /// `error`.
    Error,
}

impl From<FailedState> for ImageState {
    fn from(state: FailedState) -> Self {
        match state {
            FailedState::Failed => Self::Failed,
            FailedState::Invalid => Self::Invalid,
            FailedState::Error => Self::Error,
        }
    }
}

/// All ordered faults, with how many calls each has seen.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<(Fault, u32)>>);

impl Faults {
    /// Adds a fault.
    pub(crate) fn add(&self, fault: Fault) {
        self.0.lock().push((fault, 0));
    }

    /// What goes wrong with a call that is made now.
    pub(crate) fn take(&self, call: &Call, account: &str) -> Option<Effect> {
        let mut faults = self.0.lock();
        let mut effect = None;
        for (fault, calls) in faults.iter_mut() {
            if !fault.fits(call, account) {
                continue;
            }
            *calls += 1;
            if effect.is_none() && fault.call.is_none_or(|call| call == *calls) {
                effect = Some(fault.effect.clone());
            }
        }
        effect
    }
}

impl Fault {
    fn fits(&self, call: &Call, account: &str) -> bool {
        self.fits_operation(call)
            && self.account.as_deref().is_none_or(|only| only == account)
            && self
                .region
                .as_deref()
                .is_none_or(|only| only == call.region)
            && self
                .naming
                .as_deref()
                .is_none_or(|text| call.params.contain(text))
    }

    fn fits_operation(&self, call: &Call) -> bool {
        match self.operation.split_once(':') {
            None => self.operation == EVERY,
            Some((service, operation)) => {
                service == call.service.prefix()
                    && (operation == EVERY || operation == call.operation)
            }
        }
    }
}
