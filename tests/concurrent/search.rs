//! Runs whose calls pass a gate one at a time, in every order that makes a difference.
//!
//! An order is a path of choices; the search goes through all of them, depth first, each in a new
//! world. Two orders that differ only in calls which do not touch the same thing are one (sleep
//! sets, after Godefroid). A path ends where it comes to a state that another one came to: the
//! world is the same, each run was told the same, and waits for the same. So a few hundred paths
//! stand for millions.
//!
//! Time is a choice too: while one run waits for a key policy to settle, a call of the other may be
//! held back until shortly before it wakes, or until it has woken. That is where the paths would
//! have no end: a run that is held back again and again. So each run is held back only so often on
//! a path ([`Search::of_all`]); all else goes in every order.
//!
//! What is no choice here: answers that are lost, and a moment shortly before the end of the longer
//! pauses of a share that has to put once more. Tests with slow calls at random have such moments;
//! `contention.rs` has lost answers.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::gate::{Call, Gate, digest};

/// In which everybody does what there is to do.
const MOMENT: Duration = Duration::from_millis(1);
/// Shortly before a run wakes that waits for `settle`, 10 s; later pauses are longer.
const ALMOST: Duration = Duration::from_millis(9_500);
/// How long a call is held back at most.
const HELD: Duration = Duration::from_secs(25);

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
    /// What is taken at each point of a single path, by its number; the first where there is no
    /// more.
    given: Option<Vec<usize>>,
    /// How often each run is held back at most.
    holds: usize,
    /// Whether paths go on from states that others came to.
    goes_on: bool,
    /// The states that paths came to, each with what was asleep there.
    seen: HashMap<u64, Vec<Vec<Call>>>,
    /// How many paths led elsewhere when they were followed again.
    pub(crate) lost: usize,
}

impl Search {
    /// All paths on which each run is held back so often at most.
    pub(crate) fn of_all(holds: usize) -> Self {
        Self {
            holds,
            ..Self::default()
        }
    }

    /// The same, and on from states that others came to.
    pub(crate) fn with_known_states(self) -> Self {
        Self {
            goes_on: true,
            ..self
        }
    }

    /// Only one path, on which nobody counts how often a run is held back.
    pub(crate) fn along(given: Vec<usize>) -> Self {
        Self {
            given: Some(given),
            holds: usize::MAX,
            ..Self::default()
        }
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
    fn choose(&mut self, can: Vec<Move>, state: impl FnOnce() -> u64) -> Option<Move> {
        if let Some(given) = &self.given {
            let taken = given.get(self.depth).map_or(0, |number| number % can.len());
            self.depth += 1;
            self.path.push(Point {
                moves: can,
                taken,
                asleep: Vec::new(),
            });
            return self
                .path
                .last()
                .map(|point| point.moves[point.taken].clone());
        }
        // The SDK's pauses before it tries again have jitter, so that what could be done last time
        // need not be possible now.
        let changed = self
            .path
            .get(self.depth)
            .is_some_and(|point| !can.contains(&point.moves[point.taken]));
        if changed {
            self.lost += 1;
            // What was seen on the way that is no more was not gone through.
            self.seen.clear();
            self.path.truncate(self.depth);
        }
        if self.depth == self.path.len() {
            let asleep = self.path.last().map(Self::still_asleep).unwrap_or_default();
            let new = |could: &Move| !matches!(could, Move::Pass(call) if asleep.contains(call));
            let moves: Vec<Move> = can.into_iter().filter(new).collect();
            if moves.is_empty() {
                return None;
            }
            // From a state where no more slept than now, everything was tried.
            let seen = self.seen.entry(state()).or_default();
            if !self.goes_on
                && seen
                    .iter()
                    .any(|slept| slept.iter().all(|call| asleep.contains(call)))
            {
                return None;
            }
            seen.push(asleep.clone());
            self.path.push(Point {
                moves,
                taken: 0,
                asleep,
            });
        }
        let point = &self.path[self.depth];
        self.depth += 1;
        Some(point.moves[point.taken].clone())
    }

    /// The calls that need not come next after this point: what follows them is known from the
    /// moves before.
    fn still_asleep(point: &Point) -> Vec<Call> {
        let Move::Pass(taken) = &point.moves[point.taken] else {
            return Vec::new();
        };
        let before = point.moves[..point.taken]
            .iter()
            .filter_map(|before| match before {
                Move::Pass(call) => Some(call),
                _ => None,
            });
        point
            .asleep
            .iter()
            .chain(before)
            .filter(|call| !call.meets(taken))
            .cloned()
            .collect()
    }

    /// Lets the calls of runs pass along one path; nothing where the path needs no end.
    pub(crate) async fn follow<T>(
        &mut self,
        gate: &Gate,
        world: impl Fn() -> String,
        runs: impl Future<Output = T>,
    ) -> Option<T> {
        let mut runs = std::pin::pin!(runs);
        loop {
            // The clock is paused: time passes only when nobody else has anything to do.
            tokio::select! { biased; ended = &mut runs => return Some(ended), () = sleep(MOMENT) => {} }
            let (waiting, since) = gate.waiting();
            let (idle, touching): (Vec<Call>, Vec<Call>) = waiting
                .iter()
                .cloned()
                .partition(|call| call.touches.is_none());
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
            let patient = patient && touching.iter().all(|call| gate.held(call.run) < self.holds);
            let almost = gate.asleep(&waiting).map(|since| since + ALMOST);
            let mut can: Vec<Move> = touching.into_iter().map(Move::Pass).collect();
            match almost {
                _ if can.is_empty() => can.push(Move::Wait),
                Some(at) if patient && reads && Instant::now() < at => can.push(Move::Almost),
                Some(at) if patient && (!puts || Instant::now() >= at) => can.push(Move::Wait),
                _ => {}
            }
            let until = match self.choose(can, || digest(&(world(), gate.state())))? {
                Move::Pass(call) => {
                    gate.pass(&call);
                    continue;
                }
                Move::Almost => almost,
                Move::Wait => longest,
            };
            gate.hold(&waiting);
            let until = sleep(until.map_or(Duration::MAX, |at| at - Instant::now()));
            tokio::select! {
                biased;
                ended = &mut runs => return Some(ended),
                () = gate.arrival() => {}
                () = until => {}
            }
        }
    }
}
