//! `docs/IAM.md`.

use super::{Account, Basis, Kind, Policy, Statement, all, json};

const BEFORE: &str = r"# IAM: who needs what, and why

<!-- Made from the table in examples/policies: UPDATE_IAM=1 cargo test -p ami-share polic -->

Every permission that this tool needs stands below, with the call that needs it. The same table makes the JSON documents in
[examples/iam](../examples/iam), the CloudFormation templates [source](../examples/cloudformation/source.json) and
[target](../examples/cloudformation/target.json), and the Terraform modules [source](../examples/terraform/source/main.tf)
and [target](../examples/terraform/target/main.tf). Tests run everything with exactly these policies, and once without each
action of each statement; what fails then, and what is said, is in [IAM-removals.md](IAM-removals.md).

The documents name example accounts: put the account of the images in place of `111111111111`, the target in place of
`222222222222`, and your roles in place of `publisher`, `consumer` and `launcher`. For several targets, list them wherever one
stands. In China and GovCloud replace `arn:aws:`, and in China add `ec2.*.amazonaws.com.cn` beside `ec2.*.amazonaws.com`.

**Exercised** means that this tool makes the call itself, or that AWS was recorded making it with the caller's identity
(R1.4.5, R4.3). **Published** means that AWS lists it as needed (R1.4.1, R1.4.2, R4.1) and no recording shows it in use: a run
may get by without it, but nobody promises that. Rules are those of [tests/sim/RULES.md](../tests/sim/RULES.md). None of this
has run against real AWS yet.

## Narrowing

- **Keys.** `arn:aws:kms:*:111111111111:key/*` stands for the keys that are shared: name them. The templates ask for them.
  `kms:DescribeKey` stays on every key of the account, for EC2 asks for the default EBS key too (R1.4.4, R2.10).
- **Through EC2 only.** Use of keys is bound to `kms:ViaService`: nobody decrypts with these policies by calling KMS.
- **No lockout.** `kms:BypassPolicyLockoutSafetyCheck` must not be set: a key that nobody can administer cannot be made.
- **To whom snapshots go.** `ec2:Add/userId` must be there (`Null` false) and hold target accounts only (`ForAllValues`, for a
  call names many, R2.22); `ForAllValues` alone would be true of a call that names nobody.
- **To whom images go.** The same conditions stand on images, but for one: AWS lists `ec2:Add/…` for snapshots only, and no such
  key for organizations at all. Where EC2 does not fill them in for images, they refuse nothing, so nothing here relies on
  one being there (the tests run both ways), and whoever may call `ec2:ModifyImageAttribute` may share every image of the account with anybody. What
  holds in any case: Block Public Access for AMIs, the key (an image is worth nothing without it), and tag conditions of your
  own (`aws:ResourceTag`).
