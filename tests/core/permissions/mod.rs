//! The published policies are enough, and each action of each of their statements is needed (promise P8).

mod in_source;
mod in_target;
mod stage;

use futures::future::BoxFuture;
use serde_json::Value;

use self::stage::{Documents, Stage, published, role_of};
use super::support::*;
use super::table::{self, Basis, Kind, Policy};

/// Something that is done, and the policies that it is done with.
struct Case {
    name: &'static str,
    policies: &'static [&'static str],
    run: fn(Stage) -> BoxFuture<'static, Result<(), String>>,
}

macro_rules! cases {
    ($($name:literal: $($policy:literal)+ => $run:path,)+) => {
        &[$(Case { name: $name, policies: &[$($policy),+], run: |stage| Box::pin($run(stage)) },)+]
    };
}

const CASES: &[Case] = cases! {
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
    "lend for a copy": "publisher" "snapshots" "targets" "target-trust" "target-copies" "revoker" "lending" => in_target::lend,
    "lend for a copy, by grants": "publisher-grants" "snapshots" "targets" "target-trust" "target-copies" "revoker" "lending" => in_target::lend,
    "tag in a target": "publisher" "targets" "target-trust" "target-tags" => in_target::tag,
    "publish a parameter in a target": "publisher" "parameters" "targets" "target-trust" "target-parameters" => in_target::publish,
    "let a role launch by a managed policy": "publisher" "revoker" "targets" "target-trust" "target-launch-roles" "launcher" => in_target::attach,
    "let a role launch by an inline policy": "publisher" "revoker" "targets" "target-trust" "target-launch-roles-inline" => in_target::inline,
    "let Auto Scaling launch": "publisher" "service-linked-roles" "targets" "target-trust" "target-service-linked-roles" => in_target::services,
    "let Auto Scaling launch, by grants": "publisher-grants" "service-linked-roles" "targets" "target-trust" "target-service-linked-roles" => in_target::services,
    "plan with targets": "reader" "targets" "target-trust" "target-reader" => in_target::look,
    "launch": "launcher" => in_target::launch,
    "verify": "reader" "targets" "target-trust" "verifier" "launcher" => in_target::verify,
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
    let mut wrong = Vec::new();
    for removal in Removal::all() {
        let mut missed = None;
        for case in removal.cases() {
            if let Err(said) = case.ends(&removal.from(case), false).await {
                missed = Some((case.name, said));
                break;
            }
        }
        let what = format!(
            "{} {} {}",
            removal.policy.name, removal.policy.statements[removal.statement].sid, removal.action.name
        );
        let Some((case, said)) = missed else {
            wrong.push(format!("{what}: nothing misses it"));
            continue;
        };
        let whose = role_of(removal.policy).map_or("", |(_, role)| role);
        if !said.contains(removal.action.name.trim_end_matches('*')) || !said.contains(&format!("role/{whose}")) {
            wrong.push(format!("{what}: {case}: {said}"));
        } else {
            println!("{what}: {case}: {said}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
