//! A target is reached in whichever Region of the request its role can be assumed, and a Region
//! that it has turned off is said, whatever is done there.

use ami_share::request::{KeyAccessMode, Verify};
use ami_share::{Report, Sharer};
use serde_json::{Value, json};

use super::breaks::Broken;
use super::stage::{C, HOME, Mode, OPT_IN, Stage};
use crate::support::*;

fn sts_off() -> Value {
    let message = "STS is not activated in this region for account:300000000000. Your account \
                   administrator can activate STS in this region using the IAM Console.";
    json!({ "error": { "status": 403, "code": "RegionDisabledException", "message": message } })
}

#[tokio::test(start_paused = true)]
async fn target_is_served_if_the_sts_of_one_region_answers() {
    for effect in [sts_off(), json!("drop")] {
        let stage = Stage::new(KeyAccessMode::Policy, true);
        let fault = json!({ "operation": "sts:AssumeRole", "region": HOME, "naming": C,
            "effect": effect });
        stage
            .world
            .sim
            .fault(serde_json::from_value(fault).unwrap());
        stage.succeed(Mode::Share).await;
        stage.check_ends(Mode::Share, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn target_that_no_region_reaches_is_the_one_that_is_named() {
    let stage = Stage::new(KeyAccessMode::Policy, true);
    let fault = json!({ "operation": "sts:AssumeRole", "naming": C, "effect": sts_off() });
    stage
        .world
        .sim
        .fault(serde_json::from_value(fault).unwrap());
    let report = stage.fail(Mode::Share).await;
    let [error] = &report.errors[..] else {
        panic!("{:?}", report.errors)
    };
    assert_eq!(error.code.as_str(), "region.not-enabled", "{error}");
    assert_eq!(error.account.as_ref().unwrap().as_ref(), C);
    assert_eq!(error.action, Some("sts:AssumeRole"));
    stage
        .check_ends(Mode::Share, &[Broken::TargetWithoutRole])
        .await;
}

/// Also by a run that has nothing to read or do there but the launch permission.
#[tokio::test(start_paused = true)]
async fn region_that_target_has_off_is_said_in_every_plan() {
    for verify in [Verify::None, Verify::Permissions] {
        for (broken, region) in [
            (Broken::TargetRegionOff, HOME),
            (Broken::TargetCopyRegionOff, OPT_IN),
        ] {
            let stage = Stage::new(KeyAccessMode::Policy, false).with_verify(verify);
            stage.break_parts(&[broken]);
            let sharer = Sharer::new(&stage.world.config(A));
            let plan = sharer.preview(&stage.request(Mode::Share)).await.unwrap();
            let report = Report::of_plan(&plan);
            let [error] = &report.errors[..] else {
                panic!("{broken:?}: {:?}", report.errors)
            };
            assert_eq!(error.code.as_str(), "region.not-enabled", "{error}");
            assert_eq!(error.account.as_ref().unwrap().as_ref(), C);
            assert_eq!(error.region.as_ref().unwrap().as_ref(), region);
        }
    }
}
