//! Names of copies, of parameters and of launch templates: templates with placeholders, and what
//! AWS takes as such names.

use std::collections::BTreeMap;
use std::fmt;

use crate::id::{AccountId, AmiId, Region};
use crate::limits::{
    AMI_NAME_CHARACTERS, LAUNCH_TEMPLATE_NAME_CHARACTERS, PARAMETER_LEVELS,
    PARAMETER_NAME_CHARACTERS,
};

const PLACEHOLDERS: &str = "the placeholders are {name}, {ami-id}, {region}, {account}, \
    {account-alias}, {architecture} and {tag:KEY}";

/// The values of the placeholders of one copy.
pub(crate) struct NameParts<'a> {
    pub(crate) name: &'a str,
    pub(crate) ami: &'a AmiId,
    pub(crate) region: &'a Region,
    pub(crate) account: &'a AccountId,
    /// The alias of the account, if it has one and the names need it.
    pub(crate) alias: Option<&'a str>,
    pub(crate) architecture: &'a str,
    /// The tags of the image.
    pub(crate) tags: &'a BTreeMap<String, String>,
}

/// A checked template, such as `{name}-{account}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameTemplate(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name,
    Ami,
    Region,
    Account,
    Alias,
    Architecture,
    /// The value of the tag with this key.
    Tag(String),
}

impl fmt::Display for NameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| piece.fmt(f))
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Name => f.write_str("{name}"),
            Self::Ami => f.write_str("{ami-id}"),
            Self::Region => f.write_str("{region}"),
            Self::Account => f.write_str("{account}"),
            Self::Alias => f.write_str("{account-alias}"),
            Self::Architecture => f.write_str("{architecture}"),
            Self::Tag(key) => write!(f, "{{tag:{key}}}"),
        }
    }
}

impl Piece {
    /// What stands for it in a name; `None` if the image lacks the tag, or the account an alias.
    fn value<'a>(&'a self, parts: &NameParts<'a>) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Name => Some(parts.name),
            Self::Ami => Some(parts.ami.as_ref()),
            Self::Region => Some(parts.region.as_ref()),
            Self::Account => Some(parts.account.as_ref()),
            Self::Alias => parts.alias,
            Self::Architecture => Some(parts.architecture),
            Self::Tag(key) => parts.tags.get(key).map(String::as_str),
        }
    }
}

impl NameTemplate {
    /// A template for the names of AMIs.
    pub(crate) fn for_images(text: &str) -> Result<Self, String> {
        Self::parse(text, is_name_char, "the name of an AMI")
    }

    /// A template for the names of SSM parameters.
    pub(crate) fn for_parameters(text: &str) -> Result<Self, String> {
        Self::parse(text, is_parameter_char, "the name of a parameter")
    }

    /// A template for the names of launch templates, or the ID of one.
    pub(crate) fn for_launch_templates(text: &str) -> Result<Self, String> {
        Self::parse(
            text,
            is_launch_template_char,
            "the name of a launch template",
        )
    }

    fn parse(text: &str, allowed: fn(char) -> bool, what: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let unknown = || PLACEHOLDERS.to_owned();
            let (inside, tail) = after.split_once('}').ok_or_else(unknown)?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(match inside {
                "name" => Piece::Name,
                "ami-id" => Piece::Ami,
                "region" => Piece::Region,
                "account" => Piece::Account,
                "account-alias" => Piece::Alias,
                "architecture" => Piece::Architecture,
                other => match other.strip_prefix("tag:") {
                    Some(key) if !key.is_empty() => Piece::Tag(key.to_owned()),
                    _ => return Err(unknown()),
                },
            });
            rest = tail;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        for piece in &pieces {
            if let Piece::Text(literal) = piece
                && let Some(bad) = literal.chars().find(|c| !allowed(*c))
            {
                return Err(format!("`{bad}` is not allowed in {what}"));
            }
        }
        if text.is_empty() {
            Err("must not be empty".to_owned())
        } else {
            Ok(Self(pieces))
        }
    }

    /// Whether names depend on the alias of an account.
    pub(crate) fn needs_alias(&self) -> bool {
        self.0.contains(&Piece::Alias)
    }

