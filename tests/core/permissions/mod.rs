//! The published policies are enough, and each action of each of their statements is needed
//! (promise P8).

mod in_source;
mod in_target;
mod stage;

use futures::future::LocalBoxFuture;

use self::stage::{Documents, Stage, published, role_of};
use super::policies::is;
use super::support::*;
use super::table::{self, Basis, Policy};

/// Something that is done, and the policies that it is done with.
struct Case {
    name: &'static str,
    policies: &'static [&'static str],
    run: fn(Stage) -> LocalBoxFuture<'static, Result<(), String>>,
}

macro_rules! cases {
    ($($name:literal: $($policy:literal)+ => $run:path,)+) => {
        &[$(Case { name: $name, policies: &[$($policy),+], run: |stage| Box::pin($run(stage)) },)+]
    };
}

const CASES: &[Case] = cases! {
    "launch": "launcher" => in_target::launch,
    "share, with a copy to another Region": "publisher" => in_source::share,
    "the same by grants": "publisher-grants" => in_source::share,
    "share with organizations and units": "publisher" "organizations" => in_source::organizations,
    "share snapshots": "publisher" "snapshots" => in_source::snapshots,
    "publish a parameter": "publisher" "parameters" => in_source::publish,
    "deprecate and protect": "publisher" "lifecycle" => in_source::release,
    "plan": "reader" => in_source::look,
    "revoke": "revoker" => in_source::revoke,
    "revoke where a target may use the key": "revoker" "targets" "target-trust" "target-revoker" => in_target::revoke,
    "revoke and remove copies": "revoker" "remove-copies" => in_source::remove_copies,
    "take back from who is not listed": "publisher" "revoker" => in_source::unlist,
    "share where the key policy is kept in code": "publisher" "key-policy" => in_source::keys_in_code,
    "copy in a target": "publisher" "snapshots" "targets" "target-trust" "target-copies" => in_target::copy,
    "copy in a target, by grants": "publisher-grants" "snapshots" "targets" "target-trust" "target-copies" => in_target::copy,
    "copy in a target where the key policy is kept in code": "publisher" "key-policy" "snapshots" "targets" "target-trust" "target-copies" => in_target::copy_with_keys_in_code,
    "lend for a copy": "publisher" "snapshots" "targets" "target-trust" "target-copies" "revoker" "lending" => in_target::lend,
    "lend for a copy, by grants": "publisher-grants" "snapshots" "targets" "target-trust" "target-copies" "revoker" "lending" => in_target::lend,
    "tag in a target": "publisher" "targets" "target-trust" "target-tags" => in_target::tag,
    "publish a parameter in a target": "publisher" "parameters" "targets" "target-trust" "target-parameters" => in_target::publish,
    "let a role launch by a managed policy": "publisher" "revoker" "targets" "target-trust" "target-launch-roles" "launcher" "target-revoker" => in_target::attach,
    "let a role launch by an inline policy": "publisher" "revoker" "targets" "target-trust" "target-launch-roles-inline" "target-revoker" => in_target::inline,
    "let Auto Scaling launch": "publisher" "service-linked-roles" "targets" "target-trust" "target-service-linked-roles" => in_target::services,
    "let Auto Scaling launch, by grants": "publisher-grants" "service-linked-roles" "targets" "target-trust" "target-service-linked-roles" => in_target::services,
    "let Auto Scaling launch copies in a target": "publisher" "snapshots" "targets" "target-trust" "target-copies" "target-service-linked-roles" => in_target::services_of_copies,
    "plan with targets": "reader" "targets" "target-trust" "target-reader" => in_target::look,
    "verify": "reader" "targets" "target-trust" "target-reader" "verifier" "launcher" => in_target::verify,
    "verify by a launch": "reader" "targets" "target-trust" "target-reader" "verifier" "verifier-launch" "launcher" => in_target::verify_by_launch,
};

impl Case {
    /// How it ends; `as_recorded`, where AWS asks for no more than was recorded, and fills in no
    /// condition key of which that is not known (R2.22).
    async fn ends(&self, documents: &Documents, as_recorded: bool) -> Result<(), String> {
        let world = World::generated(3, 2, 1, 2);
        world.sim.edit(|state| {
            state.copies_as_recorded = as_recorded;
            state.hides_recipients_of_images = as_recorded;
        });
        (self.run)(Stage::new(world, documents)).await
    }
}

/// One action of one statement.
struct Removal {
    policy: &'static Policy,
    statement: usize,
    action: &'static table::Action,
}

