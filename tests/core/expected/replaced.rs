//! What a plan replaces in SSM parameters, and what they hold when it is carried out.

use ami_share::{Report, Sharer};
use ami_share_sim::world::World as State;

use crate::not_ours::put_parameter_of;
use crate::support::*;

const NAME: &str = "/images/image-1";

/// What a parameter may hold; it may not exist.
const VALUES: [Option<&str>; 4] = [
    None,
    Some("ami-0aaaaaaaaaaaaaaaa"),
    Some("ami-0bbbbbbbbbbbbbbbb"),
    Some("hunter2"),
];

fn set(world: &World, account: &str, value: Option<&str>) {
    world.sim.edit(|state| {
        let place = ("us-east-1".to_owned(), NAME.to_owned());
        let parameters = &mut state.accounts.get_mut(account).unwrap().parameters;
        parameters.remove(&place);
        if let Some(value) = value {
            put_parameter_of(state, account, NAME, ("String", value));
        }
    });
}

fn read(world: &World, account: &str) -> Option<String> {
    let place = ("us-east-1".to_owned(), NAME.to_owned());
    world.sim.edit(|state: &mut State| {
        let versions = state.accounts[account].parameters.get(&place)?;
        Some(versions.last().unwrap().value.clone())
    })
}

/// A run of a plan that was made with one value, which has changed since.
pub(crate) async fn replace_changed(is_approved: bool) -> Report {
    let (_, report) = carry_out(A, (VALUES[1], VALUES[2]), is_approved).await;
    report
}

/// One account's parameter holds `planned` when the plan is made, and `now` when it is carried out.
async fn carry_out(
    account: &str,
    (planned, now): (Option<&str>, Option<&str>),
    is_approved: bool,
) -> (World, Report) {
    let world = World::generate(2, 1, 1, 1);
    let actions = ["ec2:*", "ssm:*"];
    world.allow_actions(B, "consumer", &actions).await;
    set(&world, account, planned);
    let request = || {
        let request = world.build_request(&["image-1"]);
        let request = request.publish_ssm_parameter("/images/{name}");
        let request = request.target_options(with_target_role());
        request.overwrite_ssm_parameter(true)
    };
    let plan = world.plan(request()).await;
    let plan = if is_approved {
        world.plan(request().expect_plan(plan.digest())).await
    } else {
        plan
    };
    set(&world, account, now);
    let applied = Sharer::new(&world.config(A)).apply(&plan).await;
    let report = applied.unwrap_or_else(|incomplete| incomplete.report);
    (world, report)
}

async fn check(account: &str, planned: Option<&str>, now: Option<&str>, is_approved: bool) {
    let (world, report) = carry_out(account, (planned, now), is_approved).await;
    let what = format!("{account}: {planned:?}, {now:?}, {is_approved}");
    let text = serde_json::json!(report).to_string();
    assert!(!text.contains("hunter2"), "{what}: {text}");
    let codes = list_codes(&report);
    let image = Some(world.image_id("image-1"));
    let others = if account == A { B } else { A };
    assert_eq!(read(&world, others), image, "{what}");
    if is_approved && planned != now {
        assert_eq!(codes, ["plan.outdated"], "{what}");
        assert_eq!(read(&world, account).as_deref(), now, "{what}");
        return;
    }
    let expected: &[&str] = if planned == now {
        &[]
    } else {
        &["plan.changed-meanwhile"]
    };
    assert_eq!(codes, expected, "{what}");
    assert_eq!(read(&world, account), image, "{what}");
    let mut parameters = report.parameters.iter();
    let reported = parameters
        .find(|it| it.account.as_ref() == account)
        .unwrap();
    let previous = reported.previous.as_ref().map(ToString::to_string);
    let was_image = now.filter(|value| value.starts_with("ami-"));
    assert_eq!(previous.as_deref(), was_image, "{what}");
}

#[tokio::test(start_paused = true)]
async fn approved_plan_replaces_in_a_parameter_only_what_it_names() {
    for planned in VALUES {
        for now in VALUES {
            for account in [A, B] {
                for is_approved in [false, true] {
                    check(account, planned, now, is_approved).await;
                }
            }
        }
    }
}
