//! `role-to-assume`: the step gets its credentials by GitHub's ID tokens, and says what it lacks.

use ami_share_sim::{Options, Scenario, Sim};

use super::support::*;

const ROLE: &str = "arn:aws:iam::111111111111:role/publisher";
const CHINESE: &str = "arn:aws-cn:iam::111111111111:role/publisher";
const URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

async fn set_stage() -> Stage {
    let text = include_str!("../sim/examples/scenarios/github-job.json");
    let sim = Sim::new(Scenario::parse(text).unwrap(), Options::default());
    Stage::of(sim).await
}

/// Runs as a job on GitHub without AWS credentials.
fn run(stage: &Stage, more: &[(&str, &str)]) -> Run {
    let golden = stage.image("golden");
    let mut env = vec![
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("GITHUB_RUN_ID", "42"),
        ("INPUT_AMI-ID", golden.as_str()),
        ("INPUT_TARGET-ACCOUNTS", B),
    ];
    env.extend(more);
    stage.run_on_github(&env)
}

#[tokio::test(flavor = "multi_thread")]
async fn job_without_credentials_shares_as_the_role() {
    let stage = set_stage().await;
    let job = stage.sim.facts().github_job.clone().unwrap();
    let url = format!("http://{}{}", stage.address(), job.request_path);
    let token = job.request_token;
    let run = run(
        &stage,
        &[("INPUT_ROLE-TO-ASSUME", ROLE), (URL, &url), (TOKEN, &token)],
    );
    assert_eq!(run.status, 0, "{}", run.log);
    let session = "arn:aws:sts::111111111111:assumed-role/publisher/ami-share-42";
    let calls = stage.sim.journal();
    let signed: Vec<_> = calls
        .iter()
        .filter(|call| !call.principal.is_empty())
        .collect();
    assert!(signed.iter().all(|call| call.principal == session));
    assert!(signed.len() > 5);
    let written = format!("{}{}{:?}", run.log, run.summary, run.outputs);
    assert!(!written.contains(&token) && !written.contains("eyJ"));
}

#[tokio::test(flavor = "multi_thread")]
async fn role_that_cannot_be_assumed_is_one_clear_problem() {
    let url = "https://actions.example/token?x=1";
    let (at, with) = ((URL, url), (TOKEN, "hunter2-zq7"));
    let role = ("INPUT_ROLE-TO-ASSUME", ROLE);
    for (variables, title, words) in [
        (
            &[role][..],
            "role-to-assume",
            "give the job `permissions: id-token: write`",
        ),
        (&[role, at], "role-to-assume", "id-token: write"),
        (&[role, with], "role-to-assume", "id-token: write"),
        (&[role, (URL, " "), with], URL, "no URL"),
        (&[role, at, (TOKEN, "hunter2 zq7")], TOKEN, "no token"),
        (
            &[("INPUT_ROLE-TO-ASSUME", "publisher"), at, with],
            "role-to-assume",
            "`publisher`",
        ),
        (
            &[("INPUT_ROLE-TO-ASSUME", CHINESE), at, with],
            "role-to-assume",
            "partition aws-cn",
        ),
    ] {
        let stage = set_stage().await;
        let run = run(&stage, variables);
        assert_eq!(run.status, 2, "{}", run.log);
        let errors = run.log.matches("::error").count();
        assert_eq!(errors, 1, "{}", run.log);
        let title = format!("title={title}");
        assert!(run.log.contains(&title), "{title}: {}", run.log);
        assert!(run.log.contains(words), "{words}: {}", run.log);
        assert!(!run.log.contains("zq7"), "{}", run.log);
        assert!(stage.sim.journal().is_empty());
    }
}
