//! Faults on order: what goes wrong with which call.

use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

/// One order.
#[derive(Clone, Debug, Deserialize)]
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
    /// What goes wrong.
    pub effect: Effect,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
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
        /// The image's `StateReason`.
        message: String,
    },
}

/// All orders, with how many calls each has seen.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<(Fault, u32)>>);

impl Faults {
    /// One more order.
    pub(crate) fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((fault, 0));
    }

    /// What goes wrong with a call that is made now.
    pub(crate) fn take(&self, operation: &str, account: &str) -> Option<Effect> {
        let mut orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut effect = None;
        for (fault, seen) in orders.iter_mut() {
            let fits = fault.operation == operation && fault.account.as_deref().is_none_or(|of| of == account);
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

/// Reads a fault file: a list of orders.
///
/// # Errors
/// One message with the place of the mistake.
pub(crate) fn parse(text: &str) -> Result<Vec<Fault>, String> {
    let list: Vec<serde_json::Value> =
        serde_json::from_str(text).map_err(|error| format!("not a list of faults: {error}"))?;
    let parsed = list
        .into_iter()
        .enumerate()
        .map(|(index, fault)| serde_json::from_value(fault).map_err(|error| format!("[{index}]: {error}")));
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_that_was_ordered_goes_wrong_and_no_other() {
        let orders = r#"[{"operation":"ec2:CopyImage","call":2,"effect":"lost-answer"},
                         {"operation":"ec2:CopyImage","account":"1","effect":{"delay":{"seconds":1}}}]"#;
        let faults = Faults::default();
        parse(orders).unwrap().into_iter().for_each(|fault| faults.add(fault));
        assert_eq!(faults.take("ec2:CopyImage", "2"), None);
        assert_eq!(faults.take("ec2:DescribeImages", "1"), None);
        assert_eq!(faults.take("ec2:CopyImage", "2"), Some(Effect::LostAnswer));
        assert_eq!(faults.take("ec2:CopyImage", "1"), Some(Effect::Delay { seconds: 1.0 }));
    }

    #[test]
    fn a_wrong_file_is_one_message_with_its_place() {
        let error =
            parse(r#"[{"operation":"ec2:CopyImage","effect":"throttle"},{"operation":"x","effect":"explode"}]"#);
        assert!(error.unwrap_err().starts_with("[1]: unknown variant `explode`"));
        assert!(parse("{}").unwrap_err().starts_with("not a list of faults"));
    }
}
