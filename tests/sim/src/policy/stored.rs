//! What IAM checks of a policy when it is stored, and STS does not check of a session policy: the
//! values of conditions fit the type of their operator (recorded).

use serde_json::Value;

use super::texts;

/// Checks the values of every condition of a document. Values of `Bool` and `Null` are not checked.
///
/// # Errors
/// One message with the operator and the value.
pub(crate) fn check_values(document: &str) -> Result<(), String> {
    let document: Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
    let statements = match &document["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        one => vec![one],
    };
    for statement in statements {
        let operators = statement["Condition"].as_object();
        for (operator, keys) in operators.into_iter().flatten() {
            for values in keys.as_object().into_iter().flat_map(|keys| keys.values()) {
                for value in texts(values).unwrap_or_default() {
                    if !fits(operator, &value) {
                        return Err(format!("Condition.{operator}: {value} is no such value"));
                    }
                }
            }
        }
    }
    Ok(())
}

fn fits(operator: &str, value: &str) -> bool {
    let name = operator.rsplit(':').next().unwrap_or(operator);
    let name = name.strip_suffix("IfExists").unwrap_or(name);
    // The value of a variable is known only when the policy is evaluated.
    let is_known = !value.contains("${");
    match name {
        _ if !is_known => true,
        _ if name.starts_with("Arn") => value == "*" || value.splitn(6, ':').count() == 6,
        _ if name.starts_with("Numeric") => value.parse().is_ok_and(f64::is_finite),
        _ if name.starts_with("Date") => is_date(value),
        _ if name.ends_with("IpAddress") => is_network(value),
        "BinaryEquals" => aws_smithy_types::base64::decode(value).is_ok(),
        _ => true,
    }
}

/// A date with or without its time, or seconds since 1970.
fn is_date(value: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if is_number(value) {
        return true;
    }
    let date = value.split('T').next().unwrap_or_default();
    let parts: Vec<&str> = date.split('-').collect();
    parts.len() == 3 && parts.into_iter().all(is_number)
}

fn is_network(value: &str) -> bool {
    let (address, bits) = match value.split_once('/') {
        Some((address, bits)) => (address, bits.parse::<u8>().ok()),
        None => (value, Some(0)),
    };
    let most = if address.contains(':') { 128 } else { 32 };
    address.parse::<std::net::IpAddr>().is_ok() && bits.is_some_and(|bits| bits <= most)
}
