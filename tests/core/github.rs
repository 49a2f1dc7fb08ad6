//! Runs as a role that a job on GitHub assumes with its ID tokens: sessions that end before the
//! run, and tokens that are refused.

mod between;

use std::time::Duration;

use ami_share::aws_config::SdkConfig;
use ami_share::aws_config::timeout::TimeoutConfig;
use ami_share::{Error, GitHubRole, ShareRequest, Sharer};
use ami_share_sim::{GitHubJobSpec, KeySpec, Options, RoleSpec, Scenario};
use serde_json::{Value, json};

use self::between::{Between, Trouble};
use super::support::*;

const HOST: &str = "token.actions.githubusercontent.com";
const SUBJECT: &str = "repo:example/images:environment:production";
const ROLE: &str = "arn:aws:iam::111111111111:role/publisher";
const WITH_WEB_IDENTITY: &str = "sts:AssumeRoleWithWebIdentity";

/// The trust of the published files, for this job.
fn trust() -> Value {
    let text = include_str!("../../examples/iam/github-trust.json");
    let job = text.replace("OWNER/REPO:", "example/images:");
    serde_json::from_str(&job).unwrap()
}

/// Two accounts, a job on GitHub, and a role that trusts it.
fn scenario() -> Scenario {
    let mut scenario = Scenario::two_accounts();
    let claims = [("sub".to_owned(), SUBJECT.to_owned())];
    scenario.github_job = Some(GitHubJobSpec {
        claims: claims.into(),
    });
    let audiences = vec!["sts.amazonaws.com".to_owned()];
    let providers = &mut scenario.accounts[0].identity_providers;
    providers.insert(HOST.to_owned(), audiences);
    let everything = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    scenario.accounts[0].roles.push(RoleSpec {
        name: "publisher".to_owned(),
        trust: trust(),
        policy: Some(json!({ "Version": "2012-10-17", "Statement": [everything] })),
        ..RoleSpec::default()
    });
    scenario.keys.push(KeySpec {
        name: "of-b".to_owned(),
        account: B.to_owned(),
        ..KeySpec::default()
    });
    scenario
}

pub(crate) fn build_world(copy_time: Duration) -> World {
    let options = Options {
        copy_time,
        latency: Duration::from_millis(20),
        ..Options::default()
    };
    World::with_options(scenario(), options)
}

/// The role as the job assumes it.
fn role(world: &World) -> GitHubRole {
    let job = world.sim.facts().github_job.clone().unwrap();
    let url = format!("https://actions.example{}", job.request_path);
    GitHubRole::new(ROLE.parse().unwrap(), &url, &job.request_token).unwrap()
}

/// A configuration with no credentials of its own, and with trouble on the way.
fn config(world: &World, trouble: Trouble) -> SdkConfig {
    let client = Between::client(world.sim.http_client(), trouble);
    let mut config = world.config(A).to_builder().http_client(client);
    config.set_credentials_provider(None);
    config.build()
}

/// The configuration of a run as the role.
pub(crate) fn configure_role(world: &World, request: &ShareRequest) -> SdkConfig {
    role(world).configure(&config(world, Trouble::None), request)
}

/// How many calls of an action there were.
fn count(world: &World, action: &str) -> usize {
    let calls = world.sim.journal().into_iter();
    calls.filter(|call| call.action == action).count()
}

