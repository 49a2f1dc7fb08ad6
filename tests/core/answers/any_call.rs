//! What AWS answers to any call, the run says in AWS's words: no error is swallowed.

use std::collections::BTreeSet;

use ami_share::Sharer;
use ami_share::request::ShareRequestBuilder;

use super::Run;
use crate::findings::targets::with_admin_role;
use crate::support::*;

const CODE: &str = "SomethingOdd";
const WORDS: &str = "never seen before";

/// Reads on which nothing depends in these worlds: something else that was read says as much.
const NOT_NEEDED: [&str; 5] = [
    // Every later run looks again for what killed test launches left.
    "ec2:DescribeInstances",
    "ec2:DescribeSecurityGroups",
    // The target sees the image.
    "ec2:GetAllowedImagesSettings",
    // The default key is `aws/ebs`, which every principal of the account can use.
    "ec2:GetEbsEncryptionByDefault",
    // The key policy gives the access.
    "kms:ListGrants",
];

const RUNS: [Run; 6] = [
    Run::Share,
    Run::Copy,
    Run::Grants,
    Run::Target,
    Run::Publish,
    Run::RevokeCopies,
];

async fn prepare(run: Run) -> (World, ShareRequestBuilder) {
    let world = with_admin_role(|_| ());
    if run == Run::RevokeCopies {
        world.share(Run::Copy.request(&world)).await;
    }
    let request = run.request(&world).timing(with_timeout(600));
    (world, request)
}

/// Everything that a run says: errors, findings, verifications.
async fn listen(world: &World, request: ShareRequestBuilder) -> String {
    let sharer = Sharer::new(&world.config(A));
    let report = match sharer.plan(&request.build().unwrap()).await {
        Err(errors) => return errors.to_string(),
        Ok(plan) => match sharer.apply(&plan).await {
            Ok(report) => report,
            Err(incomplete) => incomplete.report,
        },
    };
    serde_json::to_string(&report).unwrap()
}

#[tokio::test(start_paused = true)]
async fn unknown_answer_to_any_call_is_told_in_its_words() {
    let mut silent = BTreeSet::new();
    for run in RUNS {
        let (world, request) = prepare(run).await;
        let from = world.sim.journal().len();
        listen(&world, request).await;
        let actions: BTreeSet<String> = world.list_actions(from).into_iter().collect();
        for action in actions {
            let (world, request) = prepare(run).await;
            let world = world.with_fault(deny_calls(&action, CODE, WORDS));
            let said = listen(&world, request).await;
            let is_told = said.contains(CODE) && said.contains(WORDS);
            let is_needed = run != Run::Target || !NOT_NEEDED.contains(&action.as_str());
            if is_needed && !is_told {
                silent.insert((run, action));
            }
        }
    }
    assert_eq!(silent, BTreeSet::new());
}
