//! Each call to AWS is an event of `tracing`: for those who embed the library, and for the action's
//! debug lines.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber as _;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

use super::support::*;

/// The fields of an event, but for how long the call took.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    action: String,
    account: Option<String>,
    region: String,
    status: Option<u64>,
    code: Option<String>,
    /// Fields that nobody knows.
    others: Vec<String>,
}

impl Visit for Call {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "action" => value.clone_into(&mut self.action),
            "account" => self.account = Some(value.to_owned()),
            "region" => value.clone_into(&mut self.region),
            "code" => self.code = Some(value.to_owned()),
            other => self.others.push(other.to_owned()),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "status" {
            self.status = Some(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.others.push(format!("{field}: {value:?}"));
    }
}

/// Keeps the events of calls.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<Call>>>);

impl Subscriber for Calls {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target() == "ami_share::aws"
    }

    fn event(&self, event: &Event<'_>) {
        let mut call = Call::default();
        event.record(&mut call);
        self.0.lock().unwrap().push(call);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn every_call_is_an_event() {
    let denied = json!({
        "operation": "kms:PutKeyPolicy",
        "effect": { "error": { "status": 400, "code": "AccessDeniedException", "message": "no" } },
    });
    let world = World::new().with_fault(denied);
    let request = world
        .build_request(&["golden"])
        .target_options(with_target_role());
    let calls = Calls::default();
    let subscriber = Dispatch::new(calls.clone());
    // While there is one subscriber alone, `tracing` asks only that of the thread which meets an
    // event first, and another test's thread has none. This one gets no event.
    let _second = Dispatch::new(calls.clone());
    let shared = world.try_share(request).with_subscriber(subscriber).await;
    assert!(list_codes(&shared.unwrap_err()).contains(&"access.denied"));

    let mut told = calls.0.lock().unwrap().clone();
    // Whose credentials they are is not known before STS has said so.
    for call in &told {
        let is_known = call.account.is_some();
        assert!(
            is_known || call.action == "sts:GetCallerIdentity",
            "{call:?}"
        );
    }
    let mut made = Vec::new();
    for entry in world.sim.journal() {
        let is_identity = entry.action == "sts:GetCallerIdentity";
        made.push(Call {
            account: (!is_identity).then_some(entry.account),
            action: entry.action,
            region: entry.region,
            status: Some(entry.status.into()),
            code: entry.code,
            others: Vec::new(),
        });
    }
    told.sort();
    made.sort();
    assert_eq!(told, made);
}
