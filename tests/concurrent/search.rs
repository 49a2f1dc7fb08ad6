//! Two runs whose calls pass a gate one at a time, in every order that makes a difference.
//!
//! An order is a path of moves. The search follows every path, depth first, each in a new world,
//! but leaves out paths that can only repeat what others showed:
//!
//! - Two orders that differ only in calls which do not depend on each other are one. At each point
//!   the search keeps the calls that need not come next because an earlier path covers what
//!   follows them (a *sleep set*). Calls of two runs depend on each other if they touch the same
//!   part of the world and one changes it. Two calls that one run has under way at once do unless
//!   both read, and different parts: it learns the same in either order.
//! - A path ends at a state that another path reached: the world is the same, and each run got the
//!   same answers about each part of it and waits for the same. Which of two answers about
//!   different parts came first is no part of a state: a run waits for both. Of a run that has
//!   ended, only whether it succeeded matters.
//! - It ends as well if that state was reached with fewer holds (see below): from there, everything
//!   was tried that may follow here.
//!
//! Thus a few hundred paths stand for millions. That they lose nothing, tests show in which paths
//! go on from known states, and in which a share makes a mistake on purpose (`gate/defect.rs`).
//!
//! Time is a move too: while a run watches the key policy that it has put, calls of the other may
//! be held back until shortly before that run looks again, or until it has looked; and its own
//! calls, since a share goes on meanwhile. A run that is held back again and again would make
//! endless paths, so each run is held back only a given number of times on a path
//! ([`Search::new`]).
//!
//! The search does not cover lost answers, nor moments shortly before the end of the longer pauses
//! of a share that has to put a policy once more. Tests with random slow calls cover such moments;
//! `tests/core/contention.rs` covers lost answers.

mod moves;

use std::collections::{BTreeMap, HashMap};

use tokio::time::{Instant, sleep};

use self::moves::{MOMENT, Move, list_moves};
use super::gate::{Call, Gate, digest};

/// A digest of a state, and how often each run was held back on the way to it.
type State = (u64, BTreeMap<usize, usize>);

/// A point of a path.
#[derive(Debug)]
struct Point {
    /// What can be done next.
    moves: Vec<Move>,
    /// The move that the path takes, by its number.
    taken: usize,
    /// The calls that need not come next because an earlier path covers what follows them.
    covered: Vec<Call>,
}

/// What bounds the moves from a state.
#[derive(Debug)]
struct Left {
    covered: Vec<Call>,
    holds: BTreeMap<usize, usize>,
}

impl Left {
    /// Whether everything that can come from the other was tried from this one.
    fn includes(&self, other: &Self) -> bool {
        let fewer_holds = self.holds.iter().all(|(run, held)| {
            let others = other.holds.get(run).copied().unwrap_or_default();
            *held <= others
        });
        let fewer_covered = self.covered.iter().all(|call| other.covered.contains(call));
        fewer_holds && fewer_covered
    }
}

/// All paths, one after the other; or a single one.
#[derive(Debug, Default)]
pub(super) struct Search {
    path: Vec<Point>,
    depth: usize,
    /// For a single path, the number of the move at each point; the first move if there are no more
    /// numbers.
    single: Option<Vec<usize>>,
    /// How often each run is held back at most.
    holds: usize,
    /// Whether paths continue from states that others reached.
    repeats_states: bool,
    /// The states that paths reached, each with what was still to come from there.
    seen: HashMap<u64, Vec<Left>>,
    /// How many paths led elsewhere when they were followed again.
    pub(super) lost: usize,
}

impl Search {
    /// All paths on which each run is held back at most that often.
    pub(super) fn new(holds: usize) -> Self {
        Self {
            holds,
            ..Self::default()
        }
    }

    /// The same, but paths continue from states that others reached.
    pub(super) fn with_repeated_states(self) -> Self {
        Self {
            repeats_states: true,
            ..self
        }
    }

    /// A single path, on which a run may be held back any number of times.
    pub(super) fn single_path(numbers: Vec<usize>) -> Self {
        Self {
            single: Some(numbers),
            holds: usize::MAX,
            ..Self::default()
        }
    }

    /// The path so far, as a failed test prints it.
    pub(super) fn describe_path(&self) -> Vec<String> {
        let taken = self.path.iter().map(|point| &point.moves[point.taken]);
        taken.map(ToString::to_string).collect()
    }

