//! The router: faults, time, who is calling, and the service that answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::door::sdk::InProcess;
use crate::fault::{Effect, Fault, Faults};
use crate::journal::{Entry, Journal};
use crate::options::{Options, duration};
use crate::scenario::{Facts, Scenario};
use crate::throttle::Buckets;
use crate::wire::{self, Body, Call, Fail, Outcome, Params, Query, Service};
use crate::world::{ImageState, Principal, World};
use crate::{auth, ec2, iam, kms, ssm, sts};

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

/// What every operation gets beside its parameters.
pub(crate) struct Ask<'a> {
    pub(crate) who: &'a Principal,
    pub(crate) region: &'a str,
    pub(crate) now: Duration,
    pub(crate) clock: &'a Clock,
    pub(crate) options: &'a Options,
    /// How old an answer may be.
    pub(crate) stale: Duration,
    /// Why a copy that is started now will fail.
    pub(crate) fail_copy: Option<(String, ImageState)>,
    /// How long a copy that is started now takes.
    pub(crate) copy_time: Duration,
}

impl Ask<'_> {
    /// The caller's account.
    pub(crate) fn account(&self) -> &str {
        &self.who.facts.account
    }

    /// What was shared by then is shared for search, launch and copy (R2.21).
    pub(crate) fn shared_as_of(&self) -> Duration {
        self.now.saturating_sub(self.options.delays.sharing)
    }
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

impl Sim {
    /// A world as the scenario has it.
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

    /// Every call so far.
    pub fn journal(&self) -> Vec<Entry> {
        self.lock_journal().entries().to_vec()
    }

    /// Also writes the journal to a file.
    pub fn journal_to(&self, file: std::fs::File) {
        self.lock_journal().write_to(file);
    }

    /// The whole world.
    pub fn state(&self) -> Value {
        let mut world = self.lock_world();
        world.advance(self.0.clock.now());
        serde_json::to_value(&*world).unwrap_or_default()
    }

    /// Changes the world behind everybody's back, as a test needs it.
    pub fn edit<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.lock_world();
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
    /// lets nobody else have such a session. Nothing where the account has no role for the service.
    pub fn service_session(&self, account: &str, service: &str) -> Option<(String, String)> {
        let mut world = self.lock_world();
        let path = format!("/aws-service-role/{service}/");
        let role = world
            .accounts
            .get(account)?
            .roles
            .values()
            .find(|role| role.path == path)?
            .clone();
        Some(sts::session(&mut world, &role, account, service, None))
    }

