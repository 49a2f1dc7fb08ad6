//! Where the calls of runs wait until they are let through, each answered before anything else
//! happens.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::{Arc, Mutex};

use ami_share::aws_config::SdkConfig;
use ami_share::aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use futures::FutureExt as _;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// A call of a run: what it does to which part of the world. What no run changes counts as nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Call {
    pub(super) run: usize,
    pub(super) operation: String,
    pub(super) touches: Option<String>,
}

impl Call {
    fn read(run: usize, request: &HttpRequest, contended: &[String]) -> Self {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let target = request
            .headers()
            .get("x-amz-target")
            .and_then(|target| target.split('.').nth(1));
        let member = |name: &str| {
            let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
            pairs
                .filter(|(known, _)| *known == name)
                .map(|(_, value)| value.to_owned())
                .next()
        };
        let operation = target
            .map(str::to_owned)
            .or_else(|| member("Action"))
            .unwrap();
        let touches = match operation.as_str() {
            "GetKeyPolicy" | "PutKeyPolicy" => Some("policy".to_owned()),
            "ListGrants" | "CreateGrant" | "RevokeGrant" => Some("grants".to_owned()),
            "DescribeSnapshotAttribute" | "ModifySnapshotAttribute" => Some("snapshots".to_owned()),
            "DescribeImageAttribute" | "ModifyImageAttribute" | "DeregisterImage" => {
                member("ImageId")
            }
            _ => None,
        };
        let touches = touches.filter(|touched| contended.contains(touched));
        Self {
            run,
            operation,
            touches,
        }
    }

    fn changes(&self) -> bool {
        !["Get", "List", "Describe"]
            .iter()
            .any(|reading| self.operation.starts_with(reading))
    }

    /// Whether it matters which of the two comes first.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.run == other.run
            || (self.touches == other.touches && (self.changes() || other.changes()))
    }
}

/// Where calls wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    contended: Vec<String>,
    waiting: Mutex<Vec<(Call, Instant, oneshot::Sender<()>)>>,
    /// When each run that has not ended was last let through.
    running: Mutex<BTreeMap<usize, Instant>>,
    /// What each run has been told so far: all that it can know of the world.
    told: Mutex<BTreeMap<usize, (u64, u64)>>,
    /// How often calls of each run were held back while time passed.
    held: Mutex<BTreeMap<usize, usize>>,
    arrived: Notify,
}

impl Gate {
    /// A gate for runs that change only these: `policy`, `grants`, IDs of images.
    pub(crate) fn over(contended: impl Into<Vec<String>>) -> Self {
        Self(Arc::new(Inner {
            contended: contended.into(),
            ..Inner::default()
        }))
    }

    /// A configuration whose calls wait here as those of a run.
    pub(crate) fn before(&self, run: usize, config: &SdkConfig) -> SdkConfig {
        let inner = config.http_client().unwrap();
        let door = SharedHttpClient::new(Door {
            run,
            gate: self.clone(),
            inner,
        });
        // A call that is held back is no stalled one.
        let patient = StalledStreamProtectionConfig::disabled();
        config
            .to_builder()
            .http_client(door)
            .stalled_stream_protection(patient)
            .build()
    }

    /// A run, whose end is noted.
    pub(crate) async fn run<T>(&self, run: usize, future: impl Future<Output = T>) -> T {
        self.0.running.lock().unwrap().insert(run, Instant::now());
        let output = future.await;
        self.0.running.lock().unwrap().remove(&run);
        output
    }

    fn arrive(&self, call: Call) -> oneshot::Receiver<()> {
        let (go, passed) = oneshot::channel();
        self.0
            .waiting
            .lock()
            .unwrap()
            .push((call, Instant::now(), go));
        self.0.arrived.notify_one();
        passed
    }

    /// Those who wait, without those whom their run gave up; and since when.
    pub(super) fn waiting(&self) -> (Vec<Call>, Option<Instant>) {
        let mut waiting = self.0.waiting.lock().unwrap();
        waiting.retain(|(_, _, go)| !go.is_closed());
        let mut calls: Vec<Call> = waiting.iter().map(|(call, _, _)| call.clone()).collect();
        calls.sort();
        (calls, waiting.iter().map(|(_, since, _)| *since).min())
    }

