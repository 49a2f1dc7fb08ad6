//! IAM policy documents, and how they decide on a request. Pure.

mod condition;
mod grammar;
mod keys;
mod positions;
mod principal;
mod stored;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use condition::Condition;
pub use grammar::PolicyOwner;
pub use keys::{condition_keys, in_hash_order};
pub use positions::{Position, statement_spans};
pub use principal::{PrincipalFacts, PrincipalMatch};
pub(crate) use stored::check_values;

/// Values of condition keys. The keys are in lower case, because IAM ignores their case.
pub type Context = BTreeMap<String, Vec<String>>;

/// One request, as policies see it.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequest<'a> {
    /// The principal who makes it.
    pub principal: &'a PrincipalFacts,
    /// Such as `kms:Decrypt`.
    pub action: &'a str,
    /// The ARN, or `*` for actions without a resource.
    pub resource: &'a str,
    /// The condition keys of the request.
    pub context: &'a Context,
}

/// What a policy decides. An explicit deny wins over every allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A statement denies it.
    ExplicitDeny,
    /// A statement allows it, and names the principal this closely. Identity policies name no
    /// principal.
    Allow(PrincipalMatch),
    /// No statement applies.
    ImplicitDeny,
}

impl Decision {
    /// Whether a statement allows it and none denies it.
    pub fn is_allow(self) -> bool {
        matches!(self, Self::Allow(_))
    }
}

/// A parsed policy document.
#[derive(Clone, Debug, Default)]
pub struct Document {
    statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
struct Statement {
    allow: bool,
    principal: Option<principal::Principals>,
    actions: Patterns,
    /// Trust policies name none, and mean their role. In a key policy a statement without a
    /// resource is accepted and has no effect (R3.2.9).
    resources: Option<Patterns>,
    conditions: Vec<Condition>,
    /// Whether policy variables are filled in: only in the language of 2012 (R7.23).
    variables: bool,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, Debug)]
struct Patterns {
    negated: bool,
    patterns: Vec<String>,
}

impl Document {
    /// Parses a document.
    ///
    /// # Errors
    /// One message with the place of the first mistake.
    pub fn parse(document: &Value) -> Result<Self, String> {
        let members = document
            .as_object()
            .ok_or("the document is not an object")?;
        let statements = match members.get("Statement") {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            _ => return Err("Statement: neither an object nor a list".to_owned()),
        };
        let version = members.get("Version").and_then(Value::as_str);
        let variables = version == Some("2012-10-17");
        let mut parsed = Vec::new();
        for (index, statement) in statements.into_iter().enumerate() {
            let statement = statement
                .as_object()
                .ok_or_else(|| "not an object".to_owned());
            let statement = statement.and_then(|members| Statement::parse(members, variables));
            parsed.push(statement.map_err(|problem| format!("Statement[{index}]: {problem}"))?);
        }
        Ok(Self { statements: parsed })
    }

    /// Parses a document from its text.
    ///
    /// # Errors
    /// As [`Document::parse`], and if the text is not JSON.
    pub fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(&serde_json::from_str(text).map_err(|error| error.to_string())?)
    }

    /// What the document decides.
    pub fn evaluate(&self, access: &AccessRequest<'_>) -> Decision {
        let mut closest = None;
        for statement in &self.statements {
            let Some(principal) = statement.applies_to(access) else {
                continue;
            };
            if !statement.allow {
                return Decision::ExplicitDeny;
            }
            closest = closest.max(Some(principal));
        }
        closest.map_or(Decision::ImplicitDeny, Decision::Allow)
    }

    /// The statements that apply, by their place in the document, and whether each allows.
    pub fn matching(&self, access: &AccessRequest<'_>) -> Vec<(usize, bool)> {
        let mut matching = Vec::new();
        for (index, statement) in self.statements.iter().enumerate() {
            if statement.applies_to(access).is_some() {
                matching.push((index, statement.allow));
            }
        }
        matching
    }

    /// One document with the statements of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut statements = self.statements.clone();
        statements.extend(other.statements.iter().cloned());
        Self { statements }
    }

    /// Every principal that the document names under `AWS`.
    pub fn aws_principals(&self) -> impl Iterator<Item = &str> {
        self.statements
            .iter()
            .filter_map(|statement| statement.principal.as_ref())
            .flat_map(principal::Principals::aws)
    }
}

