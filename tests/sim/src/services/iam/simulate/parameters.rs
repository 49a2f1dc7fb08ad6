//! The checks of a simulation's parameters.

use super::invalid;
use super::resources::is_arn;
use crate::wire::{Fail, Query};

/// What launches of EC2 can be simulated with all their resources.
const HANDLING_OPTIONS: [&str; 4] = [
    "EC2-VPC-InstanceStore",
    "EC2-VPC-InstanceStore-Subnet",
    "EC2-VPC-EBS",
    "EC2-VPC-EBS-Subnet",
];
/// In AWS's order, which its message has.
const CONTEXT_TYPES: [&str; 12] = [
    "binary",
    "ipList",
    "booleanList",
    "ip",
    "boolean",
    "numericList",
    "dateList",
    "numeric",
    "date",
    "stringList",
    "string",
    "binaryList",
];

/// Checks lengths and enumerations as AWS's models state them.
///
/// # Errors
/// `ValidationError` with every problem.
pub(super) fn check_model(query: &Query) -> Result<(), Fail> {
    let mut problems = Vec::new();
    for (index, name) in query.list("ActionNames.member").iter().enumerate() {
        let place = format!("actionNames.{}.member", index + 1);
        problems.extend(check_length(&place, name, 3, 128));
    }
    for (index, arn) in query.list("ResourceArns.member").iter().enumerate() {
        let place = format!("resourceArns.{}.member", index + 1);
        problems.extend(check_length(&place, arn, 1, 2048));
    }
    let lengths = [
        ("PolicySourceArn", "policySourceArn", 20, 2048),
        ("CallerArn", "callerArn", 1, 2048),
        ("ResourceOwner", "resourceOwner", 1, 2048),
        ("ResourceHandlingOption", "resourceHandlingOption", 1, 64),
        ("Marker", "marker", 1, 320),
    ];
    for (name, place, least, most) in lengths {
        if let Some(value) = query.get(name) {
            problems.extend(check_length(place, value, least, most));
        }
    }
    for (index, entry) in query.members("ContextEntries.member").iter().enumerate() {
        let place = format!("contextEntries.{}.member", index + 1);
        if let Some(name) = entry.get("ContextKeyName") {
            let place = format!("{place}.contextKeyName");
            problems.extend(check_length(&place, name, 5, 256));
        }
        if let Some(kind) = entry.get("ContextKeyType")
            && !CONTEXT_TYPES.contains(&kind)
        {
            let types = CONTEXT_TYPES.join(", ");
            problems.push(format!(
                "Value at '{place}.contextKeyType' failed to satisfy constraint: Member must \
                 satisfy enum value set: [{types}]"
            ));
        }
    }
    if let Some(items) = query.get("MaxItems") {
        problems.extend(check_max_items(items));
    }
    model_error(&problems)
}

fn check_length(place: &str, value: &str, least: usize, most: usize) -> Option<String> {
    let length = value.chars().count();
    let bound = if length < least {
        format!("greater than or equal to {least}")
    } else if length > most {
        format!("less than or equal to {most}")
    } else {
        return None;
    };
    Some(format!(
        "Value at '{place}' failed to satisfy constraint: Member must have length {bound}"
    ))
}

fn check_max_items(items: &str) -> Option<String> {
    let bound = match items.parse::<i64>() {
        Ok(1..=1000) => return None,
        Ok(1001..) => "less than or equal to 1000",
        _ => "greater than or equal to 1",
    };
    Some(format!(
        "Value at 'maxItems' failed to satisfy constraint: Member must have value {bound}"
    ))
}

fn model_error(problems: &[String]) -> Result<(), Fail> {
    let count = match problems.len() {
        0 => return Ok(()),
        1 => "1 validation error".to_owned(),
        more => format!("{more} validation errors"),
    };
    let message = format!("{count} detected: {}", problems.join("; "));
    Err(Fail::bad("ValidationError", message))
}

/// Checks actions, resources, and how those are to be handled. Without resources nothing looks at
/// the handling.
pub(super) fn check_names(query: &Query) -> Result<(), Fail> {
    let actions = query.list("ActionNames.member");
    let resources = query.list("ResourceArns.member");
    let is_whole = |action: &&str| match action.split_once(':') {
        Some((service, name)) => !service.is_empty() && !name.is_empty(),
        None => false,
    };
    if !actions.iter().all(is_whole) {
        let message = "The action is invalid since it is missing names";
        return Err(invalid(message.to_owned()));
    }
    for arn in &resources {
        if *arn != "*" && !is_arn(arn) {
            return Err(not_an_arn(arn));
        }
    }
    let option = query.get("ResourceHandlingOption");
    if let (Some(option), false) = (option, resources.is_empty()) {
        check_handling(option, &actions)?;
    }
    Ok(())
}

pub(super) fn not_an_arn(text: &str) -> Fail {
    invalid(format!(
        "ResourceNames are not in a valid ARN format: {text}."
    ))
}

fn check_handling(option: &str, actions: &[&str]) -> Result<(), Fail> {
    const PAGE: &str = "Please refer to the documentation for more details: \
                        https://docs.aws.amazon.com/IAM/latest/APIReference/\
                        API_SimulateCustomPolicy.html";
    let problem = "Invalid input resource handling options.";
    let is_launch = |action: &str| action.eq_ignore_ascii_case("ec2:RunInstances");
    if let Some(other) = actions.iter().find(|action| !is_launch(action)) {
        return Err(invalid(format!(
            "{problem} Action does not support resource handling options: {other}. {PAGE}"
        )));
    }
    if !HANDLING_OPTIONS.contains(&option) {
        return Err(invalid(format!(
            "{problem} Unknown option: {option}. {PAGE}"
        )));
    }
    Ok(())
}
