//! The built binary against the simulated AWS over loopback, and the files that must agree with it.

mod bad_input;
mod documents;
mod ends;
mod shares;
mod support;
