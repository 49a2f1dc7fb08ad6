//! A retirement, seen from outside.

use ami_share_sim::world::ImageState;

use super::support::*;

const INPUTS: [(&str, &str); 4] = [
    ("INPUT_MODE", "retire"),
    ("INPUT_RETIRE-TAGS", "Product=web Channel"),
    ("INPUT_KEEP-LAST", "1"),
    ("INPUT_AWS-REGION", "us-east-1"),
];

/// `golden`, `plain` and `managed` are one group.
async fn set_stage() -> Stage {
    let stage = Stage::set(1).await;
    let group = ["golden", "plain", "managed"].map(|name| stage.image(name));
    stage.sim.edit(|state| {
        for id in group {
            let image = state.images.get_mut(&id).unwrap();
            let tags = image.tags.entry(A.to_owned()).or_default();
            tags.insert("Product".to_owned(), "web".to_owned());
            tags.insert("Channel".to_owned(), "stable".to_owned());
        }
    });
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_says_what_is_retired_and_the_run_does_it() {
    let stage = set_stage().await;
    let before = stage.changes();
    let mut inputs = INPUTS.to_vec();
    inputs.push(("INPUT_DRY-RUN", "true"));
    let plan = stage.run_on_github(&inputs);
    assert_eq!(plan.status, 0, "{}", plan.log);
    let report: serde_json::Value = serde_json::from_str(&plan.outputs["report"]).unwrap();
    assert_eq!(report["retired"].as_array().unwrap().len(), 3, "{report}");
    for words in ["from now on", "Plan: 0 to add, 2 to change, 0 to remove"] {
        assert!(plan.log.contains(words), "{words}: {}", plan.log);
    }
    assert_eq!(stage.changes(), before);

    let digest = plan.outputs["plan-digest"].clone();
    let mut inputs = INPUTS.to_vec();
    inputs.push(("INPUT_EXPECT-PLAN", &digest));
    let run = stage.run_on_github(&inputs);
    assert_eq!(run.status, 0, "{}", run.log);
    let words = "retired: of 3 images, 2 deprecated; 1 kept";
    assert!(run.log.contains(words), "{}", run.log);
    assert!(run.summary.contains("| deprecated |"), "{}", run.summary);
    assert!(run.summary.contains("stays: among the newest"));
    let deprecated = stage.sim.edit(|state| {
        let images = state.images.values();
        images.filter(|image| image.deprecated_at.is_some()).count()
    });
    assert_eq!(deprecated, 2);
    let again = stage.run_on_github(&INPUTS);
    assert_eq!(again.outputs["changed"], "false", "{}", again.log);
    assert!(again.log.contains("2 waiting"), "{}", again.log);
    let disabled = stage.sim.edit(|state| {
        let mut images = state.images.values();
        images.any(|image| image.state == ImageState::Disabled)
    });
    assert!(!disabled);
}

#[tokio::test(flavor = "multi_thread")]
async fn retirement_of_nothing_says_so() {
    let stage = set_stage().await;
    let run = stage.run(&[
        ("INPUT_MODE", "retire"),
        ("INPUT_RETIRE-TAGS", "Product=nothing"),
        ("INPUT_KEEP-YOUNGER", "30d"),
        ("INPUT_AWS-REGION", "us-east-1"),
    ]);
    assert_eq!(run.status, 0, "{}", run.log);
    assert!(run.log.contains("retire.nothing-found"), "{}", run.log);
}
