//! Runs whose calls pass a gate one at a time, in every order that makes a difference.
//!
//! Every call of a run waits at the gate until it is let through, and is then answered before anything else happens. An
//! order is a path of such choices; the search goes through all of them, depth first, each in a new world. Two orders that
//! differ only in calls which do not touch the same thing are one (sleep sets, after Godefroid), so a few hundred stand
//! for millions. Time is a choice too: while one run waits for a key policy to settle, calls of the other may be held back
//! until shortly before it wakes, or until it has woken.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ami_share::aws_config::SdkConfig;
use ami_share::aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use futures::FutureExt as _;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep};

/// In which everybody does what there is to do.
const MOMENT: Duration = Duration::from_millis(1);
/// Shortly before a run wakes that waits for `settle`, 10 s.
const ALMOST: Duration = Duration::from_millis(9_500);
/// How long a call is held back at most.
const HELD: Duration = Duration::from_secs(25);

/// A call of a run: what it does to which part of the world. What no run changes counts as nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    run: usize,
    operation: String,
    touches: Option<String>,
}

impl Call {
    fn read(run: usize, request: &HttpRequest, contended: &[String]) -> Self {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let target = request.headers().get("x-amz-target").and_then(|target| target.split('.').nth(1));
        let member = |name: &str| {
            let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).next()
        };
        let operation = target.map(str::to_owned).or_else(|| member("Action")).unwrap();
        let touches = match operation.as_str() {
            "GetKeyPolicy" | "PutKeyPolicy" => Some("policy".to_owned()),
            "ListGrants" | "CreateGrant" | "RevokeGrant" => Some("grants".to_owned()),
            "DescribeImageAttribute" | "ModifyImageAttribute" => member("ImageId"),
            _ => None,
        };
        let touches = touches.filter(|touched| contended.contains(touched));
        Self { run, operation, touches }
    }

    fn changes(&self) -> bool {
        !["Get", "List", "Describe"].iter().any(|reading| self.operation.starts_with(reading))
    }

    /// Whether it matters which of the two comes first.
    fn meets(&self, other: &Self) -> bool {
        self.run == other.run || (self.touches == other.touches && (self.changes() || other.changes()))
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
    arrived: Notify,
}

impl Gate {
    /// A gate for runs that change only these: `policy`, `grants`, IDs of images.
    pub(crate) fn over(contended: impl Into<Vec<String>>) -> Self {
        Self(Arc::new(Inner { contended: contended.into(), ..Inner::default() }))
    }

    /// A configuration whose calls wait here as those of a run.
    pub(crate) fn before(&self, run: usize, config: &SdkConfig) -> SdkConfig {
        let inner = config.http_client().unwrap();
        let door = SharedHttpClient::new(Door { run, gate: self.clone(), inner });
        // A call that is held back is no stalled one.
        let patient = StalledStreamProtectionConfig::disabled();
        config.to_builder().http_client(door).stalled_stream_protection(patient).build()
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
        self.0.waiting.lock().unwrap().push((call, Instant::now(), go));
        self.0.arrived.notify_one();
        passed
    }

    /// Those who wait, without those whom their run gave up; and since when.
    fn waiting(&self) -> (Vec<Call>, Option<Instant>) {
        let mut waiting = self.0.waiting.lock().unwrap();
        waiting.retain(|(_, _, go)| !go.is_closed());
        let mut calls: Vec<Call> = waiting.iter().map(|(call, _, _)| call.clone()).collect();
        calls.sort();
        (calls, waiting.iter().map(|(_, since, _)| *since).min())
    }

    fn pass(&self, call: &Call) {
        let mut waiting = self.0.waiting.lock().unwrap();
        let place = waiting.iter().position(|(known, _, _)| known == call).unwrap();
        let _ = waiting.remove(place).2.send(());
        self.0.running.lock().unwrap().insert(call.run, Instant::now());
    }

    /// Since when a run sleeps that neither waits here nor has ended.
    fn asleep(&self, waiting: &[Call]) -> Option<Instant> {
        let running = self.0.running.lock().unwrap();
        let sleeps = |run: &usize| waiting.iter().all(|call| call.run != *run);
        running.iter().filter(|(run, _)| sleeps(run)).map(|(_, since)| *since).min()
    }
}

#[derive(Clone, Debug)]
struct Door<T> {
    run: usize,
    gate: Gate,
    inner: T,
}

impl HttpClient for Door<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, parts);
        SharedHttpConnector::new(Door { run: self.run, gate: self.gate.clone(), inner })
    }
}

impl HttpConnector for Door<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let passed = self.gate.arrive(Call::read(self.run, &request, &self.gate.0.contended));
        let inner = self.inner.clone();
        HttpConnectorFuture::new(async move {
            passed.await.map_err(|closed| ConnectorError::io(closed.into()))?;
            inner.call(request).await
        })
    }
}

/// What may happen next.
#[derive(Clone, Debug, PartialEq)]
enum Move {
    Pass(Call),
    /// Time passes until shortly before whoever sleeps wakes.
    Almost,
    /// Time passes until somebody comes.
    Wait,
}

