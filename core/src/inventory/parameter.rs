//! An SSM parameter. Its value may be a secret, so only the images that it names are kept.

use std::collections::BTreeSet;

use crate::id::AmiId;

/// What an AMI ID begins with.
const AMI: &str = "ami-";

/// The type of parameters that are encrypted.
const SECRET: &str = "SecureString";

/// An SSM parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) form: ParameterForm,
    /// The image whose ID it holds; `None` if it holds anything else.
    pub(crate) image: Option<AmiId>,
    /// The images whose IDs are anywhere in its value.
    pub(crate) named: BTreeSet<AmiId>,
}

/// The type of a parameter, with its data type. Neither is changed once the parameter is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ParameterForm {
    /// The ID of an image, which SSM checks.
    Image,
    /// Any text.
    Text,
    /// What holds no single text that everybody may read, such as a `StringList`.
    Other(String),
}

impl Parameter {
    pub(crate) fn read(form: ParameterForm, value: &str) -> Self {
        let image = match form {
            ParameterForm::Image | ParameterForm::Text => value.parse().ok(),
            ParameterForm::Other(_) => None,
        };
        Self {
            form,
            image,
            named: named_images(value),
        }
    }

    /// The type of a parameter that can hold no image.
    pub(crate) fn other_type(&self) -> Option<&str> {
        match &self.form {
            ParameterForm::Other(name) => Some(name),
            ParameterForm::Image | ParameterForm::Text => None,
        }
    }

    /// Whether it is encrypted, so that nobody knows which images it names.
    pub(crate) fn is_secret(&self) -> bool {
        self.other_type() == Some(SECRET)
    }
}

/// The images whose IDs a text has anywhere in it: in a list, or in JSON.
fn named_images(text: &str) -> BTreeSet<AmiId> {
    let text = text.to_ascii_lowercase();
    let mut named = BTreeSet::new();
    for (start, _) in text.match_indices(AMI) {
        let rest = text.get(start..).unwrap_or_default();
        let is_of_id = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let end = rest.find(|c| !is_of_id(c)).unwrap_or(rest.len());
        named.extend(rest.get(..end).and_then(|id| id.parse().ok()));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "ami-0123456789abcdef0";
    const OTHER: &str = "ami-12345678";

    #[test]
    fn image_is_named_anywhere_in_a_value() {
        for (value, expected) in [
            (ONE.to_owned(), vec![ONE]),
            (format!("{ONE},{OTHER}"), vec![ONE, OTHER]),
            (format!(r#"{{"a":{{"ami":"{ONE}"}}}}"#), vec![ONE]),
            (format!("us-east-1={ONE}\n"), vec![ONE]),
            (ONE.to_uppercase(), vec![ONE]),
            (format!("golden-{ONE}"), vec![ONE]),
            (format!("{ONE}0"), vec![]),
            ("ami-".to_owned(), vec![]),
            ("ami-ami-12345678ß".to_owned(), vec![OTHER]),
            (String::new(), vec![]),
        ] {
            let named: Vec<String> = named_images(&value)
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(named, expected, "{value}");
        }
    }

    #[test]
    fn list_of_one_is_no_image() {
        for (form, is_image) in [
            (ParameterForm::Image, true),
            (ParameterForm::Text, true),
            (ParameterForm::Other("StringList".to_owned()), false),
        ] {
            let parameter = Parameter::read(form, ONE);
            assert_eq!(parameter.image.is_some(), is_image, "{parameter:?}");
            assert_eq!(parameter.named.len(), 1, "{parameter:?}");
        }
    }
}
