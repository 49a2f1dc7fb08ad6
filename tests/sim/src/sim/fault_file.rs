//! Fault files.

use schemars::JsonSchema;
use serde::Deserialize;

use super::fault::{EVERY, Effect, Fault};
use crate::json_file;
use crate::options::{Delays, Options, duration};
use crate::wire::Service;

/// A fault file: a list of faults, or an object that also has conditions of every call.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "files are read one form at a time: see `parse`")]
pub(crate) enum FaultFile {
    /// Faults only.
    Orders(Vec<Fault>),
    /// Faults, and conditions of every call.
    Whole(Conditions),
}

/// What makes a simulation less than perfect.
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
    /// Whether every list comes in pages of which the first is empty and the others have one item.
    pub(crate) short_pages: bool,
}

impl Conditions {
    /// Sets the options that apply to every call.
    pub(crate) fn apply(&self, options: &mut Options) {
        let usage = self.delays.usage.or(options.delays.usage);
        options.delays = self.delays.clone();
        options.delays.usage = usage;
        (options.throttling, options.quotas) = (self.throttling, self.quotas);
        options.short_pages = self.short_pages;
    }
}

/// Reads a fault file.
///
/// # Errors
/// One message with the JSON path of the mistake.
pub(crate) fn parse(text: &str) -> Result<Conditions, String> {
    // Each form is read by its own type, so that a message speaks of the form that was meant.
    let mut conditions = Conditions::default();
    let place = if text.trim_start().starts_with('[') {
        conditions.faults = json_file::read(text)?;
        ""
    } else {
        conditions = json_file::read(text)?;
        "faults"
    };
    for (index, fault) in conditions.faults.iter().enumerate() {
        fault
            .check()
            .map_err(|problem| format!("{place}[{index}].{problem}"))?;
    }
    Ok(conditions)
}

impl Fault {
    /// Refuses what its type allows, but what would never happen, or not as it was meant.
    fn check(&self) -> Result<(), String> {
        let (service, operation) = self.operation.split_once(':').unwrap_or_default();
        let is_known = Service::of(service).is_some() && !operation.is_empty();
        if !is_known && self.operation != EVERY {
            let known =
                "a service (autoscaling, ec2, iam, kms, ssm, sts), a colon and an operation";
            return Err(format!("operation: {} is not {known}", self.operation));
        }
        if self.call == Some(0) {
            return Err("call: the first call is 1".to_owned());
        }
        let (seconds, name) = match &self.effect {
            Effect::Error { status, .. } if !(400..600).contains(status) => {
                let problem = format!("{status} is no status of an error");
                return Err(format!("effect.error.status: {problem}"));
            }
            Effect::Answer { path, .. } if path.split('/').any(str::is_empty) => {
                let problem = "names of members with a slash between them";
                return Err(format!("effect.answer.path: {path} is not {problem}"));
            }
            Effect::Delay { seconds } => (*seconds, "delay"),
            Effect::Stale { seconds } => (*seconds, "stale"),
            Effect::CopyTime { seconds } => (*seconds, "copy-time"),
            _ => return Ok(()),
        };
        match duration(seconds) {
            Ok(_) => Ok(()),
            Err(problem) => Err(format!("effect.{name}.seconds: {problem}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fault::Faults;
    use super::*;
    use crate::wire::{Call, Params};

    #[test]
    fn a_fault_affects_only_the_call_it_was_ordered_for() {
        let orders = r#"[
            {"operation":"ec2:CopyImage","call":2,"effect":"lost-answer"},
            {"operation":"ec2:CopyImage","account":"1","effect":{"delay":{"seconds":1}}},
            {"operation":"kms:*","effect":"drop"},
            {"operation":"*","naming":"ami-1","region":"eu-west-1","effect":"throttle"}
        ]"#;
        let faults = Faults::default();
        for fault in parse(orders).unwrap().faults {
            faults.add(fault);
        }
        let call = |service, operation: &str, region: &str, image: &str| Call {
            service,
            operation: operation.to_owned(),
            params: Params::Json([("Id".to_owned(), json!([image]))].into_iter().collect()),
            access_key_id: String::new(),
            session_token: None,
            region: region.to_owned(),
        };
        let copy = call(Service::Ec2, "CopyImage", "us-east-1", "ami-1");
        assert_eq!(faults.take(&copy, "2"), None);
        let describe = call(Service::Ec2, "DescribeImages", "us-east-1", "ami-1");
        assert_eq!(faults.take(&describe, "1"), None);
        assert_eq!(faults.take(&copy, "2"), Some(Effect::LostAnswer));
        let delay = Effect::Delay { seconds: 1.0 };
        assert_eq!(faults.take(&copy, "1"), Some(delay));
        let put = call(Service::Kms, "PutKeyPolicy", "us-east-1", "");
        assert_eq!(faults.take(&put, "1"), Some(Effect::Drop));
        let abroad = call(Service::Ec2, "DescribeImages", "eu-west-1", "ami-1");
        assert_eq!(faults.take(&abroad, "1"), Some(Effect::Throttle));
        let other = call(Service::Ec2, "DescribeImages", "eu-west-1", "ami-2");
        assert_eq!(faults.take(&other, "1"), None);
    }

    #[test]
    fn a_mistake_is_one_message_with_its_place() {
        let table = [
            (
                r#"[
                    {"operation":"ec2:X","effect":"throttle"},
                    {"operation":"ec2:X","effect":"explode"}
                ]"#,
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
                r#"[{"operation":"ec2:X","effect":{
                    "error":{"status":200,"code":"C","message":"M"}
                }}]"#,
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
            (
                r#"[{"operation":"ec2:X","effect":{"answer":{"path":"a//b"}}}]"#,
                "[0].effect.answer.path: a//b is not ",
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
    fn a_file_can_set_delays_throttling_quotas_and_pages() {
        let text = r#"{
            "$comment": "slow",
            "delays": {"grants": 300, "$comment": "R3.3.7"},
            "throttling": true,
            "quotas": true,
            "short-pages": true
        }"#;
        let mut options = Options::default();
        parse(text).unwrap().apply(&mut options);
        assert_eq!(options.delays.grants, std::time::Duration::from_mins(5));
        assert!(options.throttling && options.quotas && options.short_pages);
    }
}