/// A point of a path: what could have been done there, what was, and what need not be.
#[derive(Debug)]
struct Point {
    moves: Vec<Move>,
    taken: usize,
    asleep: Vec<Call>,
}

/// All paths, one after the other; or a single one.
#[derive(Debug, Default)]
pub(crate) struct Search {
    path: Vec<Point>,
    depth: usize,
    /// What is taken at each point of a single path, by its number; the first where there is no more.
    given: Option<Vec<usize>>,
}

impl Search {
    /// Only one path.
    pub(crate) fn along(given: Vec<usize>) -> Self {
        Self { given: Some(given), ..Self::default() }
    }

    /// The path so far, as a failed test tells it.
    pub(crate) fn told(&self) -> Vec<String> {
        let taken = self.path.iter().map(|point| &point.moves[point.taken]);
        let told = taken.map(|taken| match taken {
            Move::Pass(call) => format!("{} {}", call.run, call.operation),
            other => format!("{other:?}"),
        });
        told.collect()
    }

    /// Goes to the next path; says whether there is one.
    pub(crate) fn next(&mut self) -> bool {
        self.depth = 0;
        while let Some(last) = self.path.last_mut() {
            last.taken += 1;
            if last.taken < last.moves.len() {
                return true;
            }
            self.path.pop();
        }
        false
    }

    /// What to do next of what can be done; nothing where every order from here on is known.
    fn choose(&mut self, can: Vec<Move>) -> Option<Move> {
        if let Some(given) = &self.given {
            let taken = given.get(self.depth).map_or(0, |number| number % can.len());
            self.depth += 1;
            self.path.push(Point { moves: can, taken, asleep: Vec::new() });
            return self.path.last().map(|point| point.moves[point.taken].clone());
        }
        // Pauses that grow have jitter, so that what could be done last time need not be possible now.
        let changed = self.path.get(self.depth).is_some_and(|point| !can.contains(&point.moves[point.taken]));
        if changed {
            self.path.truncate(self.depth);
        }
        if self.depth == self.path.len() {
            let asleep = self.path.last().map(Self::still_asleep).unwrap_or_default();
            let new = |could: &Move| !matches!(could, Move::Pass(call) if asleep.contains(call));
            let moves: Vec<Move> = can.into_iter().filter(new).collect();
            if moves.is_empty() {
                return None;
            }
            self.path.push(Point { moves, taken: 0, asleep });
        }
        let point = &self.path[self.depth];
        self.depth += 1;
        Some(point.moves[point.taken].clone())
    }

    /// The calls that need not come next after this point: what follows them is known from the moves before.
    fn still_asleep(point: &Point) -> Vec<Call> {
        let Move::Pass(taken) = &point.moves[point.taken] else { return Vec::new() };
        let before = point.moves[..point.taken].iter().filter_map(|before| match before {
            Move::Pass(call) => Some(call),
            _ => None,
        });
        point.asleep.iter().chain(before).filter(|call| !call.meets(taken)).cloned().collect()
    }

    /// Lets the calls of runs pass along one path; nothing where the path needs no end.
    pub(crate) async fn follow<T>(&mut self, gate: &Gate, runs: impl Future<Output = T>) -> Option<T> {
        let mut runs = std::pin::pin!(runs);
        loop {
            // The clock is paused: time passes only when nobody else has anything to do.
            tokio::select! { biased; ended = &mut runs => return Some(ended), () = sleep(MOMENT) => {} }
            let (waiting, since) = gate.waiting();
            let (idle, touching): (Vec<Call>, Vec<Call>) =
                waiting.iter().cloned().partition(|call| call.touches.is_none());
            if !idle.is_empty() {
                idle.iter().for_each(|call| gate.pass(call));
                continue;
            }
            // A put that is held back for 5 s fails, any other call after 30 s, and was never sent.
            let puts = touching.iter().any(|call| call.operation == "PutKeyPolicy");
            let longest = since.map(|since| since + HELD);
            let patient = longest.is_none_or(|longest| Instant::now() + HELD / 2 < longest);
            // A put can come after somebody has woken only where it was read for shortly before.
            let reads = touching.iter().any(|call| call.operation == "GetKeyPolicy");
            let almost = gate.asleep(&waiting).map(|since| since + ALMOST);
            let mut can: Vec<Move> = touching.into_iter().map(Move::Pass).collect();
            match almost {
                _ if can.is_empty() => can.push(Move::Wait),
                Some(at) if patient && reads && Instant::now() < at => can.push(Move::Almost),
                Some(at) if patient && (!puts || Instant::now() >= at) => can.push(Move::Wait),
                _ => {}
            }
            let until = match self.choose(can)? {
                Move::Pass(call) => {
                    gate.pass(&call);
                    continue;
                }
                Move::Almost => almost,
                Move::Wait => longest,
            };
            // Forget those who came before.
            let _ = gate.0.arrived.notified().now_or_never();
            let arrived = gate.0.arrived.notified();
            let until = sleep(until.map_or(Duration::MAX, |at| at - Instant::now()));
            tokio::select! { biased; ended = &mut runs => return Some(ended), () = arrived => {}, () = until => {} }
        }
    }
}
