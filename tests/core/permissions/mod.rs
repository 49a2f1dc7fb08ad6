//! The published policies are enough, and each action of each of their statements is needed (promise P8).

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
    "let a role launch by a managed policy": "publisher" "revoker" "targets" "target-trust" "target-launch-roles" "launcher" => in_target::attach,
    "let a role launch by an inline policy": "publisher" "revoker" "targets" "target-trust" "target-launch-roles-inline" => in_target::inline,
    "let Auto Scaling launch": "publisher" "service-linked-roles" "targets" "target-trust" "target-service-linked-roles" => in_target::services,
    "let Auto Scaling launch, by grants": "publisher-grants" "service-linked-roles" "targets" "target-trust" "target-service-linked-roles" => in_target::services,
    "plan with targets": "reader" "targets" "target-trust" "target-reader" => in_target::look,
    "verify": "reader" "targets" "target-trust" "target-reader" "verifier" "launcher" => in_target::verify,
    "verify by a launch": "reader" "targets" "target-trust" "target-reader" "verifier" "verifier-launch" "launcher" => in_target::verify_by_launch,
};

impl Case {
    async fn ends(&self, documents: &Documents, as_recorded: bool) -> Result<(), String> {
        let world = World::generated(3, 2, 1, 2);
        world.sim.edit(|state| state.copies_as_recorded = as_recorded);
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
                of.actions.iter().map(move |action| Self { policy, statement, action })
            })
        };
        table::all().into_iter().flat_map(of).collect()
    }

    fn cases(&self) -> impl Iterator<Item = &'static Case> {
        CASES.iter().filter(|case| case.policies.contains(&self.policy.name))
    }

    /// The documents of a case without it.
    fn from(&self, case: &Case) -> Documents {
        let mut documents = published(case.policies);
        let statements = documents.get_mut(self.policy.name).unwrap().1["Statement"].as_array_mut().unwrap();
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
                wrong.push(format!("{} {sid} {}: nothing misses it", policy.name, action.name));
            }
            continue;
        };
        let said = essence(&said, action.name);
        if !said.contains(action.name.trim_end_matches('*')) || !names(policy, &said) {
            wrong.push(format!("{} {sid} {}: {case}: {said}", policy.name, action.name));
        }
        rows += &format!("| {} | {sid} | `{}` | {case} | {said} |\n", policy.name, action.name);
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
        Some((account, _)) if said.contains("could not be read: allow kms:ListGrants to whoever verifies in") => {
            said.contains(&format!("whoever verifies in {account}"))
        }
        Some((account, role)) => said.contains(account) && said.contains(&format!("role/{role}")),
        None => said.contains("the policy of arn:aws:kms:") || said.contains("in the key policies"),
    }
}

/// The error that is about an action, without what AWS said and without what is another with each run.
fn essence(said: &str, action: &str) -> String {
    let about = |line: &&str| line.contains(action.trim_end_matches('*'));
    let line = said.lines().find(about).or_else(|| said.lines().next()).unwrap_or_default();
    let (message, rest) = line.split_once(". AWS said: ").unwrap_or((line, ""));
    let remedy = rest.split_once(". What to do: ").map(|(_, remedy)| format!(". What to do: {remedy}"));
    let text = message.to_owned() + &remedy.unwrap_or_default();
    let mut words = Vec::new();
    for word in text.split(' ') {
        let id = ["ami-", "snap-", "subnet-", "sg-", "i-", "key/"].into_iter().find_map(|kind| {
            let (before, rest) = word.split_once(kind)?;
            let end = rest.find(|c: char| !c.is_ascii_hexdigit() && c != '-').unwrap_or(rest.len());
            (end >= 8).then(|| format!("{before}{kind}…{}", &rest[end..]))
        });
        words.push(id.unwrap_or_else(|| word.to_owned()));
    }
    words.join(" ").replace('|', "\\|")
}

/// What no recording shows in use, no case misses where copies ask for the recorded set only; the rest each misses.
#[tokio::test(start_paused = true)]
async fn rule_1_4_5_what_is_marked_as_published_is_not_missed_where_copies_are_as_recorded() {
    let copying = ["publisher", "publisher-grants", "target-copies"];
    for removal in Removal::all().into_iter().filter(|removal| copying.contains(&removal.policy.name)) {
        // The first case with each of them is a whole copy.
        let case = removal.cases().next().unwrap();
        let missed = case.ends(&removal.from(case), true).await.is_err();
        let exercised = removal.action.basis == Basis::Exercised;
        assert_eq!(missed, exercised, "{} {}", removal.policy.name, removal.action.name);
    }
}