    /// The name. The placeholder of a tag that the image lacks stays, or of an alias that the
    /// account lacks, and makes it one that AWS does not take.
    pub(crate) fn fill(&self, parts: &NameParts<'_>) -> String {
        let mut name = String::new();
        for piece in &self.0 {
            match piece.value(parts) {
                Some(value) => name.push_str(value),
                None => name.push_str(&piece.to_string()),
            }
        }
        name
    }

    /// The first placeholder whose value is no word of a path, with that value: it is blank, or
    /// holds a `/`, or stands for this level or the one above. It would choose another path.
    pub(crate) fn no_word_in<'a>(&'a self, parts: &NameParts<'a>) -> Option<(String, &'a str)> {
        let values = self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            placeholder => Some((placeholder, placeholder.value(parts)?)),
        });
        let is_word = |value: &str| !["", ".", ".."].contains(&value) && !value.contains('/');
        let mut no_words = values.filter(|(_, value)| !is_word(value));
        let (placeholder, value) = no_words.next()?;
        Some((placeholder.to_string(), value))
    }
}

/// Why a placeholder stands in a filled name: what it stands for is missing.
pub(crate) fn missing_value(name: &str) -> Option<String> {
    let (_, after) = name.split_once('{')?;
    let (placeholder, _) = after.split_once('}')?;
    if placeholder == "account-alias" {
        return Some("the account has no alias".to_owned());
    }
    let key = placeholder.strip_prefix("tag:")?;
    Some(format!("the image has no tag `{key}`"))
}

/// Whether AWS takes this as the name of an AMI.
pub(crate) fn is_ami_name(name: &str) -> bool {
    AMI_NAME_CHARACTERS.contains(&name.len()) && name.chars().all(is_name_char)
}

/// Whether SSM takes this as the name of a parameter: words between slashes, at most 15 levels, and
/// not AWS's own.
pub(crate) fn is_parameter_name(name: &str) -> bool {
    let path = name.strip_prefix('/').unwrap_or(name);
    let first = path
        .split('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    PARAMETER_NAME_CHARACTERS.contains(&name.len())
        && path.split('/').count() <= PARAMETER_LEVELS
        && path.split('/').all(|word| !word.is_empty())
        && path.chars().all(is_parameter_char)
        && !["aws", "ssm"].iter().any(|own| first.starts_with(own))
}

/// Whether it may name a parameter that is read: also one of AWS, by its ARN, or in a version.
pub(crate) fn is_parameter(name: &str) -> bool {
    let is_char = |c: char| is_parameter_char(c) || c == ':';
    let is_word = |c: char| c.is_ascii_alphanumeric();
    name.len() <= *PARAMETER_NAME_CHARACTERS.end()
        && name.chars().all(is_char)
        && name.contains(is_word)
}

/// Whether EC2 takes this as the name of a launch template.
pub(crate) fn is_launch_template_name(name: &str) -> bool {
    LAUNCH_TEMPLATE_NAME_CHARACTERS.contains(&name.len())
        && name.chars().all(is_launch_template_char)
}

fn is_launch_template_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "()./-_".contains(c)
}

fn is_parameter_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.-/".contains(c)
}