- **The tags of this tool.** `ami-share:*` are what it finds its copies and loans by: [tag-guard](#tag-guard) keeps everybody
  else from writing them.

## Which together

| to do this | in the source account | in each target |
|---|---|---|
| `mode: share` | `publisher`, or `publisher-grants` | |
| more of its inputs | `organizations`, `snapshots`, `parameters`, `lifecycle`, `revoker` (for `unlisted: revoke`) | |
| `mode: plan` | `reader` | |
| `mode: revoke` | `revoker`, `remove-copies`; with `target-role` also `targets` | `target-trust`, `target-revoker` |
| `target-role`, whatever is done by it | `targets` beside the above | `target-trust`; with `copy-tags`, the default, `target-tags` |
| `target-kms-key-id` | `snapshots` | `target-copies` |
| `keep-shared: false` | `snapshots`, `revoker`, `lending` | `target-copies` |
| `publish-ssm-parameter` | `parameters` | `target-parameters` |
| `target-launch-roles` with `target-launch-policy` | `revoker`, to take it back | `target-launch-roles`, `launcher` |
| `target-launch-roles` alone | `revoker`, to take it back | `target-launch-roles-inline` |
| `service-linked-roles` | `service-linked-roles` | `target-service-linked-roles` |
| `mode: plan` with `target-role` | `reader` | `target-reader` |
| `mode: verify`, `verify: permissions` | `reader` | `target-reader`, `verifier` |
| `verify: launch` | `reader` | `target-reader`, `verifier`, `verifier-launch`, `launcher` |

A role takes ten managed policies; each document fits one.
";

const AFTER: &str = r"
## What the tests cannot miss

- `sts:GetCallerIdentity` is called and needs no permission (R5.6).
- `github-trust` is AWS's and GitHub's business before this tool starts: the simulated AWS has no OpenID Connect.
- `key-role` acts as a role of the account that owns a key: it needs there what `publisher` has under `ReadKeyPolicies`,
  `WriteKeyPolicies` and `LookAtKeys`, and the publisher `sts:AssumeRole` on it. No document of its own is published.
- A run that revokes while another shares the same image again gives back what it took: with `key-access: grants` that takes
  the `kms:CreateGrant` of `publisher-grants` beside `revoker`, and of snapshots the `ec2:ModifySnapshotAttribute` of
  `snapshots`. Without it the run fails and says so.
- `ec2:RunInstances` on `key-pair/*` is asked for only of launches with a key pair.
- Conditions and resources are not removed one by one, as actions are. What `tag-guard` denies, and that unlisted accounts,
  organizations and other keys are refused, has tests of its own.
";

/// The whole page.
pub(crate) fn page() -> String {
    let mut text = BEFORE.to_owned();
    for (heading, of) in [
        ("In the source account", Account::Source),
        ("In a target account", Account::Target),
    ] {
        text += &format!("\n## {heading}\n");
        for policy in all()
            .iter()
            .filter(|policy| policy.account == of && policy.kind == Kind::Identity)
        {
            text += &section(policy);
        }
    }
    text += "\n## Policies that say whom they let in\n";
    for policy in all().iter().filter(|policy| policy.kind != Kind::Identity) {
        text += &section(policy);
    }
    text + AFTER
}

fn section(policy: &Policy) -> String {
    let name = policy.name;
    let beside: Vec<String> = policy
        .beside
        .iter()
        .map(|other| format!("[{other}](#{other})"))
        .collect();
    let beside = if beside.is_empty() {
        String::new()
    } else {
        format!(" Beside {}.", beside.join(", "))
    };
    let rows: String = policy.statements.iter().map(rows).collect();
    format!(
        "\n### {name}\n\n[{name}.json](../examples/iam/{name}.json). {}{beside}\n\n**Dangerous:** \
         {}\n\n| action | on | if | because | |\n|---|---|---|---|---|\n{rows}",
        policy.purpose, policy.danger
    )
}

fn rows(of: &Statement) -> String {
    let code = |texts: Vec<String>| {
        texts
            .iter()
            .map(|text| format!("`{text}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let on = code(
        of.on
            .iter()
            .flat_map(|values| json::example(*values))
            .collect(),
    );
    let conditions = of.conditions().into_iter().map(|(operator, key, values)| {
        let values: Vec<String> = values.into_iter().flat_map(json::example).collect();
        format!("`{operator}` `{key}` {}", code(values))
    });
    let principal = of
        .principal
        .map(|(_, who)| format!("{} asks", code(json::example(who))));
    let when = principal
        .into_iter()
        .chain(conditions)
        .collect::<Vec<_>>()
        .join("; ");
    let row = |action: &super::Action| {
        let basis = match action.basis {
            Basis::Exercised => "exercised",
            Basis::Published => "published",
            Basis::Guard => "",
        };
        let deny = if of.allow { "" } else { "deny " };
        format!(
            "| {deny}`{}` | {on} | {when} | {} | {basis} |\n",
            action.name, action.because
        )
    };
    of.actions.iter().map(row).collect()
}
