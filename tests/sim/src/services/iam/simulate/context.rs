//! The condition keys of a simulation (R7.22).

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::invalid;
use crate::auth::set;
use crate::policy::{Context, PrincipalFacts};
use crate::wire::{Fail, Query};

/// The value of `aws:userid` if the request names no caller.
const NOBODY: &str = "STUB_PRINCIPAL_FOR_POLICY_SIMULATOR";

/// The condition keys that every simulation has: they say who calls. The user ID is not the real
/// one.
pub(super) fn defaults(caller: Option<&PrincipalFacts>, account: &str) -> Context {
    let mut context = Context::new();
    set(&mut context, "aws:PrincipalAccount", account);
    let Some(caller) = caller else {
        set(&mut context, "aws:userid", NOBODY);
        return context;
    };
    set(&mut context, "aws:PrincipalAccount", &caller.account);
    set(&mut context, "aws:PrincipalArn", &caller.arn);
    set(&mut context, "aws:userid", &caller.arn);
    let resource = caller.arn.rsplit(':').next().unwrap_or_default();
    if let Some(path) = resource.strip_prefix("user/") {
        let name = path.rsplit('/').next().unwrap_or_default();
        set(&mut context, "aws:username", name);
    }
    context
}

/// The condition keys that the request gives.
///
/// # Errors
/// For a key given twice, and for values that do not have their type.
pub(super) fn entries(query: &Query) -> Result<Context, Fail> {
    let mut context = Context::new();
    for entry in query.members("ContextEntries.member") {
        let name = entry.get("ContextKeyName").unwrap_or_default();
        let values = entry.list("ContextKeyValues.member");
        let Some(kind) = entry.get("ContextKeyType") else {
            return Err(invalid(format!(
                "Context key {name} has invalid type null."
            )));
        };
        if values.is_empty() {
            return Err(invalid(format!(
                "Context values for context key {name} cannot be null or empty."
            )));
        }
        let scalar = kind.strip_suffix("List");
        if scalar.is_none() && values.len() > 1 {
            return Err(invalid(format!(
                "Context key {kind} expected a single value, but received {}.",
                values.len()
            )));
        }
        for value in &values {
            check_value(name, scalar.unwrap_or(kind), value)?;
        }
        let values = values.into_iter().map(str::to_owned).collect();
        if context.insert(name.to_lowercase(), values).is_some() {
            return Err(invalid(format!("Duplicate context key: {name}.")));
        }
    }
    Ok(context)
}

/// Truth values are not checked.
fn check_value(name: &str, kind: &str, value: &str) -> Result<(), Fail> {
    let (is_valid, expected) = match kind {
        "numeric" => (value.parse::<f64>().is_ok(), "numeric format"),
        "date" => (is_date(value), "DateTime format"),
        "ip" => (is_address(value), "IP address"),
        _ => (true, ""),
    };
    if is_valid {
        return Ok(());
    }
    Err(invalid(format!(
        "Invalid context value for key {name}: expected {expected}."
    )))
}

/// A date as ISO 8601 has it, also a year alone, or seconds since 1970.
fn is_date(value: &str) -> bool {
    let is_number = value.parse::<f64>().is_ok();
    let with_day = format!("{value}T00:00:00Z");
    let with_month = format!("{value}-01T00:00:00Z");
    let whole = [value.to_owned(), with_day, with_month];
    let parses = |text: &String| OffsetDateTime::parse(text, &Rfc3339).is_ok();
    is_number || whole.iter().any(parses)
}

/// An address, or a range of addresses.
fn is_address(value: &str) -> bool {
    let (address, bits) = value.split_once('/').unwrap_or((value, "0"));
    address.parse::<std::net::IpAddr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= 128)
}