    pub(super) fn pass(&self, call: &Call) {
        let mut waiting = self.0.waiting.lock().unwrap();
        let place = waiting
            .iter()
            .position(|(known, _, _)| known == call)
            .unwrap();
        let _ = waiting.remove(place).2.send(());
        self.0
            .running
            .lock()
            .unwrap()
            .insert(call.run, Instant::now());
    }

    /// Notes what a run is told, but for the ID of the answer.
    fn tell(&self, call: &Call, answer: &str) {
        // EC2 and STS write it differently.
        let id = ["requestId>", "RequestId>"]
            .into_iter()
            .find(|id| answer.contains(id))
            .unwrap_or("requestId>");
        let (before, rest) = answer.split_once(id).unwrap_or((answer, ""));
        let after = rest.split_once(id).map_or("", |(_, after)| after);
        let mut told = self.0.told.lock().unwrap();
        let (known, last) = told.get(&call.run).copied().unwrap_or_default();
        let news = digest(&(call, before, after));
        // A policy that is asked for once more, because the last answer got too old, is no news.
        if news != last || call.changes() {
            told.insert(call.run, (digest(&(known, news)), news));
        }
    }

    /// What decides how it goes on, beside the world: what each run knows, what it waits for, and
    /// since when, by half seconds.
    pub(super) fn state(&self) -> u64 {
        let now = Instant::now();
        let ago = |since: &Instant| (now - *since).as_millis().div_euclid(250).div_ceil(2);
        let waiting = self.0.waiting.lock().unwrap();
        let mut waiting: Vec<_> = waiting
            .iter()
            .map(|(call, since, _)| (call, ago(since)))
            .collect();
        waiting.sort();
        let running = self.0.running.lock().unwrap();
        let asleep = |run: &usize| waiting.iter().all(|(call, _)| call.run != *run);
        let running: Vec<_> = running
            .iter()
            .map(|(run, since)| (run, asleep(run).then(|| ago(since))))
            .collect();
        digest(&(
            waiting,
            running,
            &*self.0.told.lock().unwrap(),
            &*self.0.held.lock().unwrap(),
        ))
    }

    pub(super) fn held(&self, run: usize) -> usize {
        self.0
            .held
            .lock()
            .unwrap()
            .get(&run)
            .copied()
            .unwrap_or_default()
    }

    /// Notes that calls wait while time passes.
    pub(super) fn hold(&self, calls: &[Call]) {
        for call in calls {
            *self.0.held.lock().unwrap().entry(call.run).or_default() += 1;
        }
    }

    /// Until somebody comes who is not here yet.
    pub(super) fn arrival(&self) -> impl Future<Output = ()> {
        // Forget those who came before.
        let _ = self.0.arrived.notified().now_or_never();
        self.0.arrived.notified()
    }

    /// Since when a run sleeps that neither waits here nor has ended.
    pub(super) fn asleep(&self, waiting: &[Call]) -> Option<Instant> {
        let running = self.0.running.lock().unwrap();
        let sleeps = |run: &usize| waiting.iter().all(|call| call.run != *run);
        running
            .iter()
            .filter(|(run, _)| sleeps(run))
            .map(|(_, since)| *since)
            .min()
    }
}

pub(super) fn digest(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[derive(Clone, Debug)]
struct Door<T> {
    run: usize,
    gate: Gate,
    inner: T,
}

impl HttpClient for Door<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        parts: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, parts);
        SharedHttpConnector::new(Door {
            run: self.run,
            gate: self.gate.clone(),
            inner,
        })
    }
}

impl HttpConnector for Door<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let call = Call::read(self.run, &request, &self.gate.0.contended);
        let passed = self.gate.arrive(call.clone());
        let (gate, inner) = (self.gate.clone(), self.inner.clone());
        HttpConnectorFuture::new(async move {
            passed
                .await
                .map_err(|closed| ConnectorError::io(closed.into()))?;
            let answer = inner.call(request).await?;
            gate.tell(
                &call,
                &String::from_utf8_lossy(answer.body().bytes().unwrap()),
            );
            Ok(answer)
        })
    }
}
