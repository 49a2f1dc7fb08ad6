//! The two ways in.

pub mod loopback;
pub(crate) mod sdk;
