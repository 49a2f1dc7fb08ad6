//! Patterns and conditions of policies, as far as they are understood. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

/// The condition keys of a call, in lower case, with their values; a key that is not there is
/// unknown, and one with no value is known to be absent.
pub(crate) type Context = BTreeMap<String, Vec<String>>;

/// Whether something fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    Yes,
    No,
    Unknown(String),
}

impl Match {
    /// Both must fit; what is known not to needs no other.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown(why), _) | (_, Self::Unknown(why)) => Self::Unknown(why),
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }
}

impl From<bool> for Match {
    fn from(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

/// One text or a list of them; nothing where it is anything else.
pub(crate) fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(list) => list.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Whether a text fits a pattern with `*` and `?`.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                // The last star takes one more.
                Some((at, taken)) => {
                    (p, t) = (at + 1, taken + 1);
                    star = Some((at, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Every condition of a statement.
pub(crate) fn conditions(condition: &Value, context: &Context) -> Match {
    let Value::Object(operators) = condition else {
        return Match::Unknown("its condition cannot be read".to_owned());
    };
    let mut all = Match::Yes;
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else {
            return Match::Unknown("its condition cannot be read".to_owned());
        };
        for (key, wanted) in keys {
            all = all.and(one(operator, key, wanted, context));
        }
    }
    all
}

fn one(operator: &str, key: &str, wanted: &Value, context: &Context) -> Match {
    let unknown = || Match::Unknown(format!("its condition on `{key}` is not looked at"));
    let wanted: Option<Vec<String>> = match wanted {
        Value::Bool(flag) => Some(vec![flag.to_string()]),
        other => texts(other).map(|texts| texts.into_iter().map(str::to_owned).collect()),
    };
    let (Some(wanted), Some(present)) = (wanted, context.get(&key.to_lowercase())) else {
        return unknown();
    };
    // A variable stands for something that is not known here.
    if wanted.iter().any(|text| text.contains("${")) {
        return unknown();
    }
    let (quantifier, plain) = match operator.split_once(':') {
        Some((quantifier, plain)) => (Some(quantifier), plain),
        None => (None, operator),
    };
    if plain == "Null" {
        let absent = wanted.iter().all(|text| text == "true");
        return Match::from(absent == present.is_empty());
    }
    let (plain, if_exists) = match plain.strip_suffix("IfExists") {
        Some(plain) => (plain, true),
        None => (plain, false),
    };
    let fits: fn(&str, &str) -> bool = match plain {
        "StringEquals" | "StringNotEquals" | "ArnEquals" | "ArnNotEquals"
            if plain.starts_with("Arn") =>
        {
            like
        }
        "StringEquals" | "StringNotEquals" => |wanted, text| wanted == text,
        "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => {
            |wanted, text| wanted.eq_ignore_ascii_case(text)
        }
        "StringLike" | "StringNotLike" | "ArnLike" | "ArnNotLike" => like,
        "Bool" => |wanted, text| wanted.eq_ignore_ascii_case(text),
        _ => return unknown(),
    };
    let negated = plain.contains("Not");
    let value = |text: &String| wanted.iter().any(|wanted| fits(wanted, text)) != negated;
    match quantifier {
        Some("ForAllValues") => Match::from(present.iter().all(value)),
        Some("ForAnyValue") => Match::from(present.iter().any(value)),
        Some(_) => unknown(),
        None if present.is_empty() => Match::from(if_exists || negated),
        None => Match::from(present.len() == 1 && value(&present[0])),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_fit_as_in_iam() {
        let table = [
            ("*", "", true),
            ("kms:*", "kms:Decrypt", true),
            ("kms:ReEncrypt*", "kms:ReEncryptFrom", true),
            ("a*b*c", "aXbYbZc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("ec2.*.amazonaws.com", "ec2.us-east-1.amazonaws.com", true),
            ("ec2.*.amazonaws.com", "s3.us-east-1.amazonaws.com", false),
        ];
        for (pattern, text, fits) in table {
            assert_eq!(like(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn a_condition_that_is_not_understood_is_never_taken_as_met() {
        let context: Context = [
            ("kms:viaservice", vec!["ec2.us-east-1.amazonaws.com"]),
            ("kms:grantisforawsresource", vec![]),
        ]
        .into_iter()
        .map(|(key, values)| {
            (
                key.to_owned(),
                values.into_iter().map(str::to_owned).collect(),
            )
        })
        .collect();
        let table = [
            (
                json!({ "StringLike": { "kms:ViaService": ["s3.*", "ec2.*"] } }),
                Some(true),
            ),
            (
                json!({ "StringEquals": { "kms:ViaService": "ec2.eu-west-1.amazonaws.com" } }),
                Some(false),
            ),
            (
                json!({ "StringNotEquals": { "kms:ViaService": "s3" } }),
                Some(true),
            ),
            (
                json!({ "Bool": { "kms:GrantIsForAWSResource": true } }),
                Some(false),
            ),
            (
                json!({ "BoolIfExists": { "kms:GrantIsForAWSResource": "true" } }),
                Some(true),
            ),
            (
                json!({ "Null": { "kms:GrantIsForAWSResource": "true" } }),
                Some(true),
            ),
            (
                json!({ "ForAllValues:StringEquals": { "kms:GrantIsForAWSResource": "x" } }),
                Some(true),
            ),
            (
                json!({ "ForAnyValue:StringLike": { "kms:ViaService": "ec2.*" } }),
                Some(true),
            ),
            (
                json!({ "StringEquals": { "aws:SourceIp": "1.2.3.4" } }),
                None,
            ),
            (
                json!({ "IpAddress": { "kms:ViaService": "1.2.3.4/8" } }),
                None,
            ),
            (
                json!({ "StringEquals": { "kms:ViaService": "${aws:PrincipalTag/x}" } }),
                None,
            ),
            (
                json!({ "StringLike": { "kms:ViaService": "s3.*" }, "IpAddress": { "aws:SourceIp": "::/0" } }),
                Some(false),
            ),
        ];
        for (condition, fits) in table {
            let found = conditions(&condition, &context);
            let expected = matches!(
                (&found, fits),
                (Match::Yes, Some(true)) | (Match::No, Some(false)) | (Match::Unknown(_), None)
            );
            assert!(expected, "{condition}: {found:?}");
        }
    }
}
