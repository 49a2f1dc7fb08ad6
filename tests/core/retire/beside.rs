//! Retirements side by side: only the one that disabled an image counts it.

use ami_share::plan::RetirementState;

use super::*;

/// The images that a run brought to be disabled, and those that it only noted.
fn count(report: &Report) -> (usize, usize) {
    let disabled = |it: &&ami_share::report::RetiredImage| {
        it.changed && it.image.state == RetirementState::Disabled
    };
    let changed: Vec<_> = report.retired.iter().filter(disabled).collect();
    let noted = changed.iter().filter(|it| it.before == it.image.state);
    let noted = noted.count();
    (changed.len() - noted, noted)
}

#[tokio::test(start_paused = true)]
async fn image_that_another_run_disabled_is_not_counted() {
    // The other run plans before the image is disabled, or between that and the tag that notes it.
    for plans_before in [true, false] {
        let world = build_group(2).await;
        world.share(request(&world, keep(1))).await;
        tokio::time::advance(DAY * 15).await;
        let retire = || request(&world, keep(1)).build().unwrap();
        let sharer = ami_share::Sharer::new(&world.config(A));
        let one = sharer.plan(&retire()).await.unwrap();
        let planned = sharer.plan(&retire()).await.unwrap();
        let other = async {
            while !world.count_changes().contains_key("ec2:DisableImage") {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if plans_before {
                sharer.apply(&planned).await
            } else {
                sharer.apply(&sharer.plan(&retire()).await.unwrap()).await
            }
        };
        let both = futures::future::join(sharer.apply(&one), other);
        let (one, other) = both.await;
        let (one, other) = (one.unwrap(), other.unwrap());
        let what = format!("{plans_before}: {:?}", other.findings);
        assert_eq!(count(&one), (1, 0), "{what}");
        assert_eq!(count(&other).0, 0, "{what}");
        let has_tag = world.edit_image(&world.image_id("image-1"), |image| {
            image.tags[A].contains_key(TAG)
        });
        assert!(has_tag, "{what}");
        assert_eq!(world.count_changes()["ec2:DisableImage"], 1, "{what}");
    }
}
