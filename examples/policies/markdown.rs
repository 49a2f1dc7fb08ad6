//! `docs/IAM.md`.

use super::{Account, Action, Basis, Kind, Policy, Statement, Values, all, json};

const HEAD: &str = include_str!("markdown/head.md");
const TAIL: &str = include_str!("markdown/tail.md");

/// The whole page.
pub(crate) fn build_page() -> String {
    let mut page = HEAD.to_owned();
    for (heading, account) in [
        ("In the source account", Account::Source),
        ("In a target account", Account::Target),
    ] {
        page += &format!("\n## {heading}\n");
        for policy in all() {
            if policy.account == account && policy.kind == Kind::Identity {
                page += &build_section(policy);
            }
        }
    }
    page += "\n## Policies of resources\n";
    for policy in all() {
        if policy.kind != Kind::Identity {
            page += &build_section(policy);
        }
    }
    page + TAIL
}

fn build_section(policy: &Policy) -> String {
    let Policy {
        name,
        purpose,
        danger,
        ..
    } = policy;
    let links = policy.used_with.iter();
    let links: Vec<String> = links.map(|name| format!("[{name}](#{name})")).collect();
    let used_with = match links.as_slice() {
        [] => String::new(),
        links => format!(" Use it with {}.", links.join(", ")),
    };
    let mut section = format!(
        "\n### {name}\n\n\
         [{name}.json](../examples/iam/{name}.json). {purpose}{used_with}\n\n\
         **Danger:** {danger}\n\n\
         | action | on | if | because | |\n|---|---|---|---|---|\n"
    );
    for statement in policy.statements {
        for action in statement.actions {
            section += &build_row(statement, action);
        }
    }
    section
}

fn build_row(statement: &Statement, action: &Action) -> String {
    let resources = list_code(statement.resources);
    let mut conditions = Vec::new();
    if let Some((_, principal)) = statement.principal {
        conditions.push(format!("the caller is {}", list_code(&[principal])));
    }
    for (operator, key, values) in statement.merged_conditions() {
        conditions.push(format!("`{operator}` `{key}` {}", list_code(&values)));
    }
    let conditions = conditions.join("; ");
    let basis = match action.basis {
        Basis::Exercised => "exercised",
        Basis::Published => "published",
        Basis::Guard => "",
    };
    let effect = if statement.allow { "" } else { "deny " };
    let Action { name, reason, .. } = action;
    format!("| {effect}`{name}` | {resources} | {conditions} | {reason} | {basis} |\n")
}

fn list_code(values: &[Values]) -> String {
    let texts = values
        .iter()
        .flat_map(|values| json::list_examples(*values));
    let texts: Vec<String> = texts.map(|text| format!("`{text}`")).collect();
    texts.join(", ")
}
