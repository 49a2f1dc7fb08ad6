//! Reads that are out of date by a minute: one at a time, of each operation that AWS may answer so.
//! A new image is then unknown, one that is available is pending again, and what was shared is not.

use super::midway::try_run;
use super::*;
use crate::findings::targets::with_admin_role;

const READS: [&str; 5] = [
    "ec2:DescribeImages",
    "ec2:DescribeImageAttribute",
    "ec2:DescribeSnapshotAttribute",
    "ec2:ModifyImageAttribute",
    "ec2:CopyImage",
];

/// What a run may say of an image that AWS shows, and then says that it does not know; or of the
/// failed copy of a run before, which it did not see.
const TRUE_ERRORS: [&str; 2] = ["image.not-found", "copy.failed"];

#[tokio::test(start_paused = true)]
async fn read_that_is_out_of_date_by_a_minute_changes_no_end() {
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for way in WAYS {
        let world = way.prepare().await;
        let before = world.count_calls();
        world.share(way.request(&world)).await;
        let (expected, after) = (describe_end(&world), world.count_calls());
        for operation in READS {
            let count = |counts: &std::collections::BTreeMap<String, usize>| {
                counts.get(operation).copied().unwrap_or_default()
            };
            for call in 1..=count(&after) - count(&before) {
                rows += 1;
                let stale = json!({ "stale": { "seconds": 60 } });
                let fault = json!({ "operation": operation, "call": call, "effect": stale });
                let world = way.prepare().await.with_fault(fault);
                let row = format!("{way:?} {operation} {call}");
                // A list that is a minute old does not show the copy of the run before.
                let is_hidden = way == Way::RevokeCopies && operation == "ec2:DescribeImages";
                match try_run(&world, way.request(&world)).await {
                    Err(errors) if TRUE_ERRORS.contains(&errors[0].code.as_str()) => {}
                    Err(errors) => wrong.push(format!("{row}: {:?}", errors.first())),
                    Ok(()) if !is_hidden && describe_end(&world) != expected => {
                        wrong.push(format!("{row}: {}, not {expected}", describe_end(&world)));
                    }
                    Ok(()) => {}
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {rows}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// An image that lists show, and that a look by its ID does not, or the other way round.
#[tokio::test(start_paused = true)]
async fn image_that_is_listed_and_absent_is_there() {
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for way in [
        Way::Policy,
        Way::Copy,
        Way::TargetCopy,
        Way::Temporary,
        Way::Lifecycle,
    ] {
        let world = way.prepare().await;
        let before = world.count_calls();
        world.share(way.request(&world)).await;
        let (expected, after) = (describe_end(&world), world.count_calls());
        let count = |counts: &std::collections::BTreeMap<String, usize>| {
            counts
                .get("ec2:DescribeImages")
                .copied()
                .unwrap_or_default()
        };
        for call in 1..=count(&after) - count(&before) {
            rows += 1;
            let unknown = fail_call("ec2:DescribeImages", call, "InvalidAMIID.NotFound");
            let world = way.prepare().await.with_fault(unknown);
            let row = format!("{way:?} {call}");
            match try_run(&world, way.request(&world)).await {
                Err(errors) if TRUE_ERRORS.contains(&errors[0].code.as_str()) => {}
                Err(errors) => wrong.push(format!("{row}: {:?}", errors.first())),
                Ok(()) if describe_end(&world) != expected => {
                    wrong.push(format!("{row}: {}, not {expected}", describe_end(&world)));
                }
                Ok(()) => {}
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {rows}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn fail_call(operation: &str, call: usize, code: &str) -> Value {
    let error = json!({ "status": 400, "code": code, "message": "AWS does not know it." });
    json!({ "operation": operation, "call": call, "effect": { "error": error } })
}

/// STS in trouble says nothing of the credentials.
#[tokio::test(start_paused = true)]
async fn sts_in_trouble_is_not_an_error_of_credentials() {
    let mut wrong = Vec::new();
    for operation in ["sts:GetCallerIdentity", "sts:AssumeRole"] {
        for trouble in TROUBLES {
            for is_lasting in [false, true] {
                let world = with_admin_role(|_| ());
                let mut fault = fault(operation, trouble);
                if is_lasting {
                    fault.as_object_mut().unwrap().remove("call");
                }
                let world = world.with_fault(fault);
                let request = Way::TargetCopy.request(&world).timing(with_timeout(1_200));
                let sharer = ami_share::Sharer::new(&world.config(A));
                let request = request.build().unwrap();
                let codes: Vec<String> = match sharer.plan(&request).await {
                    Err(errors) => errors.iter().map(|error| error.code.to_string()).collect(),
                    Ok(plan) => {
                        let applied = Box::pin(sharer.apply(&plan)).await;
                        let report = applied.unwrap_or_else(|incomplete| incomplete.report);
                        report
                            .errors
                            .iter()
                            .map(|error| error.code.to_string())
                            .collect()
                    }
                };
                let is_right = if is_lasting {
                    !codes.is_empty() && !codes.iter().any(|code| code == "credentials.invalid")
                } else {
                    codes.is_empty()
                };
                if !is_right {
                    wrong.push(format!(
                        "{operation} {trouble}, lasting {is_lasting}: {codes:?}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
