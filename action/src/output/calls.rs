//! The library's events of calls to AWS as lines of the log, for those who look for what is slow or
//! refused.

use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::events::EventLog;

/// The events that become lines. Those of the SDK never do: they may hold secrets.
const TARGET: &str = "ami_share::aws";

/// Writes a line for each call.
pub(crate) struct CallLog(Arc<EventLog>);

impl CallLog {
    pub(crate) fn new(events: &Arc<EventLog>) -> Self {
        Self(Arc::clone(events))
    }
}

impl Subscriber for CallLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target() == TARGET
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn event(&self, event: &Event<'_>) {
        let mut call = Call::default();
        event.record(&mut call);
        self.0.debug(&call.line());
    }

    // Spans are not enabled, so that none of these is called.

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A call that is over.
#[derive(Default)]
struct Call {
    action: String,
    /// The account that called, unless it was not known yet, and the Region.
    places: Vec<String>,
    /// The status of HTTP, if an answer came.
    status: Option<u64>,
    /// AWS's code of an error.
    code: Option<String>,
    milliseconds: u64,
}

impl Call {
    /// `kms:PutKeyPolicy in 111111111111, us-east-1: 400 AccessDeniedException, 31 ms`.
    fn line(&self) -> String {
        let (action, places) = (&self.action, self.places.join(", "));
        let mut answer = match self.status {
            Some(status) => status.to_string(),
            None => "no answer".to_owned(),
        };
        if let Some(code) = &self.code {
            answer += &format!(" {code}");
        }
        format!("{action} in {places}: {answer}, {} ms", self.milliseconds)
    }
}

impl Visit for Call {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "action" => value.clone_into(&mut self.action),
            "account" | "region" => self.places.push(value.to_owned()),
            "code" => self.code = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "status" => self.status = Some(value),
            "milliseconds" => self.milliseconds = value,
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
