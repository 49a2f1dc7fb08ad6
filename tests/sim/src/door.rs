//! The two ways in: HTTP on a loopback address, and an HTTP client in process.

pub mod loopback;
mod sdk;
