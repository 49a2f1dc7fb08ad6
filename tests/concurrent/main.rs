//! A share concurrent with a revoke, in every order that makes a difference.
//!
//! These are unit tests of the library because a run that must go the same way twice needs a sharer
//! without jitter, which is not public.

mod gate;
mod pair;
mod search;
mod share_and_revoke;

#[path = "../core"]
mod scenarios {
    #[expect(dead_code, unused_imports, reason = "the scenarios use the rest")]
    pub(super) mod support;
}
