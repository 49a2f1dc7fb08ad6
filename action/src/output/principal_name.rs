//! How those with access are named where there is little room.

use std::collections::BTreeSet;

/// A principal in short: an account by its ID, an organization or a unit by the last of its ID.
/// Principals, whom key policies name, and grantees come in many forms; equal ones come out equal.
pub(crate) fn short(text: &str) -> String {
    let mut words = text.split([':', '/', '*']).filter(|word| !word.is_empty());
    let unit = words.clone().rfind(|word| word.starts_with("ou-"));
    let organization = words.clone().rfind(|word| word.starts_with("o-"));
    if let Some(unit) = unit {
        return format!("OU {unit}");
    }
    if let Some(organization) = organization {
        return format!("organization {organization}");
    }
    if text.starts_with("arn:") {
        let last = words.clone().next_back().filter(|last| *last != "root");
        let account =
            words.find(|word| word.len() == 12 && word.bytes().all(|b| b.is_ascii_digit()));
        return match (account, last) {
            (Some(account), Some(last)) if text.contains(":role/") => {
                format!("{last} of {account}")
            }
            (Some(account), _) => account.to_owned(),
            (None, _) => text.to_owned(),
        };
    }
    if text == "all" {
        "everybody".to_owned()
    } else {
        text.to_owned()
    }
}

/// A few by name, many by their number; nobody is a dash.
pub(crate) fn few<T: ToString>(all: &BTreeSet<T>, most: usize) -> String {
    match all.len() {
        0 => "–".to_owned(),
        n if n <= most => all
            .iter()
            .map(|one| short(&one.to_string()))
            .collect::<Vec<_>>()
            .join(", "),
        n => n.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_meant_has_one_name() {
        let table = [
            ("222222222222", "222222222222"),
            ("arn:aws:iam::222222222222:root", "222222222222"),
            (
                "arn:aws:iam::222222222222:role/ops/launcher",
                "launcher of 222222222222",
            ),
            (
                "arn:aws:organizations::111111111111:organization/o-example123",
                "organization o-example123",
            ),
            ("o-example123", "organization o-example123"),
            (
                "arn:aws:organizations::111111111111:ou/o-example123/ou-ab12-11111111",
                "OU ou-ab12-11111111",
            ),
            (
                "o-example123/r-ab12/*ou-ab12-11111111/*",
                "OU ou-ab12-11111111",
            ),
            ("ec2.us-east-1.amazonaws.com", "ec2.us-east-1.amazonaws.com"),
            ("all", "everybody"),
        ];
        for (text, name) in table {
            assert_eq!(short(text), name);
        }
    }

    #[test]
    fn many_are_a_number() {
        assert_eq!(few::<String>(&BTreeSet::new(), 2), "–");
        assert_eq!(
            few(&["222222222222", "o-example123"].into(), 2),
            "222222222222, organization o-example123"
        );
        assert_eq!(few(&["1", "2", "3"].into(), 2), "3");
    }
}
