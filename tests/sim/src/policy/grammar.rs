//! The grammar of policy documents, as IAM checks what it is given.

use serde_json::{Map, Value};

use super::Document;

const DOCUMENT: [&str; 3] = ["Version", "Id", "Statement"];
const STATEMENT: [&str; 7] = [
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];
const PRINCIPAL: [&str; 2] = ["Principal", "NotPrincipal"];
const VERSIONS: [&str; 2] = ["2008-10-17", "2012-10-17"];

/// What a policy belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyOwner {
    /// A user, group or role, as a policy of it or as its boundary; or an organization.
    Identity,
    /// A resource; only such a policy names principals.
    Resource,
}

impl Document {
    /// Parses a document from its text, and refuses every member that IAM does not know.
    ///
    /// # Errors
    /// One message with the place of the first mistake.
    pub fn from_strict_text(text: &str, owner: PolicyOwner) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let document = Self::parse(&value)?;
        let Some(members) = value.as_object() else {
            return Err("the document is not an object".to_owned());
        };
        check_names(members, |name| DOCUMENT.contains(&name))?;
        if let Some(version) = members.get("Version")
            && !version
                .as_str()
                .is_some_and(|version| VERSIONS.contains(&version))
        {
            return Err(format!("Version: {version}"));
        }
        for statement in statements(&value) {
            check_statement(statement, owner)?;
        }
        Ok(document)
    }
}

fn check_statement(members: &Map<String, Value>, owner: PolicyOwner) -> Result<(), String> {
    let of_resource = owner == PolicyOwner::Resource;
    check_names(members, |name| {
        STATEMENT.contains(&name) || of_resource && PRINCIPAL.contains(&name)
    })?;
    let has = |names: &[&str]| names.iter().any(|name| members.contains_key(*name));
    if of_resource && !has(&PRINCIPAL) {
        return Err("neither Principal nor NotPrincipal".to_owned());
    }
    if !has(&["Resource", "NotResource"]) {
        return Err("neither Resource nor NotResource".to_owned());
    }
    Ok(())
}

fn check_names(
    members: &Map<String, Value>,
    is_known: impl Fn(&str) -> bool,
) -> Result<(), String> {
    match members.keys().find(|name| !is_known(name)) {
        Some(name) => Err(format!("{name}: unknown")),
        None => Ok(()),
    }
}

/// The statements of a document, of which there may be one without a list.
pub(super) fn statements(document: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    let statements = document.get("Statement");
    let list = match statements {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    list.iter().filter_map(Value::as_object)
}