    /// A client for the SDK that comes in without a socket.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(InProcess::new(self.clone()))
    }

    /// Answers a request.
    pub async fn handle(&self, request: Request<Bytes>) -> Handled {
        let json = |value: Value| {
            let mut response = Response::new(Bytes::from(value.to_string()));
            let kind = http::HeaderValue::from_static("application/json");
            response
                .headers_mut()
                .insert(http::header::CONTENT_TYPE, kind);
            Handled::Answer(response)
        };
        match request.uri().path() {
            "/_sim/state" => return json(self.state()),
            "/_sim/journal" => return json(json!(self.journal())),
            _ => {}
        }
        let (service, operation, outcome) = match wire::read(&request) {
            Err((service, fail)) => (service, String::new(), Some(Err(fail))),
            Ok(call) => (call.service, call.operation.clone(), self.call(&call).await),
        };
        let Some(outcome) = outcome else {
            return Handled::Closed;
        };
        let id = {
            let digits = self.lock_world().issue(32);
            format!(
                "{}-{}-{}-{}-{}",
                &digits[..8],
                &digits[8..12],
                &digits[12..16],
                &digits[16..20],
                &digits[20..]
            )
        };
        Handled::Answer(wire::write(service, &operation, &id, &outcome))
    }

    /// Answers a call; nothing where its answer is lost.
    pub async fn call(&self, call: &Call) -> Option<Outcome> {
        let action = format!("{}:{}", call.service.prefix(), call.operation);
        let account = self
            .lock_world()
            .credentials
            .get(&call.access_key_id)
            .map(|known| known.facts.account.clone());
        let effect = self.0.faults.take(
            &action,
            account.as_deref().unwrap_or_default(),
            &call.region,
        );
        let delay = match effect {
            Some(Effect::Delay { seconds }) => duration(seconds).unwrap_or_default(),
            _ => Duration::ZERO,
        };
        if !(self.0.options.latency + delay).is_zero() {
            tokio::time::sleep(self.0.options.latency + delay).await;
        }
        let outcome = match &effect {
            Some(Effect::Drop) => return None,
            Some(Effect::Error {
                status,
                code,
                message,
            }) => Err(Fail::new(*status, code.clone(), message.clone())),
            Some(Effect::Throttle) => Err(throttled(call.service)),
            _ if !self.has_token(call, account.as_deref()) => Err(throttled(call.service)),
            _ => self.answer(call, effect.as_ref()),
        };
        self.record(call, action, account, &outcome);
        if effect == Some(Effect::LostAnswer) {
            None
        } else {
            Some(outcome)
        }
    }

    /// Whether the account's token buckets let a call through.
    fn has_token(&self, call: &Call, account: Option<&str>) -> bool {
        let Some(account) = account.filter(|_| self.0.options.throttling) else {
            return true;
        };
        let mut buckets = self
            .0
            .buckets
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        buckets.take(account, call, self.0.clock.now())
    }

    fn answer(&self, call: &Call, effect: Option<&Effect>) -> Outcome {
        let mut world = self.lock_world();
        let now = self.0.clock.now();
        world.advance(now);
        let who = auth::caller(&world, call, now, self.0.options.delays.iam)?;
        let stale = match effect {
            Some(Effect::Stale { seconds }) => duration(*seconds).unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let fail_copy = match effect {
            Some(Effect::FailCopy { message, state }) => Some((message.clone(), (*state).into())),
            _ => None,
        };
        let (clock, options) = (&self.0.clock, &self.0.options);
        let copy_time = match effect {
            Some(Effect::CopyTime { seconds }) => duration(*seconds).unwrap_or_default(),
            _ => options.copy_time,
        };
        let ask = Ask {
            who: &who,
            region: &call.region,
            now,
            clock,
            options,
            stale,
            fail_copy,
            copy_time,
        };
        match (&call.params, call.service) {
            (Params::Query(query), Service::Ec2) => {
                ec2::call(&mut world, &call.operation, query, &ask)
            }
            (Params::Query(query), Service::Sts) => {
                sts::call(&mut world, &call.operation, query, &ask)
            }
            (Params::Query(query), Service::Iam) => {
                iam::call(&mut world, &call.operation, query, &ask)
            }
            (Params::Json(members), Service::Kms) => {
                kms::call(&mut world, &call.operation, members, &ask)
            }
            (Params::Json(members), Service::Ssm) => {
                ssm::call(&mut world, &call.operation, members, &ask)
            }
            _ => Err(Fail::bad("InvalidAction", "")),
        }
    }

    fn record(&self, call: &Call, action: String, account: Option<String>, outcome: &Outcome) {
        let world = self.lock_world();
        let known = world.credentials.get(&call.access_key_id);
        let entry = Entry {
            at: self.0.clock.text(self.0.clock.now()),
            principal: known.map_or_else(
                || call.access_key_id.clone(),
                |known| known.facts.arn.clone(),
            ),
            account: account.unwrap_or_default(),
            region: call.region.clone(),
            action,
            dry_run: is_dry_run(&call.params),
            resources: resources(&call.params),
            status: outcome
                .as_ref()
                .map_or_else(|fail| fail.status, |_: &Body| 200),
            code: outcome.as_ref().err().map(|fail| fail.code.to_string()),
        };
        drop(world);
        self.lock_journal().append(entry);
    }

    fn lock_world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_journal(&self) -> MutexGuard<'_, Journal> {
        self.0
            .journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn throttled(service: Service) -> Fail {
    match service {
        Service::Ec2 => Fail::new(503, "RequestLimitExceeded", "Request limit exceeded."),
        Service::Iam | Service::Sts => Fail::bad("Throttling", "Rate exceeded"),
        Service::Ssm => Fail::bad("ThrottlingException", "Rate exceeded"),
        Service::Kms => Fail::bad(
            "ThrottlingException",
            "You have exceeded the rate at which you may call KMS. Reduce the frequency of your \
             calls.",
        ),
    }
}

fn is_dry_run(params: &Params) -> bool {
    match params {
        Params::Query(query) => query.get("DryRun") == Some("true"),
        Params::Json(members) => members.get("DryRun") == Some(&Value::Bool(true)),
    }
}

/// The IDs and ARNs that a request names.
fn resources(params: &Params) -> Vec<String> {
    let named = |query: &Query| {
        let of = |name: &str| {
            let name = name.split('.').next().unwrap_or_default();
            matches!(
                name,
                "ImageId"
                    | "SourceImageId"
                    | "SnapshotId"
                    | "SourceSnapshotId"
                    | "ResourceId"
                    | "InstanceId"
                    | "GroupId"
                    | "SecurityGroupId"
                    | "KeyName"
                    | "RoleArn"
                    | "RoleName"
                    | "PolicyArn"
                    | "KmsKeyId"
            )
        };
        query
            .pairs()
            .filter(|(name, _)| of(name))
            .map(|(_, value)| value.to_owned())
            .collect()
    };
    match params {
        Params::Query(query) => named(query),
        Params::Json(members) => {
            let of = |name| members.get(name).and_then(Value::as_str).map(str::to_owned);
            ["KeyId", "Name"].into_iter().filter_map(of).collect()
        }
    }
}