impl Removal {
    fn all() -> Vec<Self> {
        let of = |policy: &'static Policy| {
            let statements = policy.statements.iter().enumerate();
            statements.flat_map(move |(statement, of)| {
                of.actions.iter().map(move |action| Self {
                    policy,
                    statement,
                    action,
                })
            })
        };
        table::all().into_iter().flat_map(of).collect()
    }

    fn cases(&self) -> impl Iterator<Item = &'static Case> {
        CASES
            .iter()
            .filter(|case| case.policies.contains(&self.policy.name))
    }

    /// The documents of a case without it.
    fn from(&self, case: &Case) -> Documents {
        let mut documents = published(case.policies);
        let statements = documents.get_mut(self.policy.name).unwrap().1["Statement"]
            .as_array_mut()
            .unwrap();
        let actions = statements[self.statement]["Action"].as_array_mut().unwrap();
        actions.retain(|action| action != self.action.name);
        if actions.is_empty() {
            statements.remove(self.statement);
        }
        documents
    }
}

#[tokio::test(start_paused = true)]
async fn with_exactly_the_published_policies_everything_is_done() {
    for case in CASES {
        for as_recorded in [false, true] {
            let ended = case.ends(&published(case.policies), as_recorded).await;
            assert_eq!(ended, Ok(()), "{} with {:?}", case.name, case.policies);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_any_one_action_something_fails_and_names_it_and_whose_it_is() {
    let (mut rows, mut wrong) = (String::new(), Vec::new());
    for removal in Removal::all() {
        let mut missed = None;
        for case in removal.cases() {
            if let Err(said) = case.ends(&removal.from(case), false).await {
                missed = Some((case.name, said));
                break;
            }
        }
        let Removal { policy, action, .. } = removal;
        let sid = policy.statements[removal.statement].sid;
        let Some((case, said)) = missed else {
            if removal.cases().next().is_some() {
                wrong.push(format!(
                    "{} {sid} {}: nothing misses it",
                    policy.name, action.name
                ));
            }
            continue;
        };
        let said = essence(&said, action.name);
        if !said.contains(action.name.trim_end_matches('*')) || !names(policy, &said) {
            wrong.push(format!(
                "{} {sid} {}: {case}: {said}",
                policy.name, action.name
            ));
        }
        rows += &format!(
            "| {} | {sid} | `{}` | {case} | {said} |\n",
            policy.name, action.name
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    is("docs/IAM-removals.md", &format!("{REMOVALS}{rows}"));
}

const REMOVALS: &str = "# What fails without each permission

<!-- Made by the test: UPDATE_IAM=1 cargo test -p ami-share permissions -->

Each action of each statement of [IAM.md](IAM.md), taken away alone: the first of the tests' cases that fails without it, and
what is said then. What AWS itself said is left out, IDs too.

| policy | statement | without | fails | says |
|---|---|---|---|---|
";

/// Whether a message says whose policy it is: by the role, or by the key that it stands on.
fn names(policy: &Policy, said: &str) -> bool {
    match role_of(policy) {
        // Whose look at grants was refused is said by the account alone.
        Some((account, _))
            if said.contains("could not be read: allow kms:ListGrants to whoever verifies in") =>
        {
            said.contains(&format!("whoever verifies in {account}"))
        }
        Some((account, role)) => said.contains(account) && said.contains(&format!("role/{role}")),
        None => said.contains("the policy of arn:aws:kms:") || said.contains("in the key policies"),
    }
}

/// The error that is about an action, without what AWS said and without what is another with each
/// run.
fn essence(said: &str, action: &str) -> String {
    let about = |line: &&str| line.contains(action.trim_end_matches('*'));
    let line = said
        .lines()
        .find(about)
        .or_else(|| said.lines().next())
        .unwrap_or_default();
    let (message, rest) = line.split_once(". AWS said: ").unwrap_or((line, ""));
    let remedy = rest
        .split_once(". What to do: ")
        .map(|(_, remedy)| format!(". What to do: {remedy}"));
    let text = message.to_owned() + &remedy.unwrap_or_default();
    let mut words = Vec::new();
    for word in text.split(' ') {
        let id = ["ami-", "snap-", "subnet-", "sg-", "i-", "key/"]
            .into_iter()
            .find_map(|kind| {
                let (before, rest) = word.split_once(kind)?;
                let end = rest
                    .find(|c: char| !c.is_ascii_hexdigit() && c != '-')
                    .unwrap_or(rest.len());
                (end >= 8).then(|| format!("{before}{kind}…{}", &rest[end..]))
            });
        words.push(id.unwrap_or_else(|| word.to_owned()));
    }
    words.join(" ").replace('|', "\\|")
}

/// What no recording shows in use, no case misses where copies ask for the recorded set only; the
/// rest each misses.
#[tokio::test(start_paused = true)]
async fn rule_1_4_5_what_is_marked_as_published_is_not_missed_where_copies_are_as_recorded() {
    let copying = ["publisher", "publisher-grants", "target-copies"];
    for removal in Removal::all()
        .into_iter()
        .filter(|removal| copying.contains(&removal.policy.name))
    {
        // The first case with each of them is a whole copy.
        let case = removal.cases().next().unwrap();
        let missed = case.ends(&removal.from(case), true).await.is_err();
        let exercised = removal.action.basis == Basis::Exercised;
        assert_eq!(
            missed, exercised,
            "{} {}",
            removal.policy.name, removal.action.name
        );
    }
}

/// What a case of the guard lets through that it shall not: tags of this tool, written by somebody
/// else in either account.
async fn written_by_others(documents: &Documents) -> Vec<&'static str> {
    let world = World::generated(3, 2, 1, 2);
    let image = world.image("image-1");
    let stage = Stage::new(world, documents);
    let mut written = Vec::new();
    for account in [A, B] {
        stage.world.sim.edit(|state| {
            let shared = &mut state.images.get_mut(&image).unwrap().launch_permissions;
            shared.add(B.to_owned(), std::time::Duration::ZERO);
        });
        let ec2 = aws_sdk_ec2::Client::new(&stage.world.config(account));
        let tag = aws_sdk_ec2::types::Tag::builder()
            .key("ami-share:request")
            .value("x")
            .build();
        let made = ec2
            .create_tags()
            .resources(&image)
            .tags(tag.clone())
            .send()
            .await;
        let own = aws_sdk_ec2::types::Tag::builder()
            .key("team")
            .value("web")
            .build();
        ec2.create_tags()
            .resources(&image)
            .tags(own)
            .send()
            .await
            .unwrap();
        let taken = ec2.delete_tags().resources(&image).tags(tag).send().await;
        written.extend(made.is_ok().then_some("ec2:CreateTags"));
        written.extend(taken.is_ok().then_some("ec2:DeleteTags"));
    }
    written
}

#[tokio::test(start_paused = true)]
async fn only_the_publisher_and_the_roles_in_targets_write_the_tags_of_this_tool() {
    let case = CASES
        .iter()
        .find(|case| case.name == "lend for a copy")
        .unwrap();
    let guarded: Vec<&str> = case.policies.iter().copied().chain(["tag-guard"]).collect();
    assert_eq!(
        (case.run)(Stage::new(
            World::generated(3, 2, 1, 2),
            &published(&guarded)
        ))
        .await,
        Ok(())
    );
    assert!(
        written_by_others(&published(&["tag-guard"]))
            .await
            .is_empty()
    );
    for action in ["ec2:CreateTags", "ec2:DeleteTags"] {
        let mut documents = published(&["tag-guard"]);
        let denied = documents.get_mut("tag-guard").unwrap().1["Statement"][0]["Action"]
            .as_array_mut()
            .unwrap();
        denied.retain(|denied| denied != action);
        assert_eq!(
            written_by_others(&documents).await,
            [action, action],
            "in both accounts"
        );
    }
}

/// Whom a publisher may share with is bound where EC2 says whom a call names, and a key can be
/// bound to its ARN.
#[tokio::test(start_paused = true)]
async fn conditions_narrow_what_is_allowed() {
    let stage = Stage::new(
        World::generated(3, 2, 1, 2),
        &published(&["publisher", "snapshots"]),
    );
    let refused = [
        in_source::at_home(&stage).target_account("300000000000".parse().unwrap()),
        in_source::at_home(&stage).targets([table::json::example(table::Values::Organizations)[0]
            .parse()
            .unwrap()]),
    ];
    for request in refused {
        let said = stage.run(request).await.unwrap_err();
        assert!(
            said.contains("may not perform ec2:ModifyImageAttribute"),
            "{said}"
        );
    }
    let one_key = stage.world.key("key-eu-west-1");
    let mut documents = published(&["publisher"]);
    for statement in documents.get_mut("publisher").unwrap().1["Statement"]
        .as_array_mut()
        .unwrap()
    {
        if ["ReadKeyPolicies", "WriteKeyPolicies"].contains(&statement["Sid"].as_str().unwrap()) {
            statement["Resource"] = one_key.clone().into();
        }
    }
    let stage = Stage::new(World::generated(3, 2, 1, 2), &documents);
    let said = stage.run(in_source::at_home(&stage)).await.unwrap_err();
    assert!(
        said.contains("may not perform kms:GetKeyPolicy")
            && said.contains(&stage.world.key("key-1")),
        "{said}"
    );
}
