//! Short names of principals, and lists of names where there is little room.

use std::collections::BTreeSet;

use super::ending::count;

/// A line of the log names this many.
const IN_A_LINE: usize = 5;
/// A line that counts accounts or images names this many of them.
const NAMED: usize = 3;

/// A principal in short: an account by its ID, an organization or a unit by the last part of its
/// ID. Launch permissions, key policies and grants write the same principal in different forms;
/// all of them get the same name.
pub(crate) fn short_name(principal: &str) -> String {
    let parts: Vec<&str> = principal
        .split([':', '/', '*'])
        .filter(|part| !part.is_empty())
        .collect();
    let last_with = |prefix| parts.iter().rfind(|part| part.starts_with(prefix));
    if let Some(unit) = last_with("ou-") {
        return format!("OU {unit}");
    }
    if let Some(organization) = last_with("o-") {
        return format!("organization {organization}");
    }
    if principal == "all" {
        return "everybody".to_owned();
    }
    if principal.starts_with("arn:")
        && let Some(account) = parts.iter().find(|part| is_account_id(part))
    {
        return match parts.last() {
            Some(role) if principal.contains(":role/") => format!("{role} of {account}"),
            _ => (*account).to_owned(),
        };
    }
    principal.to_owned()
}

fn is_account_id(part: &str) -> bool {
    part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit())
}

/// At most `most` entries: the names, or a few of them and how many more there are.
pub(crate) fn a_few<T: ToString>(names: impl IntoIterator<Item = T>, most: usize) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    if names.len() > most {
        let rest = names.split_off(most - 1);
        names.push(format!("and {} more", rest.len()));
    }
    names
}

/// A few names, in a line of the log.
pub(crate) fn list<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    let names = a_few(names, IN_A_LINE);
    if names.is_empty() {
        "nobody".to_owned()
    } else {
        names.join(", ")
    }
}

/// A few principals by their short names, in a line of the log.
pub(crate) fn list_principals<T: ToString>(principals: impl IntoIterator<Item = T>) -> String {
    let principals = principals.into_iter();
    list(principals.map(|principal| short_name(&principal.to_string())))
}

/// Accounts in a line of the log: a few by their IDs, more by their number too.
pub(crate) fn list_accounts<T: ToString>(accounts: &[T]) -> String {
    list_with_count(accounts, "account")
}

/// A few names; of more their number, and the first of them.
pub(crate) fn list_with_count<T: ToString>(names: &[T], noun: &str) -> String {
    let few = a_few(names.iter().map(ToString::to_string), NAMED).join(", ");
    if names.len() <= NAMED {
        few
    } else {
        format!("{} ({few})", count(names.len(), noun))
    }
}

/// A managed policy by its name; its ARN has the account, which lines name themselves.
pub(crate) fn policy_name(policy: &str) -> &str {
    policy.rsplit(":policy/").next().unwrap_or(policy)
}

/// A role by its name, without its path.
pub(crate) fn role_name(role: &str) -> &str {
    role.rsplit('/').next().unwrap_or(role)
}

/// All names, or only their number if they are more than `most`; nobody is a dash.
pub(crate) fn list_or_count(names: &[String], most: usize, noun: &str) -> String {
    match names.len() {
        0 => "–".to_owned(),
        number if number > most => count(number, noun),
        _ => names.join(", "),
    }
}

/// The short names of principals, each once per principal.
pub(crate) fn short_names<T: ToString>(principals: &BTreeSet<T>) -> Vec<String> {
    principals
        .iter()
        .map(|principal| short_name(&principal.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principal_has_one_name_in_every_form() {
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
            // No account.
            ("arn:aws:iam::22:root", "arn:aws:iam::22:root"),
            ("arn:aws:s3:::twelveletter", "arn:aws:s3:::twelveletter"),
        ];
        for (principal, name) in table {
            assert_eq!(short_name(principal), name);
        }
    }

    #[test]
    fn long_list_counts_the_rest() {
        let ids: Vec<u32> = (1..=12).collect();
        assert_eq!(list(&ids), "1, 2, 3, 4, and 8 more");
        assert_eq!(list(&ids[..6]), "1, 2, 3, 4, and 2 more");
        assert_eq!(list(&ids[..5]), "1, 2, 3, 4, 5");
        assert_eq!(list(&ids[..2]), "1, 2");
    }

    #[test]
    fn more_than_a_few_accounts_are_counted() {
        let ids: Vec<u32> = (1..=58).collect();
        assert_eq!(list_accounts(&ids), "58 accounts (1, 2, and 56 more)");
        assert_eq!(list_accounts(&ids[..4]), "4 accounts (1, 2, and 2 more)");
        assert_eq!(list_accounts(&ids[..3]), "1, 2, 3");
    }

    #[test]
    fn policies_and_roles_are_named_without_their_account() {
        let policy = "arn:aws:iam::222222222222:policy/launch/ami-share";
        assert_eq!(policy_name(policy), "launch/ami-share");
        assert_eq!(policy_name("inline"), "inline");
        assert_eq!(role_name("arn:aws:iam::222222222222:role/ops/web"), "web");
    }

    #[test]
    fn many_principals_in_a_cell_are_a_number() {
        let cell = |principals: &[&str]| {
            let principals: BTreeSet<&str> = principals.iter().copied().collect();
            list_or_count(&short_names(&principals), 2, "principal")
        };
        assert_eq!(cell(&[]), "–");
        assert_eq!(
            cell(&["222222222222", "o-example123"]),
            "222222222222, organization o-example123"
        );
        assert_eq!(cell(&["1", "2", "3"]), "3 principals");
    }
}
