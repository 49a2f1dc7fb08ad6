//! The simulated AWS: answers a call after faults, throttling and the passing of time, and writes
//! it into the journal.

pub(crate) mod fault;
pub(crate) mod fault_file;
mod id_tokens;
pub(crate) mod journal;
mod throttle;

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::time::SharedTimeSource;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::auth;
use crate::clock::Clock;
use crate::options::{Options, duration};
use crate::scenario::{Facts, ID_TOKEN_PATH, Scenario};
use crate::services::{self, autoscaling, sts};
use crate::wire::{self, Call, Fail, Outcome};
use crate::world::{Principal, ScalingOrder, World, uuid};
use fault::{Effect, Fault, Faults};
use journal::{Entry, Journal};
use throttle::Buckets;

/// A simulated AWS. Clones are handles to the same world.
#[derive(Clone)]
pub struct Sim(Arc<Inner>);

struct Inner {
    world: Mutex<World>,
    journal: Mutex<Journal>,
    faults: Faults,
    buckets: Mutex<Buckets>,
    facts: Facts,
    options: Options,
    clock: Clock,
}

/// What became of a request.
#[derive(Debug)]
pub enum Handled {
    /// It was answered.
    Answer(Response<Bytes>),
    /// The connection closed without an answer.
    Closed,
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

impl Sim {
    /// A simulation that begins with the world of a scenario.
    pub fn new(scenario: Scenario, options: Options) -> Self {
        let clock = Clock::start(options.began);
        let (world, facts) = scenario.build(&options);
        Self(Arc::new(Inner {
            world: Mutex::new(world),
            journal: Mutex::default(),
            faults: Faults::default(),
            buckets: Mutex::default(),
            facts,
            options,
            clock,
        }))
    }

    /// The scenario `two-accounts`.
    pub fn two_accounts(options: Options) -> Self {
        Self::new(Scenario::two_accounts(), options)
    }

    /// Orders a fault.
    pub fn fault(&self, fault: Fault) {
        self.0.faults.add(fault);
    }

    /// The access keys, images, keys and roles by name.
    pub fn facts(&self) -> &Facts {
        &self.0.facts
    }

    /// Every call up to now.
    pub fn journal(&self) -> Vec<Entry> {
        self.0.journal.lock().entries().to_vec()
    }

    /// Also writes the journal to a file.
    pub fn journal_to(&self, file: std::fs::File) {
        self.0.journal.lock().write_to(file);
    }

    /// The whole world.
    pub fn state(&self) -> Value {
        let mut world = self.0.world.lock();
        world.advance(self.0.clock.now());
        serde_json::to_value(&*world).unwrap_or_default()
    }

    /// Changes the world without a call, as a test needs it.
    pub fn edit<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.0.world.lock();
        world.touch();
        change(&mut world)
    }

    /// The simulation's clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The clock for SDK clients.
    pub fn time_source(&self) -> SharedTimeSource {
        self.0.clock.time_source()
    }

    /// An access key of a service that acts by its service-linked role, such as Auto Scaling: AWS
    /// gives such a session to nobody else. `None` if the account has no role for the service.
    pub fn service_session(&self, account: &str, service: &str) -> Option<(String, String)> {
        let path = format!("/aws-service-role/{service}/");
        let name = self
            .0
            .world
            .lock()
            .accounts
            .get(account)
            .and_then(|account| {
                let mut roles = account.roles.values();
                roles
                    .find(|role| role.path == path)
                    .map(|role| role.name().to_owned())
            })?;
        self.service_role_session(account, &name)
    }

    /// The same for one service-linked role by its name, since a service can have several.
    pub fn service_role_session(&self, account: &str, role: &str) -> Option<(String, String)> {
        let mut world = self.0.world.lock();
        let role = world.accounts.get(account)?.roles.get(role)?.clone();
        if !role.is_service_linked() {
            return None;
        }
        let session = role.name().to_owned();
        let limits = sts::SessionLimits::default();
        Some(sts::session(&mut world, &role, account, &session, limits))
    }

    /// Answers an HTTP request.
    pub async fn handle(&self, request: Request<Bytes>) -> Handled {
        match request.uri().path() {
            "/_sim/state" => return json_answer(&self.state()),
            "/_sim/journal" => return json_answer(&json!(self.journal())),
            ID_TOKEN_PATH => return self.give_id_token(&request),
            _ => {}
        }
        let (service, operation, outcome) = match wire::read(&request) {
            Err((service, fail)) => (service, String::new(), Some(Err(fail))),
            Ok(call) => (call.service, call.operation.clone(), self.call(&call).await),
        };
        let Some(outcome) = outcome else {
            return Handled::Closed;
        };
        let request_id = uuid(&self.0.world.lock().issue(32));
        Handled::Answer(wire::write(service, &operation, &request_id, &outcome))
    }

