//! The policies that a request brings along.

use std::sync::Arc;

use serde_json::Value;

use super::invalid;
use super::parameters::not_an_arn;
use super::policies::Source;
use super::resources::is_arn;
use super::sources::unclear_entity;
use crate::policy::{Document, PolicyOwner, texts};
use crate::wire::{Fail, Query};

/// The identity policies of a request, named by their place in it.
pub(super) fn identity(query: &Query) -> Result<Vec<Source>, Fail> {
    read_list(query, "PolicyInputList", "Policy input")
}

/// The boundary of a request: at most one.
pub(super) fn boundary(query: &Query) -> Result<Option<Source>, Fail> {
    let list = "PermissionsBoundaryPolicyInputList";
    let mut sources = read_list(query, list, "Permissions Boundary policy input")?;
    if sources.len() > 1 {
        let message = "The list of Permissions Boundary policies cannot exceed 1 items.";
        return Err(invalid(message.to_owned()));
    }
    Ok(sources.pop())
}

/// The service control policies of a request by level, if it has any.
pub(super) fn controls(query: &Query) -> Result<Option<Vec<Vec<Arc<Document>>>>, Fail> {
    let mut levels = Vec::new();
    for level in query.members("OrderedOrganizationPolicyInputList.member") {
        let list = "ServiceControlPolicyInputList";
        let sources = read_list(&level, list, "Service control policy input")?;
        let documents = sources.into_iter().map(|source| source.document);
        levels.push(documents.collect());
    }
    Ok((!levels.is_empty()).then_some(levels))
}

fn read_list(query: &Query, list: &str, words: &str) -> Result<Vec<Source>, Fail> {
    let mut sources = Vec::new();
    let texts = query.list(&format!("{list}.member"));
    for (index, text) in texts.into_iter().enumerate() {
        let place = index + 1;
        let wrong = |_| invalid(format!("{words} list item {place} has invalid content"));
        let document = Document::from_strict_text(text, PolicyOwner::Identity).map_err(wrong)?;
        sources.push(Source {
            id: format!("{list}.{place}"),
            key: String::new(),
            text: text.to_owned(),
            document: Arc::new(document),
        });
    }
    Ok(sources)
}

/// The policy of the resources. It has to name them, as the request does (R7.21).
pub(super) fn resource(query: &Query) -> Result<Option<Source>, Fail> {
    let Some(text) = query.get("ResourcePolicy") else {
        return Ok(None);
    };
    let wrong = |_| invalid("Resource policy has invalid content".to_owned());
    let document = Document::from_strict_text(text, PolicyOwner::Resource).map_err(wrong)?;
    let resources = query.list("ResourceArns.member");
    if resources.is_empty() || resources.contains(&"*") {
        return Err(unclear_entity("*"));
    }
    if let Some(other) = named_resources(text).iter().find(|arn| !is_arn(arn)) {
        return Err(not_an_arn(other));
    }
    Ok(Some(Source {
        id: "ResourcePolicy".to_owned(),
        key: String::new(),
        text: text.to_owned(),
        document: Arc::new(document),
    }))
}

fn named_resources(text: &str) -> Vec<String> {
    let mut named = Vec::new();
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let statements = match &document["Statement"] {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    for statement in statements {
        for name in ["Resource", "NotResource"] {
            named.extend(texts(&statement[name]).unwrap_or_default());
        }
    }
    named
}
