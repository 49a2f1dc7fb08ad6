//! What one group's plan says stays is true beside what the others remove.

use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, Unlisted};
use ami_share::{Report, Sharer};

use super::*;

const D: &str = "300000000001";

fn request(world: &World, account: &str, key: Option<&str>) -> ShareRequestBuilder {
    let request = world.build_request_for(&["image-1"], &[account]);
    match key {
        Some(key) => request.kms_key(world.key_arn(key).parse().unwrap()),
        None => request,
    }
}

fn with_copies(request: ShareRequestBuilder) -> ShareRequestBuilder {
    let revoke = Revoke {
        copies: true,
        ..Revoke::default()
    };
    request.revoke(revoke).revoke_in_use(true)
}

async fn carry_out(world: &World, requests: Vec<(&str, ShareRequestBuilder)>) -> Report {
    let plan = plan(world, &into_groups(requests)).await;
    Sharer::new(&world.config(A)).apply(&plan).await.unwrap()
}

fn are_removed(world: &World) -> bool {
    let mut states = world.list_copies().into_values();
    states.all(|state| state == "deregistered")
}

/// The messages of a code.
fn messages<'a>(report: &'a Report, code: &str) -> Vec<&'a str> {
    let findings = report.findings.iter().chain(&report.plan.findings);
    let of_code = findings.filter(|finding| finding.code.as_str() == code);
    of_code.map(|finding| finding.message.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn copy_that_another_group_removes_is_not_said_to_be_kept() {
    let keys = [(None, "key-2"), (Some("key-3"), "key-2")];
    for (one, two) in keys {
        let world = World::generate(5, 1, 3, 1);
        let groups = || {
            let one = request(&world, B, one);
            vec![("one", one), ("two", request(&world, C, Some(two)))]
        };
        carry_out(&world, groups()).await;
        assert!(!world.list_copies().is_empty());
        let revoked = groups().into_iter();
        let revoked = revoked.map(|(name, request)| (name, with_copies(request)));
        let report = carry_out(&world, revoked.collect()).await;
        for code in ["copy.still-shared", "copy.not-ours"] {
            assert_eq!(messages(&report, code), [""; 0], "{one:?} {two}");
        }
        assert!(are_removed(&world), "{one:?} {two}: {:?}", report.findings);
    }
}

/// Nobody can launch the copy any more, and it is there until the next run: that is what is said.
#[tokio::test(start_paused = true)]
async fn copy_of_two_groups_is_said_to_be_kept_until_the_next_run() {
    let world = World::generate(5, 1, 3, 1);
    let groups = |adapt: fn(ShareRequestBuilder) -> ShareRequestBuilder| {
        let [one, two] = [B, C].map(|account| adapt(request(&world, account, Some("key-2"))));
        vec![("one", one), ("two", two)]
    };
    carry_out(&world, groups(|request| request)).await;
    let report = carry_out(&world, groups(with_copies)).await;
    let kept = messages(&report, "copy.still-shared");
    assert!(!kept.is_empty());
    for message in kept {
        assert!(
            message.contains("nobody has access to it after this run"),
            "{message}"
        );
        assert!(!message.contains("still shared with"), "{message}");
    }
    assert!(!are_removed(&world));
    let access = world.list_access()["images"].to_string();
    assert!(!access.contains(B) && !access.contains(C), "{access}");

    carry_out(&world, groups(with_copies)).await;
    assert!(are_removed(&world));
}

/// A copy that somebody else can launch too stays, and they are named alone.
#[tokio::test(start_paused = true)]
async fn copy_that_others_can_launch_is_kept_and_they_alone_are_named() {
    let world = World::generate(5, 1, 3, 1);
    let groups = |adapt: fn(ShareRequestBuilder) -> ShareRequestBuilder| {
        let [one, two] = [B, C].map(|account| adapt(request(&world, account, Some("key-2"))));
        vec![("one", one), ("two", two)]
    };
    carry_out(&world, groups(|request| request)).await;
    world.share(request(&world, D, Some("key-2"))).await;
    let report = carry_out(&world, groups(with_copies)).await;
    for message in messages(&report, "copy.still-shared") {
        assert!(
            message.contains(&format!("still shared with {D}, so")),
            "{message}"
        );
    }
    assert!(!messages(&report, "copy.still-shared").is_empty());
    assert!(!are_removed(&world));
}

/// A group that changes no key says what stays, unless another group removes it.
#[tokio::test(start_paused = true)]
async fn key_access_that_another_group_removes_is_not_said_to_stay() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        for is_alone in [false, true] {
            let world = World::generate(5, 1, 2, 1);
            let share = |account: &str| request(&world, account, None);
            for account in [B, C, D] {
                world.share(share(account).key_access(mode)).await;
            }
            let unlisted = |account: &str, mode: KeyAccessMode| {
                let request = share(account).key_access(mode).unlisted(Unlisted::Revoke);
                request.revoke_in_use(true)
            };
            let mut groups = vec![("one", unlisted(B, KeyAccessMode::None))];
            if is_alone {
                let both = groups[0].1.clone().target_account(C.parse().unwrap());
                groups[0].1 = both;
            } else {
                groups.push(("two", unlisted(C, mode)));
            }
            let report = carry_out(&world, groups).await;
            let said = messages(&report, "revoke.other-way");
            let says = said.iter().any(|message| message.contains(D));
            assert_eq!(says, is_alone, "{mode:?}: {said:?}");
            let access = world.list_access_of(A);
            let policy = world.read_key_policy("key-1");
            let keeps = policy.contains(D) || access["grants"].to_string().contains(D);
            assert_eq!(keeps, is_alone, "{mode:?}");
            assert!(!access["images"].to_string().contains(D));
        }
    }
}
