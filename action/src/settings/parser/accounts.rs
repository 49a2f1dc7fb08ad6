//! Accounts, and what people give in their place.

use ami_share::AccountId;
use ami_share::id::InvalidId;

use super::Parser;
use crate::inputs::{InputValue, shorten};

impl Parser {
    /// A list of accounts; what people give in their place has a message of its own.
    pub(in crate::settings) fn accounts(&mut self, input: InputValue<'_>) -> Vec<AccountId> {
        let mut accounts = Vec::new();
        for word in self.words(input) {
            // As AWS's console shows it.
            let digits = match word.split('-').map(str::len).collect::<Vec<_>>()[..] {
                [4, 4, 4] => word.replace('-', ""),
                _ => word.clone(),
            };
            match (digits.parse(), explain_account(&word)) {
                (Ok(account), _) => accounts.push(account),
                (Err(_), Some(message)) => self.problem(input.name, message),
                (Err(error), None) => {
                    let error: InvalidId = error;
                    self.problem(input.name, error.to_string());
                }
            }
        }
        accounts
    }
}

/// What is wrong with a word in place of an account, where that can be guessed.
fn explain_account(word: &str) -> Option<String> {
    let is_number = word.bytes().all(|b| b.is_ascii_digit());
    if matches!(word, "*" | "all") {
        return Some(format!(
            "`{word}` would make the image public, which this tool never does: list the account \
             IDs, 12 digits each"
        ));
    }
    if is_number && (9..12).contains(&word.len()) {
        let length = word.len();
        return Some(format!(
            "`{word}` has {length} digits, and an account ID has 12: if the ID begins with zeros, \
             it was read as a number, so put it in quotes"
        ));
    }
    if word.starts_with("o-") || word.contains(":organization/") {
        return Some(format!(
            "`{}` is an organization: give its ARN to `target-organizations`, \
             `arn:aws:organizations::<management account>:organization/o-…`, which `aws \
             organizations describe-organization` shows",
            shorten(word)
        ));
    }
    if word.starts_with("ou-") || word.contains(":ou/") {
        return Some(format!(
            "`{}` is an organizational unit: give its ARN to `target-organizational-units`, \
             `arn:aws:organizations::<management account>:ou/o-…/ou-…`, which `aws \
             organizations describe-organizational-unit` shows",
            shorten(word)
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_in_place_of_an_account_is_explained_where_it_can_be() {
        for (word, part) in [
            ("*", Some("public")),
            ("12345678901", Some("11 digits")),
            ("123456789", Some("9 digits")),
            ("12345678", None),
            ("123456789012", None),
            ("abcdefghijk", None),
            ("o-abcdefghij", Some("target-organizations")),
            ("ou-ab12-cdefghij", Some("target-organizational-units")),
        ] {
            match (explain_account(word), part) {
                (Some(message), Some(part)) => assert!(message.contains(part), "{message}"),
                (None, None) => {}
                other => panic!("{word}: {other:?}"),
            }
        }
    }
}
