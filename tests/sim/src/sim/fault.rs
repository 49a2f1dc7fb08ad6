//! Faults on order: what goes wrong with which call.

use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::json_file;
use crate::options::{Delays, Options, duration};
use crate::wire::Service;
use crate::world::ImageState;

/// A fault file, for its schema: orders, or an object that also says how the whole behaves.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "files are read one form at a time: see `parse`")]
pub(crate) enum FaultFile {
    /// Orders alone.
    Orders(Vec<Fault>),
    /// Everything.
    Whole(Conditions),
}

/// What makes a simulation worse than a perfect one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct Conditions {
    /// What goes wrong with which call.
    pub(crate) faults: Vec<Fault>,
    /// How long changes take to be in force.
    pub(crate) delays: Delays,
    /// Whether calls are throttled, by token buckets of the documented sizes.
    pub(crate) throttling: bool,
    /// Whether AWS's adjustable quotas hold.
    pub(crate) quotas: bool,
}

impl Conditions {
    /// Puts into the options what holds for the whole simulation.
    pub(crate) fn apply(&self, options: &mut Options) {
        options.delays = self.delays.clone();
        (options.throttling, options.quotas) = (self.throttling, self.quotas);
    }
}

/// One order.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fault {
    /// Such as `ec2:CopyImage`.
    pub operation: String,
    /// Which of the calls that fit: 1 is the first. Without it, every one.
    #[serde(default)]
    pub call: Option<u32>,
    /// Only calls of this account.
    #[serde(default)]
    pub account: Option<String>,
    /// Only calls to this Region.
    #[serde(default)]
    pub region: Option<String>,
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
    /// The call takes so much longer.
    Delay {
        /// Seconds.
        seconds: f64,
    },
    /// A read answers what was true so long ago (key policies).
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
    /// The copy that the call starts takes so long.
    CopyTime {
        /// Seconds.
        seconds: f64,
    },
}

/// The states in which an image may end that does not become available (R1.1.1).
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

/// All orders, with how many calls each has seen.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<(Fault, u32)>>);

impl Faults {
    /// One more order.
    pub(crate) fn add(&self, fault: Fault) {
        self.0.lock().push((fault, 0));
    }

    /// What goes wrong with a call that is made now.
    pub(crate) fn take(&self, operation: &str, account: &str, region: &str) -> Option<Effect> {
        let mut orders = self.0.lock();
        let mut effect = None;
        for (fault, seen) in orders.iter_mut() {
            let fits = fault.operation == operation
                && fault.account.as_deref().is_none_or(|of| of == account)
                && fault.region.as_deref().is_none_or(|of| of == region);
            if !fits {
                continue;
            }
            *seen += 1;
            if effect.is_none() && fault.call.is_none_or(|call| call == *seen) {
                effect = Some(fault.effect.clone());
            }
        }
        effect
    }
}

/// Reads a fault file.
///
/// # Errors
/// One message with the JSON path of the mistake.
pub(crate) fn parse(text: &str) -> Result<Conditions, String> {
    // One form at a time, so that a mistake is told of the form that was meant.
    let (conditions, place) = if text.trim_start().starts_with('[') {
        (
            Conditions {
                faults: json_file::read(text)?,
                ..Conditions::default()
            },
            "",
        )
    } else {
        (json_file::read(text)?, "faults")
    };
    for (n, fault) in conditions.faults.iter().enumerate() {
        fault
            .check()
            .map_err(|problem| format!("{place}[{n}].{problem}"))?;
    }
    Ok(conditions)
}

