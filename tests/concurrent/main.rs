//! A share concurrent with a revoke, in every order that makes a difference. These are unit tests of
//! the library: a run that must go the same way twice needs a sharer without jitter, and that is
//! not public.

mod gate;
mod search;
mod share_and_revoke;
#[expect(dead_code, reason = "the scenarios use the rest")]
#[path = "../core/support.rs"]
mod support;