impl Statement {
    fn parse(members: &Map<String, Value>, variables: bool) -> Result<Self, String> {
        let allow = match members.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("Effect: neither Allow nor Deny".to_owned()),
        };
        let conditions = match members.get("Condition") {
            None => Vec::new(),
            Some(Value::Object(operators)) => Condition::parse_all(operators, variables)?,
            Some(_) => return Err("Condition: not an object".to_owned()),
        };
        Ok(Self {
            allow,
            principal: principal::Principals::parse(members)?,
            actions: Patterns::parse(members, "Action")?.ok_or("neither Action nor NotAction")?,
            resources: Patterns::parse(members, "Resource")?,
            conditions,
            variables,
        })
    }

    /// How closely the statement names the principal, if it applies to the request.
    fn applies_to(&self, access: &AccessRequest<'_>) -> Option<PrincipalMatch> {
        let principal = match &self.principal {
            None => PrincipalMatch::Role,
            Some(principals) => principals.match_principal(access.principal)?,
        };
        let covers_resource = match &self.resources {
            Some(resources) => {
                let context = self.variables.then_some(access.context);
                resources.match_resource(access.resource, context)
            }
            None => access.action.starts_with("sts:"),
        };
        let applies = self.actions.match_action(access.action)
            && covers_resource
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(access.context));
        applies.then_some(principal)
    }
}

impl Patterns {
    fn parse(members: &Map<String, Value>, name: &str) -> Result<Option<Self>, String> {
        let negated_name = format!("Not{name}");
        let (negated, value) = match (members.get(name), members.get(&negated_name)) {
            (Some(value), None) => (false, value),
            (None, Some(value)) => (true, value),
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(format!("both {name} and {negated_name}")),
        };
        let patterns =
            texts(value).ok_or_else(|| format!("{name}: neither text nor a list of texts"))?;
        Ok(Some(Self { negated, patterns }))
    }

    fn match_action(&self, action: &str) -> bool {
        let action = action.to_lowercase();
        let named = self
            .patterns
            .iter()
            .any(|pattern| matches(&pattern.to_lowercase(), &action));
        named != self.negated
    }

    /// Fills in policy variables if there is a context.
    fn match_resource(&self, resource: &str, context: Option<&Context>) -> bool {
        let named = self.patterns.iter().any(|pattern| match context {
            Some(context) => matches(&fill(pattern, context), resource),
            None => matches(pattern, resource),
        });
        named != self.negated
    }
}

/// Texts of a value that is one text or a list of them.
pub(crate) fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Bool(flag) => Some(vec![flag.to_string()]),
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Array(list) => list
            .iter()
            .map(|item| texts(item)?.into_iter().next())
            .collect(),
        _ => None,
    }
}

/// Fills policy variables such as `${aws:PrincipalAccount}`, which may have a default:
/// `${aws:username, 'nobody'}`.
fn fill(pattern: &str, context: &Context) -> String {
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((variable, tail)) = after.split_once('}') else {
            break;
        };
        let (name, default) = match variable.split_once(',') {
            Some((name, default)) => (name.trim(), default.trim().trim_matches('\'')),
            // A variable without a value matches nothing: no ARN holds this character.
            None => (variable, "\u{0}"),
        };
        let values = context.get(&name.to_lowercase());
        let value = values.and_then(|values| values.first());
        filled.push_str(value.map_or(default, String::as_str));
        rest = tail;
    }
    filled + rest
}

/// Whether `text` matches a pattern with `*` and `?`.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests;