impl Fault {
    /// What its type lets through and would never happen, or not as it was meant.
    fn check(&self) -> Result<(), String> {
        let service = self
            .operation
            .split_once(':')
            .filter(|(_, name)| !name.is_empty());
        if service
            .and_then(|(prefix, _)| Service::of(prefix))
            .is_none()
        {
            let known = "a service (ec2, iam, kms, ssm, sts), a colon and an operation";
            return Err(format!("operation: {} is not {known}", self.operation));
        }
        if self.call == Some(0) {
            return Err("call: the first call is 1".to_owned());
        }
        match &self.effect {
            Effect::Error { status, .. } if !(400..600).contains(status) => Err(format!(
                "effect.error.status: {status} is no status of an error"
            )),
            Effect::Delay { seconds } => check_seconds(*seconds, "delay"),
            Effect::Stale { seconds } => check_seconds(*seconds, "stale"),
            Effect::CopyTime { seconds } => check_seconds(*seconds, "copy-time"),
            _ => Ok(()),
        }
    }
}

fn check_seconds(seconds: f64, effect: &str) -> Result<(), String> {
    duration(seconds)
        .map(|_| ())
        .map_err(|problem| format!("effect.{effect}.seconds: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_that_was_ordered_goes_wrong_and_no_other() {
        let orders = r#"[{"operation":"ec2:CopyImage","call":2,"effect":"lost-answer"},
                         {"operation":"ec2:CopyImage","account":"1","effect":{"delay":{"seconds":1}}}]"#;
        let faults = Faults::default();
        parse(orders)
            .unwrap()
            .faults
            .into_iter()
            .for_each(|fault| faults.add(fault));
        assert_eq!(faults.take("ec2:CopyImage", "2", "us-east-1"), None);
        assert_eq!(faults.take("ec2:DescribeImages", "1", "us-east-1"), None);
        assert_eq!(
            faults.take("ec2:CopyImage", "2", "us-east-1"),
            Some(Effect::LostAnswer)
        );
        assert_eq!(
            faults.take("ec2:CopyImage", "1", "us-east-1"),
            Some(Effect::Delay { seconds: 1.0 })
        );
    }

    #[test]
    fn a_wrong_file_is_one_message_with_its_place() {
        let table = [
            (
                r#"[{"operation":"ec2:X","effect":"throttle"},{"operation":"ec2:X","effect":"explode"}]"#,
                "[1].effect: unknown variant `explode`",
            ),
            (r#"{"delays":{"grants":-1}}"#, "delays.grants: "),
            (r#"{"delay":{}}"#, "delay: unknown field `delay`"),
            (
                r#"{"faults":[{"operation":"ec2:X"}]}"#,
                "faults[0]: missing field `effect`",
            ),
            (
                r#"[{"operation":"CopyImage","effect":"drop"}]"#,
                "[0].operation: CopyImage is not a service",
            ),
            (
                r#"{"faults":[{"operation":"s3:X","effect":"drop"}]}"#,
                "faults[0].operation: s3:X is not a service",
            ),
            (
                r#"[{"operation":"ec2:X","call":0,"effect":"drop"}]"#,
                "[0].call: the first call is 1",
            ),
            (
                r#"[{"operation":"ec2:X","effect":{"error":{"status":200,"code":"C","message":"M"}}}]"#,
                "[0].effect.error.status: 200 is no status of an error",
            ),
            (
                r#"[{"operation":"ec2:X","effect":{"delay":{"seconds":-1}}}]"#,
                "[0].effect.delay.seconds: ",
            ),
            (
                r#"[{"operation":"ec2:X","effect":{"copy-time":{"seconds":1e12}}}]"#,
                "[0].effect.copy-time.seconds: ",
            ),
            ("7", "neither an object nor a list"),
            ("[{]", "no JSON: "),
        ];
        for (text, beginning) in table {
            let problem = parse(text).unwrap_err();
            assert!(problem.starts_with(beginning), "{text}: {problem}");
        }
    }

    #[test]
    fn a_file_may_say_how_the_whole_behaves() {
        let text = r#"{"$comment":"slow","delays":{"grants":300,"$comment":"R3.3.7"},"throttling":true,"quotas":true}"#;
        let mut options = Options::default();
        parse(text).unwrap().apply(&mut options);
        assert_eq!(options.delays.grants, std::time::Duration::from_mins(5));
        assert!(options.throttling && options.quotas);
    }
}
