//! What may happen next.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::concurrent::gate::{Call, Gate};

/// Long enough for every run to do what it can do.
pub(super) const MOMENT: Duration = Duration::from_millis(1);
/// Shortly before a run looks at the policy that it has put, after `settle`, 5 s; later pauses are
/// longer.
const ALMOST_SETTLED: Duration = Duration::from_millis(4_500);
/// How long a call is held back at most.
const LONGEST_HOLD: Duration = Duration::from_secs(25);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Move {
    /// A call is let through.
    Pass(Call),
    /// Time passes until shortly before the sleeping run wakes.
    AlmostWake,
    /// Time passes until a call arrives.
    Wait,
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(call) => write!(f, "{} {}", call.run, call.operation),
            other => write!(f, "{other:?}"),
        }
    }
}

/// The moves that are possible at a point, and until when time would pass.
pub(super) struct Options {
    pub(super) moves: Vec<Move>,
    pub(super) almost_awake: Option<Instant>,
    pub(super) longest_hold: Option<Instant>,
}

/// What may happen while these calls wait, the first of them since that moment.
pub(super) fn list_moves(
    gate: &Gate,
    waiting: Vec<Call>,
    since: Option<Instant>,
    holds: usize,
) -> Options {
    let now = Instant::now();
    let waits_for = |operation: &str| waiting.iter().any(|call| call.operation == operation);
    // A put that is held back for 2 s fails, any other call after 30 s, and was never sent.
    let longest_hold = since.map(|since| since + LONGEST_HOLD);
    let has_time = longest_hold.is_none_or(|longest| now + LONGEST_HOLD / 2 < longest);
    let has_holds = waiting
        .iter()
        .all(|call| gate.count_holds(call.run) < holds);
    let can_hold = has_time && has_holds;
    // A put can come after a run has woken only if the policy was read shortly before.
    let (reads, puts) = (waits_for("GetKeyPolicy"), waits_for("PutKeyPolicy"));
    let sleep = gate.find_sleep(&waiting);
    let almost_awake = sleep.map(|since| since + ALMOST_SETTLED);

    let mut moves: Vec<Move> = waiting.into_iter().map(Move::Pass).collect();
    match almost_awake {
        _ if moves.is_empty() => moves.push(Move::Wait),
        Some(at) if can_hold && reads && now < at => moves.push(Move::AlmostWake),
        Some(at) if can_hold && (!puts || now >= at) => moves.push(Move::Wait),
        _ => {}
    }
    Options {
        moves,
        almost_awake,
        longest_hold,
    }
}