    /// Answers a call; `None` if its answer is lost. What the call orders of Auto Scaling is done
    /// before the answer is given.
    pub async fn call(&self, call: &Call) -> Option<Outcome> {
        let outcome = self.perform(call).await;
        while let Some((order, call)) = self.next_ordered() {
            let outcome = self.perform(&call).await;
            let now = self.0.clock.now();
            autoscaling::finish(&mut self.0.world.lock(), &order, outcome, now);
        }
        outcome
    }

    fn next_ordered(&self) -> Option<(ScalingOrder, Call)> {
        autoscaling::next_call(&mut self.0.world.lock(), self.0.clock.now())
    }

    async fn perform(&self, call: &Call) -> Option<Outcome> {
        let action = format!("{}:{}", call.service.prefix(), call.operation);
        let account = self.account_of(&call.access_key_id);
        let of = account.as_deref().unwrap_or_default();
        let effect = self.0.faults.take(call, of);
        self.delay(effect.as_ref()).await;
        let outcome = match &effect {
            Some(Effect::Drop) => return None,
            Some(Effect::Error {
                status,
                code,
                message,
            }) => Err(Fail::new(*status, code.clone(), message.clone())),
            Some(Effect::Throttle) => Err(throttle::refusal(call.service)),
            _ if !self.has_token(call, account.as_deref()) => Err(throttle::refusal(call.service)),
            _ => self.answer(call, effect.as_ref()),
        };
        let outcome = rewritten(outcome, effect.as_ref());
        self.record(call, action, account, &outcome);
        (effect != Some(Effect::LostAnswer)).then_some(outcome)
    }

    /// The account behind an access key.
    fn account_of(&self, access_key_id: &str) -> Option<String> {
        let world = self.0.world.lock();
        let credential = world.credentials.get(access_key_id)?;
        Some(credential.facts.account.clone())
    }

    /// Lets the time pass that every call takes, and that a fault adds.
    async fn delay(&self, effect: Option<&Effect>) {
        let more = match effect {
            Some(Effect::Delay { seconds }) => duration(*seconds).unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let delay = self.0.options.latency + more;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }

    /// Whether the account's token buckets let a call through.
    fn has_token(&self, call: &Call, account: Option<&str>) -> bool {
        match account {
            Some(account) if self.0.options.throttling => {
                let now = self.0.clock.now();
                self.0.buckets.lock().take(account, call, now)
            }
            _ => true,
        }
    }

    fn answer(&self, call: &Call, effect: Option<&Effect>) -> Outcome {
        let mut world = self.0.world.lock();
        let now = self.0.clock.now();
        world.advance(now);
        let caller = auth::caller(&world, call, now, self.0.options.delays.iam)?;
        let request = self.request(&caller, &call.region, now, effect);
        services::answer(&mut world, call, &request)
    }

    /// What the operation gets, with the effect that was ordered for the call.
    fn request<'a>(
        &'a self,
        caller: &'a Principal,
        region: &'a str,
        now: Duration,
        effect: Option<&Effect>,
    ) -> services::Request<'a> {
        let mut request = services::Request {
            caller,
            region,
            now,
            clock: &self.0.clock,
            options: &self.0.options,
            staleness: Duration::ZERO,
            fail_copy: None,
            copy_time: self.0.options.copy_time,
        };
        match effect {
            Some(Effect::Stale { seconds }) => {
                request.staleness = duration(*seconds).unwrap_or_default();
            }
            Some(Effect::CopyTime { seconds }) => {
                request.copy_time = duration(*seconds).unwrap_or_default();
            }
            Some(Effect::FailCopy { message, state }) => {
                request.fail_copy = Some((message.clone(), (*state).into()));
            }
            _ => {}
        }
        request
    }

    fn record(&self, call: &Call, action: String, account: Option<String>, outcome: &Outcome) {
        let principal = match self.0.world.lock().credentials.get(&call.access_key_id) {
            Some(credential) => credential.facts.arn.clone(),
            None => call.access_key_id.clone(),
        };
        let (status, code) = match outcome {
            Ok(_) => (200, None),
            Err(fail) => (fail.status, Some(fail.code.to_string())),
        };
        self.0.journal.lock().append(Entry {
            at: self.0.clock.text(self.0.clock.now()),
            principal,
            account: account.unwrap_or_default(),
            region: call.region.clone(),
            action,
            dry_run: journal::is_dry_run(&call.params),
            resources: journal::named_resources(&call.params),
            status,
            code,
        });
    }
}

/// The answer, as a fault would have it.
fn rewritten(outcome: Outcome, effect: Option<&Effect>) -> Outcome {
    let mut body = outcome?;
    if let Some(Effect::Answer { path, value }) = effect {
        body.rewrite(path, value.as_ref());
    }
    Ok(body)
}

fn json_answer(value: &Value) -> Handled {
    json_answer_with(StatusCode::OK, value)
}

fn json_answer_with(status: StatusCode, value: &Value) -> Handled {
    let mut response = Response::new(Bytes::from(value.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Handled::Answer(response)
}
