//! A verification changes nothing, so what only a change needs refuses none.

use ami_share::request::ShareRequestBuilder;

use super::*;
use crate::not_ours::parameters::put_parameter_of;

type Adapt = fn(ShareRequestBuilder) -> ShareRequestBuilder;
type Prepare = fn(&World);

const NAME: &str = "/images/golden";

fn taken_sid(world: &World) {
    let taken = json!({
        "Sid": "AmiShareUse",
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{A}:root") },
        "Action": "kms:Decrypt",
        "Resource": "*",
    });
    world.edit_statements(&world.key_arn("golden"), |all| all.push(taken));
}

fn parameter(world: &World, kind: &str) {
    let put = |state: &mut _| put_parameter_of(state, A, NAME, (kind, "hunter2"));
    world.sim.edit(put);
}

#[tokio::test(start_paused = true)]
async fn what_only_a_change_needs_refuses_no_verification() {
    let publish: Adapt = |request| request.publish_ssm_parameter(NAME);
    let nameless: Adapt = |request| request.publish_ssm_parameter("/images/{tag:Nope}");
    let table: [(&str, Prepare, Adapt); 4] = [
        ("key.sid-taken", taken_sid, |request| request),
        (
            "parameter.not-image",
            |world| parameter(world, "String"),
            publish,
        ),
        (
            "parameter.other-type",
            |world| parameter(world, "StringList"),
            publish,
        ),
        ("parameter.name-invalid", |_| (), nameless),
    ];
    for (code, prepare, adapt) in table {
        let world = World::new();
        prepare(&world);
        let request = || adapt(world.build_request(&["golden"]));
        let plan = world.plan(request()).await;
        let refusals: Vec<&str> = plan.refusals().map(|it| it.code.as_str()).collect();
        assert_eq!(refusals, [code], "of a share");

        let request = request().build().unwrap();
        let report = Sharer::new(&world.config(A))
            .verify(&request)
            .await
            .unwrap();
        assert!(report.plan.refusals().next().is_none(), "{code}");
        assert!(report.errors.is_empty(), "{code}: {:?}", report.errors);
        assert_eq!(report.verifications.len(), 1, "{code}");
    }
}
