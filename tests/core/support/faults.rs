//! Faults of the simulated AWS.

use serde_json::{Value, json};

/// The first call of an operation is answered with this error.
pub(crate) fn fail_first_call(operation: &str, code: &str, message: &str) -> Value {
    let error = json!({ "status": 400, "code": code, "message": message });
    json!({ "operation": operation, "call": 1, "effect": { "error": error } })
}

/// Every call of an operation is denied.
pub(crate) fn deny_calls(operation: &str, code: &str, message: &str) -> Value {
    let error = json!({ "status": 403, "code": code, "message": message });
    json!({ "operation": operation, "effect": { "error": error } })
}

/// One call of an operation goes wrong in this way.
pub(crate) fn affect_call(operation: &str, call: usize, effect: &str) -> Value {
    json!({ "operation": operation, "call": call, "effect": effect })
}

/// Every call of an operation goes wrong in this way.
pub(crate) fn affect_calls(operation: &str, effect: &str) -> Value {
    json!({ "operation": operation, "effect": effect })
}

/// Every answer of an operation lacks a member.
pub(crate) fn answer_without(operation: &str, path: &str) -> Value {
    let answer = json!({ "path": path });
    json!({ "operation": operation, "effect": { "answer": answer } })
}

/// One call of an operation takes so much longer.
pub(crate) fn delay_call(operation: &str, call: usize, seconds: f64) -> Value {
    let delay = json!({ "seconds": seconds });
    json!({ "operation": operation, "call": call, "effect": { "delay": delay } })
}

/// The first copy fails.
pub(crate) fn fail_first_copy(message: &str) -> Value {
    let failure = json!({ "message": message });
    json!({ "operation": "ec2:CopyImage", "call": 1, "effect": { "fail-copy": failure } })
}
