//! A gate at which the calls of runs wait until they are let through, one at a time.

mod call;
mod client;
mod defect;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ami_share::aws_config::SdkConfig;
use ami_share::aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use futures::FutureExt as _;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

pub(super) use self::call::Call;
use self::client::GatedClient;
pub(super) use self::defect::Defect;
use self::defect::Kept;

/// How long after a put a run looks at the policy again.
pub(super) const SETTLE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    contended: Vec<String>,
    /// How a key policy names the target of the share.
    target: String,
    defect: Option<Defect>,
    kept: Mutex<Kept>,
    /// Whether the key policy named the target of the share when each run last read or put it.
    open_keys: Mutex<BTreeMap<usize, bool>>,
    /// Whether a run asked for a launch permission before it knew that the key is open (P1).
    early: AtomicBool,
    waiting: Mutex<Vec<WaitingCall>>,
    /// When a call of each run that has not ended was last let through.
    running: Mutex<BTreeMap<usize, Instant>>,
    /// When each run that has not ended last put the key policy: it looks again after `settle`,
    /// and goes on meanwhile.
    puts: Mutex<BTreeMap<usize, Instant>>,
    /// Whether each run that has ended succeeded.
    ended: Mutex<BTreeMap<usize, bool>>,
    /// What each run has been answered so far about each part of the world: all that it can know.
    /// Where a run asks about two parts at once, it does not matter which answer comes first.
    answers: Mutex<BTreeMap<(usize, Option<String>), u64>>,
    /// The last answer of each run.
    last_answers: Mutex<BTreeMap<usize, u64>>,
    /// How often calls of each run were held back while time passed.
    holds: Mutex<BTreeMap<usize, usize>>,
    arrived: Notify,
}

#[derive(Debug)]
struct WaitingCall {
    call: Call,
    since: Instant,
    let_through: oneshot::Sender<()>,
}

impl Gate {
    /// A gate for runs that change only these: `policy`, `grants`, `snapshots`, IDs of images. The
    /// share has a target that a key policy names so, and may have a defect.
    pub(super) fn new(contended: Vec<String>, target: &str, defect: Option<Defect>) -> Self {
        Self(Arc::new(Inner {
            contended,
            target: target.to_owned(),
            defect,
            ..Inner::default()
        }))
    }

    /// A configuration whose calls wait here, as calls of a run.
    pub(super) fn gate_calls(&self, run: usize, config: &SdkConfig) -> SdkConfig {
        let client = GatedClient {
            run,
            gate: self.clone(),
            inner: config.http_client().unwrap(),
        };
        config
            .to_builder()
            .http_client(SharedHttpClient::new(client))
            // A call that is held back is not a stalled one.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build()
    }

    /// Polls a run and records how it has ended. What it knew is of no account then.
    pub(super) async fn track_run<T, E>(
        &self,
        run: usize,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.0.running.lock().unwrap().insert(run, Instant::now());
        let output = future.await;
        self.0.running.lock().unwrap().remove(&run);
        self.0.puts.lock().unwrap().remove(&run);
        let mut answers = self.0.answers.lock().unwrap();
        answers.retain(|(answered, _), _| *answered != run);
        self.0.holds.lock().unwrap().remove(&run);
        self.0.ended.lock().unwrap().insert(run, output.is_ok());
        output
    }

    fn add_waiting(&self, call: Call) -> oneshot::Receiver<()> {
        let (let_through, passed) = oneshot::channel();
        let since = Instant::now();
        let open_keys = self.0.open_keys.lock().unwrap();
        if call.adds_launch_permission && open_keys.get(&call.run) == Some(&false) {
            self.0.early.store(true, Ordering::Relaxed);
        }
        self.0.waiting.lock().unwrap().push(WaitingCall {
            call,
            since,
            let_through,
        });
        self.0.arrived.notify_one();
        passed
    }

    /// The calls that wait, without those that their run gave up, and since when the first does.
    pub(super) fn list_waiting(&self) -> (Vec<Call>, Option<Instant>) {
        let mut waiting = self.0.waiting.lock().unwrap();
        waiting.retain(|one| !one.let_through.is_closed());
        let mut calls: Vec<Call> = waiting.iter().map(|one| one.call.clone()).collect();
        calls.sort();
        (calls, waiting.iter().map(|one| one.since).min())
    }

    pub(super) fn let_through(&self, call: &Call) {
        let mut waiting = self.0.waiting.lock().unwrap();
        let position = waiting.iter().position(|one| one.call == *call).unwrap();
        let _ = waiting.remove(position).let_through.send(());
        let mut running = self.0.running.lock().unwrap();
        running.insert(call.run, Instant::now());
        if call.is_put() {
            self.0.puts.lock().unwrap().insert(call.run, Instant::now());
        }
    }

