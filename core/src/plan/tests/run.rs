//! Findings about the run as a whole, and runs of which nothing is left.

use super::*;
use crate::diagnostic::{Code, Error};
use crate::request::{Revoke, ShareRequestBuilder, Timing};

fn builder() -> ShareRequestBuilder {
    let builder = ShareRequest::builder()
        .region("us-east-1".parse().unwrap())
        .image("ami-1a2b3c4d".parse().unwrap());
    builder.target_account("222222222222".parse().unwrap())
}

fn codes(inventory: &Inventory, request: ShareRequestBuilder) -> Vec<&'static str> {
    let deadline = Instant::now() + Duration::from_secs(1);
    let plan = make(&request.build().unwrap(), inventory, deadline).unwrap();
    plan.findings.iter().map(|it| it.code.as_str()).collect()
}

fn image(inventory: &mut Inventory) -> &mut Image {
    home(inventory).images.values_mut().next().unwrap()
}

#[test]
fn credentials_may_expire_where_a_run_waits() {
    type SetUp = fn(&mut Inventory);
    let pending: SetUp = |inventory| image(inventory).state = ImageState::Pending;
    let copying: SetUp = |inventory| {
        home(inventory).destination_key = Some(OTHER.parse().unwrap());
    };
    let copied: SetUp = |inventory| {
        let region = home(inventory);
        region.destination_key = Some(OTHER.parse().unwrap());
        let mut copy = region.images.values().next().unwrap().clone();
        copy.id = "ami-0000000a".parse().unwrap();
        region.copies.push(copy);
    };
    let table: [(&str, SetUp, bool); 4] = [
        ("nothing", |_| (), false),
        ("a pending image", pending, true),
        ("a copy", copying, true),
        ("a copy that was made before", copied, false),
    ];
    for (awaits, set_up, waits) in table {
        for fixed_session in [false, true] {
            let mut inventory = inventory();
            inventory.fixed_session = fixed_session;
            set_up(&mut inventory);
            let found = codes(&inventory, builder()).contains(&"credentials.may-expire");
            assert_eq!(found, waits && fixed_session, "{awaits}, {fixed_session}");
            let revoke = builder().revoke(Revoke::default());
            let found = codes(&inventory, revoke).contains(&"credentials.may-expire");
            assert!(!found, "a revoke waits for nothing: {awaits}");
        }
    }
}

#[test]
fn key_policy_is_watched_for_four_seconds_at_least() {
    for (settle, is_short) in [(3_999, true), (4_000, false), (4_001, false)] {
        let timing = Timing {
            settle: Duration::from_millis(settle),
            ..Timing::default()
        };
        let found = codes(&inventory(), builder().timing(timing));
        assert_eq!(found.contains(&"timing.settle-short"), is_short, "{settle}");
    }
}

/// Two images, of which one failed, for a target that may be unreachable.
#[test]
fn run_is_refused_if_an_image_is_left_out_and_no_target_is_reached() {
    let target: AccountId = "222222222222".parse().unwrap();
    for is_reached in [false, true] {
        let mut inventory = inventory();
        let mut failed = image(&mut inventory).clone();
        failed.id = "ami-0000000a".parse().unwrap();
        failed.state = ImageState::Failed("failed".to_owned());
        home(&mut inventory)
            .images
            .insert(failed.id.clone(), failed);
        if !is_reached {
            let error = Error::new(Code::RoleNotAssumable, "no");
            inventory.targets.insert(target.clone(), Err(error));
        }
        let request = builder().image("ami-0000000a".parse().unwrap());
        let deadline = Instant::now() + Duration::from_secs(1);
        let plan = make(&request.build().unwrap(), &inventory, deadline).unwrap();
        assert_eq!(
            plan.refusals().next().is_none(),
            is_reached,
            "{:?}",
            plan.findings
        );
    }
}
