//! Test launches side by side: several images in one target, and several jobs.

use ami_share_sim::Options;
use futures::future;

use super::*;

#[tokio::test(start_paused = true)]
async fn five_images_and_eight_jobs_do_not_disturb_each_other() {
    for latency in [1, 20, 90] {
        check_side_by_side(Duration::from_millis(latency)).await;
    }
}

async fn check_side_by_side(latency: Duration) {
    let mut scenario = generate_scenario(2, 1, 5, 2);
    scenario.accounts[1].launching.start_seconds = 10;
    scenario.accounts[1].launching.shutdown_seconds = 30;
    let options = Options {
        latency,
        ..Options::default()
    };
    let world = World::with_options(scenario, options);
    let actions = [
        "ec2:*",
        "kms:*",
        "iam:SimulatePrincipalPolicy",
        "iam:Get*",
        "iam:List*",
    ];
    world.allow_actions(B, "consumer", &actions).await;
    let images = ["image-1", "image-2", "image-3", "image-4", "image-5"];
    let request = || {
        world
            .build_request(&images)
            .target_options(launching().run_name("7"))
    };
    world
        .share(
            world
                .build_request(&images)
                .target_options(with_target_role()),
        )
        .await;

    // The same run in two steps, and beside itself: nothing of one is taken for that of another.
    let mut jobs = Vec::new();
    for _ in 0..8 {
        jobs.push(async {
            let sharer = Sharer::new(&world.config(A));
            sharer.verify(&request().build().unwrap()).await.unwrap()
        });
    }
    let reports = future::join_all(jobs).await;
    for report in &reports {
        assert_eq!(report.errors, []);
        assert_eq!(report.verifications.len(), images.len());
        for verification in &report.verifications {
            assert_eq!(
                verification.conclusion,
                Conclusion::Launched,
                "{verification:?}"
            );
        }
    }
    assert_eq!(count_left(&world), NOTHING);
    let launched = world.sim.edit(|state| state.instances.len());
    assert_eq!(launched, 8 * images.len());
}