/// A copy in the source account, and one in the target.
fn long_request(world: &World) -> ShareRequest {
    let request = world.build_copy_request(&["plain"]);
    let options = with_target_role().kms_key("alias/of-b".parse().unwrap());
    let request = request.target_options(options);
    request.timing(with_timeout(10 * 3_600)).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn sessions_renew_themselves_while_copies_take_hours() {
    for trouble in [Trouble::None, Trouble::TokensFailAtFirst] {
        for (session, fewest, most) in [(900, 12, 24), (3_600, 3, 10)] {
            let world = build_world(Duration::from_hours(3));
            let request = long_request(&world);
            let role = role(&world).session_time(Duration::from_secs(session));
            let sharer = Sharer::new(&role.configure(&config(&world, trouble), &request));
            let plan = sharer.plan(&request).await.unwrap();
            sharer.apply(&plan).await.unwrap();
            assert!(world.elapsed() > Duration::from_hours(6));

            let journal = world.sim.journal();
            let ended = |code: &String| code.contains("Expired");
            let expired = journal
                .iter()
                .find(|call| call.code.as_ref().is_some_and(ended));
            assert!(expired.is_none(), "{expired:?}");
            let sessions = count(&world, WITH_WEB_IDENTITY);
            assert!((fewest..=most).contains(&sessions), "{sessions} sessions");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn session_without_a_time_lasts_an_hour_and_serves_all_calls() {
    let world = build_world(Duration::from_mins(50));
    let request = world.build_copy_request(&["plain"]).build().unwrap();
    let sharer = Sharer::new(&configure_role(&world, &request));
    let plan = sharer.plan(&request).await.unwrap();
    sharer.apply(&plan).await.unwrap();
    // One more is asked for to see whether the credentials renew themselves.
    assert!(count(&world, WITH_WEB_IDENTITY) <= 2);
    assert!(world.sim.journal().len() > 20);
}

/// The error of a run that cannot begin.
async fn find_error(world: &World, role: &GitHubRole, trouble: Trouble) -> Error {
    let request = world.build_request(&["golden"]);
    let request = request.timing(with_timeout(600)).build().unwrap();
    let sharer = Sharer::new(&role.configure(&config(world, trouble), &request));
    let errors = sharer.plan(&request).await.unwrap_err();
    errors.iter().next().unwrap().clone()
}

fn unchanged(_: &mut Scenario) {}

fn other_subject(scenario: &mut Scenario) {
    let claims = &mut scenario.github_job.as_mut().unwrap().claims;
    claims.insert("sub".to_owned(), "repo:example/other:ref:x".to_owned());
}

fn no_provider(scenario: &mut Scenario) {
    scenario.accounts[0].identity_providers.clear();
}

fn other_audience(scenario: &mut Scenario) {
    let providers = &mut scenario.accounts[0].identity_providers;
    providers.insert(HOST.to_owned(), vec!["other".to_owned()]);
}

/// A change of the world and a trouble on the way; the code of the error, and words of it.
type Refusal = (fn(&mut Scenario), Trouble, &'static str, &'static str);

const REFUSALS: [Refusal; 4] = [
    (
        other_subject,
        Trouble::None,
        "role.not-assumable",
        "`sub` `repo:example/other:ref:x`",
    ),
    (
        no_provider,
        Trouble::None,
        "credentials.invalid",
        "create the provider",
    ),
    (
        other_audience,
        Trouble::None,
        "credentials.invalid",
        "audiences of the provider",
    ),
    (
        unchanged,
        Trouble::StsRepeatsTokens,
        "credentials.invalid",
        "(hidden)",
    ),
];

#[tokio::test(start_paused = true)]
async fn refused_token_is_an_error_with_its_claims_and_without_the_token() {
    for (change, trouble, code, words) in REFUSALS {
        let mut scenario = scenario();
        change(&mut scenario);
        let world = World::from_scenario(scenario);
        let error = find_error(&world, &role(&world), trouble).await;
        let json = serde_json::to_string(&error).unwrap();
        let text = format!("{error} {error:?} {json}");
        assert_eq!(error.code.as_str(), code, "{text}");
        assert!(text.contains(words), "{text}");
        assert!(!text.contains("eyJ"), "{text}");
        let job = world.sim.facts().github_job.clone().unwrap();
        assert!(!text.contains(&job.request_token), "{text}");
        assert_eq!(error.resource.as_deref(), Some(ROLE));
    }
}

/// AWS's STS was not asked, so it is not what has failed.
#[tokio::test(start_paused = true)]
async fn host_of_tokens_that_gives_none_is_named_and_sts_is_not() {
    let token = r#"{"value": "eyJ"#;
    for (trouble, words) in [
        (Trouble::TokensHang, "no answer came in time"),
        (Trouble::TokensAre(500, ""), "HTTP status 500"),
        (Trouble::TokensAre(503, "busy"), "HTTP status 503"),
        (Trouble::TokensAre(429, "busy"), "HTTP status 429"),
        (Trouble::TokensAre(403, "{}"), "HTTP status 403"),
        (Trouble::TokensAre(302, ""), "HTTP status 302"),
        (Trouble::TokensAre(200, ""), "the answer is no ID token"),
        (
            Trouble::TokensAre(200, "<html>"),
            "the answer is no ID token",
        ),
        (Trouble::TokensAre(200, token), "the answer is no ID token"),
        (Trouble::TokensAre(200, r#"{"value": ""}"#), "no ID token"),
        (
            Trouble::TokensAre(200, r#"{"value": "a b"}"#),
            "no ID token",
        ),
        (Trouble::TokensAre(200, r#"{"value": 1}"#), "no ID token"),
    ] {
        let world = build_world(Duration::ZERO);
        let error = find_error(&world, &role(&world), trouble).await;
        let text = format!("{error} {}", serde_json::to_string(&error).unwrap());
        let blamed = "https://actions.example gave no ID token: ";
        assert!(error.message.starts_with(blamed), "{trouble:?}: {text}");
        assert!(error.message.contains(words), "{trouble:?}: {text}");
        assert_eq!(error.code.as_str(), "credentials.invalid", "{text}");
        assert!(error.remedy.contains("`permissions: id-token: write`"));
        assert_eq!((error.action, &error.aws), (None, &None), "{text}");
        assert_eq!(error.resource.as_deref(), Some(ROLE));
        for part in ["sts:", "eyJ", "busy", "id-token?"] {
            assert!(!text.contains(part), "{part}: {text}");
        }
        assert!(world.sim.journal().is_empty(), "{trouble:?}");
        // Well before a call to AWS gives up, and the run with it.
        assert!(world.elapsed() < Duration::from_secs(30), "{trouble:?}");
    }
}

/// Whatever time a caller gives its calls, the host of the tokens is told in time.
#[tokio::test(start_paused = true)]
async fn host_of_tokens_that_hangs_is_named_before_the_call_gives_up() {
    let times = || TimeoutConfig::builder();
    let second = Duration::from_secs(1);
    for timeouts in [
        times().operation_attempt_timeout(second * 3).build(),
        times().operation_timeout(second * 8).build(),
        times().operation_attempt_timeout(second * 600).build(),
        times().connect_timeout(second).build(),
    ] {
        let world = build_world(Duration::ZERO);
        let request = world.build_request(&["golden"]).build().unwrap();
        let config = config(&world, Trouble::TokensHang).to_builder();
        let config = config.timeout_config(timeouts.clone()).build();
        let sharer = Sharer::new(&role(&world).configure(&config, &request));
        let errors = sharer.plan(&request).await.unwrap_err().to_string();
        let words = "gave no ID token: no answer came in time";
        assert!(errors.contains(words), "{timeouts:?}: {errors}");
    }
}

#[tokio::test(start_paused = true)]
async fn deadline_before_the_host_of_the_tokens_gives_up_names_it_too() {
    let world = build_world(Duration::ZERO);
    let request = world.build_request(&["golden"]).timing(with_timeout(10));
    let request = request.build().unwrap();
    let config = config(&world, Trouble::TokensHang);
    let sharer = Sharer::new(&role(&world).configure(&config, &request));
    let errors = sharer.plan(&request).await.unwrap_err().to_string();
    assert!(errors.starts_with("deadline: "), "{errors}");
    assert!(errors.contains("the source of the credentials"), "{errors}");
    assert!(errors.contains("GitHub's host of ID tokens"), "{errors}");
}

#[tokio::test(start_paused = true)]
async fn session_that_cannot_be_renewed_is_told_by_the_host_of_the_tokens() {
    let world = build_world(Duration::from_hours(3));
    let request = long_request(&world);
    let config = config(&world, Trouble::TokensHangLater);
    let sharer = Sharer::new(&role(&world).configure(&config, &request));
    let plan = sharer.plan(&request).await.unwrap();
    let incomplete = sharer.apply(&plan).await.unwrap_err();
    let errors = &incomplete.report.errors;
    assert!(!errors.is_empty());
    for error in errors {
        assert!(error.message.contains("gave no ID token"), "{error}");
        assert_eq!(error.action, None, "{error}");
    }
}

#[test]
fn variables_that_github_cannot_have_set_are_errors() {
    let token = "secret-token";
    for (url, token, name) in [
        ("", token, "ACTIONS_ID_TOKEN_REQUEST_URL"),
        ("localhost/x", token, "ACTIONS_ID_TOKEN_REQUEST_URL"),
        ("file:///etc/x", token, "ACTIONS_ID_TOKEN_REQUEST_URL"),
        ("https:///x", token, "ACTIONS_ID_TOKEN_REQUEST_URL"),
        ("https://u:p@host/x", token, "ACTIONS_ID_TOKEN_REQUEST_URL"),
        ("https://host/x y", token, "ACTIONS_ID_TOKEN_REQUEST_URL"),
        ("https://host/x", "", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
        (
            "https://host/x",
            "secret-token\n",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        ),
    ] {
        let error = GitHubRole::new(ROLE.parse().unwrap(), url, token).unwrap_err();
        assert_eq!(error.name, name, "{url}");
        assert!(!error.to_string().contains("secret-token"));
    }
    let role = GitHubRole::new(ROLE.parse().unwrap(), "https://host//x?y=1", token).unwrap();
    assert!(!format!("{role:?}").contains(token));
}
