//! Nothing but a test: see `tests/main.rs`.