    /// Which move of how many is taken at each point.
    pub(super) fn describe_progress(&self) -> String {
        let points = self.path.iter();
        let taken = points.map(|point| format!("{}/{}", point.taken + 1, point.moves.len()));
        taken.collect::<Vec<_>>().join(" ")
    }

    /// Moves on to the next path; returns whether there is one.
    pub(super) fn advance(&mut self) -> bool {
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

    /// The next move of the path; `None` if other paths cover everything from here on.
    fn choose_move(&mut self, moves: Vec<Move>, state: impl FnOnce() -> State) -> Option<Move> {
        if let Some(numbers) = &self.single {
            let number = numbers.get(self.depth).copied().unwrap_or_default();
            let taken = number % moves.len();
            self.path.push(Point {
                moves,
                taken,
                covered: Vec::new(),
            });
        } else {
            self.drop_lost_path(&moves);
            if self.depth == self.path.len() {
                let point = self.explore(moves, state)?;
                self.path.push(point);
            }
        }
        let point = &self.path[self.depth];
        self.depth += 1;
        Some(point.moves[point.taken].clone())
    }

    /// The SDK's pauses before it tries again have jitter, so that a move of the last time may not
    /// be possible now.
    fn drop_lost_path(&mut self, moves: &[Move]) {
        let Some(point) = self.path.get(self.depth) else {
            return;
        };
        if !moves.contains(&point.moves[point.taken]) {
            self.lost += 1;
            // States on the lost part of the path were not explored to the end.
            self.seen.clear();
            self.path.truncate(self.depth);
        }
    }

    /// A new point with the moves that no other path covers; `None` if there are none.
    fn explore(&mut self, mut moves: Vec<Move>, state: impl FnOnce() -> State) -> Option<Point> {
        let covered = self.path.last().map(list_covered).unwrap_or_default();
        moves.retain(|next| !matches!(next, Move::Pass(call) if covered.contains(call)));
        if moves.is_empty() {
            return None;
        }
        // From a state in which no more was covered than now, and runs were held back no more
        // often, everything was tried.
        let (state, holds) = state();
        let seen = self.seen.entry(state).or_default();
        let left = Left {
            covered: covered.clone(),
            holds,
        };
        if !self.repeats_states && seen.iter().any(|before| before.includes(&left)) {
            return None;
        }
        seen.push(left);
        Some(Point {
            moves,
            taken: 0,
            covered,
        })
    }

    /// Lets the calls of runs pass along one path; `None` if the path need not be followed to its
    /// end.
    pub(super) async fn follow<T>(
        &mut self,
        gate: &Gate,
        world: impl Fn() -> String,
        runs: impl Future<Output = T>,
    ) -> Option<T> {
        let mut runs = std::pin::pin!(runs);
        loop {
            // The clock is paused: time passes only when no run has anything else to do.
            tokio::select! {
                biased;
                ended = &mut runs => return Some(ended),
                () = sleep(MOMENT) => {}
            }
            let (waiting, since) = gate.list_waiting();
            let (idle, touching): (Vec<Call>, Vec<Call>) = waiting
                .iter()
                .cloned()
                .partition(|call| call.touches.is_none());
            if !idle.is_empty() {
                for call in &idle {
                    gate.let_through(call);
                }
                continue;
            }
            let options = list_moves(gate, touching, since, self.holds);
            let state = || (digest(&(world(), gate.digest_state())), gate.list_holds());
            let until = match self.choose_move(options.moves, state)? {
                Move::Pass(call) => {
                    gate.let_through(&call);
                    continue;
                }
                Move::AlmostWake => options.almost_awake,
                Move::Wait => options.longest_hold,
            };
            gate.record_holds(&waiting);
            let until = sleep(until.map_or(std::time::Duration::MAX, |at| at - Instant::now()));
            tokio::select! {
                biased;
                ended = &mut runs => return Some(ended),
                () = gate.next_arrival() => {}
                () = until => {}
            }
        }
    }
}

/// The calls that need not come next after this point, because earlier paths cover what follows
/// them.
fn list_covered(point: &Point) -> Vec<Call> {
    let Move::Pass(taken) = &point.moves[point.taken] else {
        return Vec::new();
    };
    let mut covered = point.covered.clone();
    for tried in &point.moves[..point.taken] {
        if let Move::Pass(call) = tried {
            covered.push(call.clone());
        }
    }
    covered.retain(|call| !call.depends_on(taken));
    covered
}
