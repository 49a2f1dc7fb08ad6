//! The whole table: each way to share and to revoke, at each of its calls: cut off there, or with
//! AWS in trouble there, reads included.

use super::*;

/// Long enough for the sweep of test launches, which leaves young instances to their own run.
const LATER: Duration = Duration::from_hours(2);

/// The end of a way that nothing disturbs, and the calls of it, from the first.
async fn undisturbed(way: Way) -> (Value, Vec<String>) {
    let world = way.prepare().await;
    let from = world.sim.journal().len();
    world.share(way.request(&world)).await;
    (describe_end(&world), world.list_actions(from))
}

fn report(wrong: &[String], rows: usize) {
    let count = wrong.len();
    assert!(wrong.is_empty(), "{count} of {rows}:\n{}", wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn run_that_is_cut_off_after_any_call_is_completed_by_the_next() {
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for way in WAYS {
        let (expected, calls) = undisturbed(way).await;
        for calls in 1..=calls.len() {
            rows += 1;
            let world = way.prepare().await;
            let request = || way.request(&world);
            let run = world.try_share(request());
            world.drop_after_calls(calls, run).await;
            tokio::time::advance(LATER).await;
            let row = format!("{way:?} cut off after {calls}");
            match world.try_share(request()).await {
                Err(report) => wrong.push(format!("{row}: {:?}", report.errors)),
                Ok(_) if describe_end(&world) != expected => {
                    wrong.push(format!("{row}: {}, not {expected}", describe_end(&world)));
                }
                Ok(_) => {}
            }
        }
    }
    assert!(rows > 300, "{rows}");
    report(&wrong, rows);
}

#[tokio::test(start_paused = true)]
#[ignore = "takes minutes: each kind of trouble at each call"]
async fn trouble_at_any_call_of_any_way_is_outlasted() {
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for way in WAYS {
        let (expected, calls) = undisturbed(way).await;
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        for action in &calls {
            let call = counts.entry(action).or_default();
            *call += 1;
            for trouble in TROUBLES {
                rows += 1;
                let mut fault = fault(action, trouble);
                fault["call"] = json!(*call);
                let world = way.prepare().await.with_fault(fault);
                let row = format!("{way:?} {action} {call} {trouble}");
                match world.try_share(way.request(&world)).await {
                    Err(report) => wrong.push(format!("{row}: {:?}", report.errors)),
                    Ok(_) if describe_end(&world) != expected => {
                        wrong.push(format!("{row}: {}, not {expected}", describe_end(&world)));
                    }
                    Ok(_) => {}
                }
            }
        }
    }
    report(&wrong, rows);
}
