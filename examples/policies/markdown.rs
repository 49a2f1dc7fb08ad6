//! `docs/IAM.md`.

use super::presets::{PRESETS, ROLES};
use super::{Account, Action, Basis, Kind, Policy, Statement, Values, all, json};

const HEAD: &str = include_str!("markdown/head.md");
const TAIL: &str = include_str!("markdown/tail.md");

const PRESETS_HEAD: &str = "
## Presets

The CloudFormation templates and the Terraform modules create roles that fit each other, with the
policies of one of three presets. Give both sides the same preset.

";

const PRESETS_TAIL: &str = "
With `key-access: grants`, `publisher-grants` takes the place of `publisher`. The roles that launch
get `launcher` in every preset. The other policies of this page are for roles of your own:
`target-revoker` for a revoke in targets, and `target-launch-roles-inline` for `target-launch-roles`
without `target-launch-policy`.
";

/// The whole page.
pub(crate) fn build_page() -> String {
    let mut page = HEAD.to_owned();
    page += &build_presets();
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

/// The presets of the templates, and which policies each role has.
fn build_presets() -> String {
    let mut section = PRESETS_HEAD.to_owned();
    for preset in &PRESETS {
        section += &format!("- **{}** {}.\n", preset.name, preset.purpose);
    }
    section += "\n| role | it | `share` | `verify` adds | `copy` adds |\n|---|---|---|---|---|\n";
    for role in &ROLES {
        section += &format!("| `{}` | {} |", role.name, role.purpose);
        for number in 0..PRESETS.len() {
            let policies = role.list_policies().into_iter();
            let added = policies.filter(|(_, first)| *first == number);
            let names: Vec<String> = added.map(|(name, _)| format!("`{name}`")).collect();
            section += &format!(" {} |", names.join(", "));
        }
        section.push('\n');
    }
    section + PRESETS_TAIL
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