    /// Records what a run is answered, without the ID of the request.
    fn record_answer(&self, call: &Call, answer: &str) {
        // EC2 and STS write it differently.
        let id = ["requestId>", "RequestId>"]
            .into_iter()
            .find(|id| answer.contains(id))
            .unwrap_or("requestId>");
        let (before, rest) = answer.split_once(id).unwrap_or((answer, ""));
        let after = rest.split_once(id).map_or("", |(_, after)| after);
        let last = digest(&(call, before, after));
        let before = self.0.last_answers.lock().unwrap().insert(call.run, last);
        // A policy that is read once more because the last answer got too old is not news.
        if before != Some(last) || call.is_change() {
            let mut answers = self.0.answers.lock().unwrap();
            let known = answers.entry((call.run, call.touches.clone()));
            let known = known.or_default();
            *known = digest(&(*known, last));
        }
    }

    /// Records whether the key is open, as far as a run knows.
    fn note_key(&self, call: &Call, sent: &str, answer: &str) {
        let mut open_keys = self.0.open_keys.lock().unwrap();
        match call.operation.as_str() {
            "GetKeyPolicy" => _ = open_keys.insert(call.run, answer.contains(&self.0.target)),
            "PutKeyPolicy" => _ = open_keys.insert(call.run, sent.contains(&self.0.target)),
            _ => {}
        }
    }

    /// Whether a run asked for a launch permission before it knew that the key is open.
    pub(super) fn has_early_permission(&self) -> bool {
        self.0.early.load(Ordering::Relaxed)
    }

    /// What decides how the runs continue, apart from the world: what each run knows, and what it
    /// waits for since when, in half seconds.
    pub(super) fn digest_state(&self) -> u64 {
        let now = Instant::now();
        let half_seconds = |since: Instant| (now - since).as_millis().div_euclid(250).div_ceil(2);
        let waiting = self.0.waiting.lock().unwrap();
        let mut waiting: Vec<_> = waiting
            .iter()
            .map(|one| (&one.call, half_seconds(one.since)))
            .collect();
        waiting.sort();
        let mut running = Vec::new();
        for (run, since) in &*self.0.running.lock().unwrap() {
            let sleeps = waiting.iter().all(|(call, _)| call.run != *run);
            running.push((*run, sleeps.then(|| half_seconds(*since))));
        }
        let mut watches = Vec::new();
        for (run, since) in &*self.0.puts.lock().unwrap() {
            watches.push((*run, is_watch(*since).then(|| half_seconds(*since))));
        }
        let answers = self.0.answers.lock().unwrap();
        let ended = self.0.ended.lock().unwrap();
        digest(&(waiting, running, watches, &*answers, &*ended))
    }

    /// How often calls of each run were held back.
    pub(super) fn list_holds(&self) -> BTreeMap<usize, usize> {
        self.0.holds.lock().unwrap().clone()
    }

    pub(super) fn count_holds(&self, run: usize) -> usize {
        let holds = self.0.holds.lock().unwrap();
        holds.get(&run).copied().unwrap_or_default()
    }

    /// Records that calls wait while time passes.
    pub(super) fn record_holds(&self, calls: &[Call]) {
        let mut holds = self.0.holds.lock().unwrap();
        let runs: BTreeSet<usize> = calls.iter().map(|call| call.run).collect();
        for run in runs {
            *holds.entry(run).or_default() += 1;
        }
    }

    /// Ends when a call arrives that does not wait here yet.
    pub(super) fn next_arrival(&self) -> impl Future<Output = ()> {
        // Forget earlier arrivals.
        let _ = self.0.arrived.notified().now_or_never();
        self.0.arrived.notified()
    }

    /// Since when a run sleeps that neither waits here nor has ended, or watches a key policy while
    /// it goes on.
    pub(super) fn find_sleep(&self, waiting: &[Call]) -> Option<Instant> {
        let running = self.0.running.lock().unwrap();
        let sleeps = |run: &usize| waiting.iter().all(|call| call.run != *run);
        let sleeping = running.iter().filter(|(run, _)| sleeps(run));
        let puts = self.0.puts.lock().unwrap();
        let watching = puts.iter().filter(|(_, since)| is_watch(**since));
        sleeping.chain(watching).map(|(_, since)| *since).min()
    }
}

/// Whether a run that has put a key policy then still watches it for the first time.
fn is_watch(since: Instant) -> bool {
    since.elapsed() < SETTLE
}

pub(super) fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
