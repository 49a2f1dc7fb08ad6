//! SSM parameters that somebody else wrote. What they hold may be a secret.

use ami_share::Sharer;
use ami_share_sim::world::{Parameter, World as State};
use serde_json::json;

use super::super::support::*;

/// A parameter that somebody else wrote.
fn parameter(kind: &str, value: &str) -> Parameter {
    Parameter {
        value: value.to_owned(),
        data_type: "text".to_owned(),
        kind: kind.to_owned(),
        version: 1,
        written: std::time::Duration::ZERO,
        writer: format!("arn:aws:iam::{A}:user/somebody"),
        description: None,
        allowed_pattern: None,
        tier: "Standard".to_owned(),
        key: None,
        labels: Vec::new(),
    }
}

const NAME: &str = "/images/golden";

pub(crate) fn put_parameter(state: &mut State, name: &str, kind: &str, value: &str) {
    put_parameter_of(state, A, name, (kind, value));
}

pub(crate) fn put_parameter_of(
    state: &mut State,
    account: &str,
    name: &str,
    (kind, value): (&str, &str),
) {
    let place = ("us-east-1".to_owned(), name.to_owned());
    let account = state.accounts.get_mut(account).unwrap();
    let parameter = parameter(kind, value);
    account.parameters.insert(place, vec![parameter]);
}

fn set_parameter(world: &World, name: &str, kind: &str, value: &str) {
    let put = |state: &mut State| put_parameter(state, name, kind, value);
    world.sim.edit(put);
}

fn read_parameter(world: &World, name: &str) -> String {
    parameter_of(world, name).value
}

fn parameter_of(world: &World, name: &str) -> Parameter {
    let place = (world.region(), name.to_owned());
    world.sim.edit(|state| {
        let versions = &state.accounts[A].parameters[&place];
        versions.last().unwrap().clone()
    })
}

/// Values that are no AMI ID, or not in a String.
const VALUES: [(&str, &str); 7] = [
    ("StringList", "ami-0123456789abcdef1"),
    ("String", "hunter2-the-password"),
    ("String", "ami-0123456789abcdef0,ami-0123456789abcdef1"),
    ("String", "AMI-0123456789ABCDEF0 hunter2"),
    ("StringList", "hunter2,hunter3"),
    ("SecureString", "AQICAHhunter2"),
    ("String", "::set-output name=x::hunter2\r##[error]hunter2"),
];

#[tokio::test(start_paused = true)]
async fn parameter_that_holds_no_image_is_taken_only_if_asked() {
    for (kind, value) in VALUES {
        for overwrite in [false, true] {
            let world = World::new();
            set_parameter(&world, NAME, kind, value);
            let request = world.build_request(&["golden"]);
            let request = request.publish_ssm_parameter("/images/{name}");
            let request = request.overwrite_ssm_parameter(overwrite);
            let sharer = Sharer::new(&world.config(A));
            let plan = sharer.plan(&request.build().unwrap()).await.unwrap();
            let refusals: Vec<_> = plan.refusals().map(|found| found.code.as_str()).collect();
            let applied = sharer.apply(&plan).await;
            let what = format!("{kind} {value:?}, {overwrite}");
            // Its type is never changed.
            let written = parameter_of(&world, NAME);
            assert_eq!(
                (&*written.kind, &*written.data_type),
                (kind, "text"),
                "{what}"
            );
            if overwrite && kind == "String" {
                assert!(refusals.is_empty(), "{what}: {refusals:?}");
                assert_eq!(
                    read_parameter(&world, NAME),
                    world.image_id("golden"),
                    "{what}"
                );
            } else {
                let expected = match kind {
                    "String" => "parameter.not-image",
                    _ => "parameter.other-type",
                };
                assert_eq!(refusals, [expected], "{what}");
                assert_eq!(read_parameter(&world, NAME), value, "{what}");
                assert!(world.count_changes().is_empty(), "{what}");
            }
            let report = applied.unwrap_or_else(|incomplete| incomplete.report);
            for text in [json!(plan).to_string(), json!(report).to_string()] {
                assert!(
                    !text.contains("hunter2") && !text.contains("abcdef1"),
                    "{what}: {text}"
                );
            }
        }
    }
}

/// Somebody makes it a list while the run goes on.
#[tokio::test(start_paused = true)]
async fn type_that_changed_after_the_plan_is_not_changed() {
    for kind in ["StringList", "SecureString"] {
        let world = World::new();
        let request = world.build_request(&["golden"]);
        let request = request.publish_ssm_parameter("/images/{name}");
        let plan = world.plan(request.overwrite_ssm_parameter(true)).await;
        set_parameter(&world, NAME, kind, "hunter2");
        let applied = Sharer::new(&world.config(A)).apply(&plan).await;
        let report = applied.unwrap_err().report;
        assert_eq!(list_codes(&report), ["parameter.refused"], "{kind}");
        assert_eq!(parameter_of(&world, NAME).kind, kind);
    }
}

#[tokio::test(start_paused = true)]
async fn parameter_that_changed_during_a_run_is_not_taken() {
    let before = [None, Some("ami-0123456789abcdef0")];
    for before in before {
        let world = World::with_slow_copies();
        let name = "/images/{name}";
        if let Some(value) = before {
            set_parameter(&world, "/images/plain", "String", value);
        }
        let request = world.build_copy_request(&["plain"]);
        let request = request.publish_ssm_parameter(name);
        let changing = async {
            tokio::time::sleep(std::time::Duration::from_mins(30)).await;
            set_parameter(&world, "/images/plain", "String", "hunter2");
        };
        let (report, ()) = tokio::join!(world.try_share(request), changing);
        let report = report.unwrap_err();
        assert_eq!(report.errors[0].code.as_str(), "parameter.refused");
        assert!(!json!(report).to_string().contains("hunter2"));
        assert_eq!(read_parameter(&world, "/images/plain"), "hunter2");
    }
}

/// The parameter of one target keeps the image from nobody.
#[tokio::test(start_paused = true)]
async fn parameter_of_target_that_holds_no_image_is_left_out() {
    let world = World::generate(2, 1, 1, 1);
    world
        .allow_actions(B, "consumer", &["ec2:*", "ssm:*"])
        .await;
    let name = "/images/image-1";
    world.sim.edit(|state| {
        put_parameter_of(state, B, name, ("SecureString", "hunter2"));
    });
    let request = world.build_request(&["image-1"]);
    let request = request.target_options(with_target_role());
    let request = request.publish_ssm_parameter("/images/{name}");
    let report = world.try_share(request).await.unwrap_err();
    assert_eq!(report.errors.len(), 1);
    assert_eq!(report.errors[0].resource.as_deref(), Some(name));
    assert_eq!(
        list_codes(&report),
        ["parameter.other-type", "part.left-out"]
    );
    assert!(!json!(report).to_string().contains("hunter2"));
    let image_id = world.image_id("image-1");
    assert_eq!(read_parameter(&world, name), image_id);
    assert_eq!(world.launch_as_b(&image_id).await, "running");
    let place = ("us-east-1".to_owned(), name.to_owned());
    let theirs = world
        .sim
        .edit(|state| state.accounts[B].parameters[&place].clone());
    assert_eq!(theirs[0].value, "hunter2");
}