/// `name` with `-suffix`, cut so that it stays a name.
pub(crate) fn with_suffix(name: &str, suffix: &str) -> String {
    let room = AMI_NAME_CHARACTERS.end() - suffix.len() - 1;
    let kept: String = name.chars().take(room).collect();
    format!("{kept}-{suffix}")
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "()[] ./-'@_".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name for an image that has one tag.
    fn fill(template: &NameTemplate) -> String {
        template.fill(&NameParts {
            name: "web",
            ami: &"ami-1a2b3c4d".parse().unwrap(),
            region: &"us-east-1".parse().unwrap(),
            account: &"111122223333".parse().unwrap(),
            alias: Some("own"),
            architecture: "arm64",
            tags: &BTreeMap::from([("Team: a".to_owned(), "blue".to_owned())]),
        })
    }

    #[test]
    fn template_fills_its_placeholders() {
        let text =
            "x {name}/{ami-id}@{region}-{account}-{account-alias} {architecture}.{tag:Team: a}";
        let template = NameTemplate::for_images(text).unwrap();
        let name = fill(&template);
        let expected = "x web/ami-1a2b3c4d@us-east-1-111122223333-own arm64.blue";
        assert_eq!(name, expected);
        assert_eq!(template.to_string(), text);
    }

    #[test]
    fn name_with_a_tag_that_the_image_lacks_is_no_name() {
        let name = fill(&NameTemplate::for_images("{name}-{tag:Team}").unwrap());
        assert_eq!(name, "web-{tag:Team}");
        assert!(!is_ami_name(&name) && !is_parameter_name(&name));
    }

    #[test]
    fn placeholder_that_is_left_in_a_name_tells_what_is_missing() {
        for (name, missing) in [
            ("web-{tag:Nope}", Some("the image has no tag `Nope`")),
            ("/{account-alias}/x", Some("the account has no alias")),
            ("web", None),
            ("a{b}", None),
            ("a{", None),
        ] {
            assert_eq!(missing_value(name).as_deref(), missing, "{name}");
        }
    }

    #[test]
    fn value_that_is_no_word_of_a_path_is_found_whichever_placeholder_it_stands_for() {
        let (ami, region) = (
            "ami-1a2b3c4d".parse().unwrap(),
            "us-east-1".parse().unwrap(),
        );
        let account = "111122223333".parse().unwrap();
        let tags = [
            ("Team", "a/b"),
            ("Blank", ""),
            ("Up", ".."),
            ("Dotted", "1.2"),
        ];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let tags = BTreeMap::from(tags);
        let parts = NameParts {
            name: "x/y",
            ami: &ami,
            region: &region,
            account: &account,
            alias: Some("/own"),
            architecture: "arm/64",
            tags: &tags,
        };
        for (text, expected) in [
            ("/golden/{name}", Some(("{name}", "x/y"))),
            ("{tag:Team}", Some(("{tag:Team}", "a/b"))),
            ("/x{tag:Blank}", Some(("{tag:Blank}", ""))),
            ("/golden/{tag:Up}/x", Some(("{tag:Up}", ".."))),
            ("/golden/{tag:Dotted}", None),
            ("/{account-alias}", Some(("{account-alias}", "/own"))),
            (
                "/{region}/{architecture}",
                Some(("{architecture}", "arm/64")),
            ),
            ("/golden/{region}/{account}/{ami-id}/{tag:None}", None),
        ] {
            let template = NameTemplate::for_parameters(text).unwrap();
            let found = template.no_word_in(&parts);
            let found = found
                .as_ref()
                .map(|(placeholder, value)| (placeholder.as_str(), *value));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn template_with_unknown_placeholder_or_character_is_refused() {
        for text in [
            "", "{", "{nme}", "a{name", "a:b", "née", "{name}}", "{tag}", "{tag:}",
        ] {
            assert!(NameTemplate::for_images(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parameter_name_follows_the_rules_of_ssm() {
        for name in ["/images/web", "web.latest_1-2", "/a/b/c"] {
            assert!(is_parameter_name(name), "{name}");
        }
        for name in ["", "/", "/aws/x", "ssm-x", "/a//b", "/a/b c", "/x/(1)"] {
            assert!(!is_parameter_name(name), "{name}");
        }
        assert!(NameTemplate::for_parameters("/images/{name}").is_ok());
        assert!(NameTemplate::for_parameters("/images {name}").is_err());
    }

    #[test]
    fn launch_template_name_follows_the_rules_of_ec2() {
        for name in ["web", "web-(x86_64)/1.0", "lt-0123456789abcdef0"] {
            assert!(is_launch_template_name(name), "{name}");
            assert!(NameTemplate::for_launch_templates(name).is_ok(), "{name}");
        }
        for name in ["", "ab", "a b", "web:1", &"n".repeat(129)] {
            assert!(!is_launch_template_name(name), "{name}");
        }
        assert!(NameTemplate::for_launch_templates("web-{architecture}").is_ok());
        assert!(NameTemplate::for_launch_templates("web {name}").is_err());
    }

    #[test]
    fn name_with_suffix_is_a_name() {
        assert!(is_ami_name(&with_suffix(&"n".repeat(128), "0123abcd")));
        assert_eq!(with_suffix("web", "0123abcd"), "web-0123abcd");
        assert!(!is_ami_name("ab") && !is_ami_name(&"n".repeat(129)));
    }
}
