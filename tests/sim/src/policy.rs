//! IAM policy documents and what they say to one question. Pure.

mod condition;
mod principal;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use condition::Condition;
pub use principal::{Named, PrincipalFacts};

/// Values of condition keys; keys in lower case, for IAM does not tell cases apart.
pub type Context = BTreeMap<String, Vec<String>>;

/// One question to a policy.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Who asks.
    pub principal: &'a PrincipalFacts,
    /// Such as `kms:Decrypt`.
    pub action: &'a str,
    /// The ARN, or `*` for actions without a resource.
    pub resource: &'a str,
    /// The condition keys of the request.
    pub context: &'a Context,
}

/// What a policy says. An explicit deny wins over every allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A statement denies it.
    Denied,
    /// A statement allows it, naming the asker so closely; identity policies name nobody.
    Allowed(Named),
    /// No statement speaks of it.
    Silent,
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
    resources: Patterns,
    conditions: Vec<Condition>,
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
        let parsed = statements
            .into_iter()
            .enumerate()
            .map(|(index, statement)| {
                statement
                    .as_object()
                    .ok_or_else(|| "not an object".to_owned())
                    .and_then(Statement::parse)
                    .map_err(|problem| format!("Statement[{index}]: {problem}"))
            });
        Ok(Self {
            statements: parsed.collect::<Result<_, _>>()?,
        })
    }

    /// Parses a document from its text.
    ///
    /// # Errors
    /// As [`Document::parse`], and where the text is not JSON.
    pub fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(&serde_json::from_str(text).map_err(|error| error.to_string())?)
    }

    /// What the document says.
    pub fn ask(&self, ask: &Ask<'_>) -> Verdict {
        let mut verdict = Verdict::Silent;
        for statement in &self.statements {
            let Some(named) = statement.speaks_of(ask) else {
                continue;
            };
            if !statement.allow {
                return Verdict::Denied;
            }
            verdict = match verdict {
                Verdict::Allowed(before) => Verdict::Allowed(before.max(named)),
                _ => Verdict::Allowed(named),
            };
        }
        verdict
    }

    /// One document with the statements of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            statements: self
                .statements
                .iter()
                .chain(&other.statements)
                .cloned()
                .collect(),
        }
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
    fn parse(members: &Map<String, Value>) -> Result<Self, String> {
        let allow = match members.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("Effect: neither Allow nor Deny".to_owned()),
        };
        let conditions = match members.get("Condition") {
            None => Vec::new(),
            Some(Value::Object(operators)) => Condition::parse_all(operators)?,
            Some(_) => return Err("Condition: not an object".to_owned()),
        };
        Ok(Self {
            allow,
            principal: principal::Principals::parse(members)?,
            actions: Patterns::parse(members, "Action")?.ok_or("neither Action nor NotAction")?,
            // A resource policy may leave the resource out: it is the one that the policy stands
            // on.
            resources: Patterns::parse(members, "Resource")?.unwrap_or(Patterns {
                negated: false,
                patterns: vec!["*".to_owned()],
            }),
            conditions,
        })
    }

    fn speaks_of(&self, ask: &Ask<'_>) -> Option<Named> {
        let named = match &self.principal {
            None => Named::Closely,
            Some(principals) => principals.name(ask.principal)?,
        };
        let applies = self.actions.match_action(ask.action)
            && self.resources.match_resource(ask.resource, ask.context)
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(ask.context));
        applies.then_some(named)
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
        self.patterns
            .iter()
            .any(|pattern| matches(&pattern.to_lowercase(), &action))
            != self.negated
    }

    fn match_resource(&self, resource: &str, context: &Context) -> bool {
        self.patterns
            .iter()
            .any(|pattern| matches(&fill(pattern, context), resource))
            != self.negated
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

/// Fills policy variables such as `${aws:PrincipalAccount}`.
fn fill(pattern: &str, context: &Context) -> String {
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((variable, tail)) = after.split_once('}') else {
            break;
        };
        let value = context
            .get(&variable.to_lowercase())
            .and_then(|values| values.first());
        // A variable without a value matches nothing: no ARN holds this character.
        filled.push_str(value.map_or("\u{0}", String::as_str));
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
