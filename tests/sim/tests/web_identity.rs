//! STS: roles that a job on GitHub assumes with its ID token.

use ami_share_sim::wire::Fail;
use ami_share_sim::{GitHubJobSpec, Handled, RoleSpec, Scenario, Sim};
use bytes::Bytes;
use serde_json::{Value, json};

use super::support::*;

const HOST: &str = "token.actions.githubusercontent.com";
const AUDIENCE: &str = "sts.amazonaws.com";
const SUBJECT: &str = "repo:example/images:environment:production";
const NEW_SUBJECT: &str = "repo:example@1/images@2:environment:production";

fn provider(account: &str) -> String {
    format!("arn:aws:iam::{account}:oidc-provider/{HOST}")
}

/// Trusts the provider under conditions on claims.
fn trust(provider: &str, claims: &[(&str, Value)]) -> Value {
    let mut conditions = json!({});
    for (claim, values) in claims {
        conditions[format!("{HOST}:{claim}")] = values.clone();
    }
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": provider },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringEquals": conditions },
        }],
    })
}

fn usual_trust() -> Value {
    trust(
        &provider(A),
        &[("aud", json!(AUDIENCE)), ("sub", json!(SUBJECT))],
    )
}

/// A has the role `publisher`, and a job on GitHub says this of itself.
fn build(trust: Value, claims: &[(&str, &str)]) -> Scenario {
    let mut scenario = Scenario::two_accounts();
    let claims = claims
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    scenario.github_job = Some(GitHubJobSpec {
        claims: claims.collect(),
    });
    let providers = &mut scenario.accounts[0].identity_providers;
    providers.insert(HOST.to_owned(), vec![AUDIENCE.to_owned()]);
    scenario.accounts[0].roles.push(RoleSpec {
        name: "publisher".to_owned(),
        trust,
        ..RoleSpec::default()
    });
    scenario
}

/// A token for an audience, as GitHub gives it.
async fn id_token(sim: &Sim, audience: &str) -> String {
    let job = sim.facts().github_job.clone().unwrap();
    let url = format!("{}&audience={audience}", job.request_path);
    let authorization = format!("bearer {}", job.request_token);
    let (status, answer) = get(sim, &url, &authorization).await;
    assert_eq!(status, 200);
    answer["value"].as_str().unwrap().to_owned()
}

async fn get(sim: &Sim, url: &str, authorization: &str) -> (u16, Value) {
    let request = http::Request::get(url).header("authorization", authorization);
    let request = request.body(Bytes::new()).unwrap();
    let Handled::Answer(answer) = sim.handle(request).await else {
        panic!("no answer")
    };
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(answer.body()).unwrap())
}

/// Assumes `publisher` with a token, without a signature; what STS then says of the session.
async fn assume(caller: &Caller, token: &str, more: Parameters<'_>) -> Result<Caller, Fail> {
    let role = role_arn(A, "publisher");
    let mut parameters = vec![
        ("RoleArn", role.as_str()),
        ("RoleSessionName", "test"),
        ("WebIdentityToken", token),
    ];
    parameters.extend(more);
    let answer = caller
        .with_key("")
        .sts("AssumeRoleWithWebIdentity", &parameters)
        .await?;
    assert_eq!(answer.first("Provider"), provider(A));
    let (key, token) = (answer.first("AccessKeyId"), answer.first("SessionToken"));
    Ok(caller.with_session((key.to_owned(), token.to_owned())))
}

#[tokio::test(start_paused = true)]
async fn rule_5_18_token_that_the_role_trusts_starts_a_session_that_ends() {
    let claims = [("sub", SUBJECT)];
    let (a, _) = callers(build(usual_trust(), &claims), <_>::default());
    for (more, lasts) in [(&[][..], 3_600), (&[("DurationSeconds", "900")][..], 900)] {
        let token = id_token(&a.sim, AUDIENCE).await;
        let session = assume(&a, &token, more).await.unwrap();
        seconds(lasts - 1).await;
        let answer = session.sts("GetCallerIdentity", &[]).await.unwrap();
        assert_eq!(answer.first("Arn"), session_arn(A, "publisher"));
        seconds(1).await;
        assert_code(session.sts("GetCallerIdentity", &[]).await, "ExpiredToken");
    }
    let token = id_token(&a.sim, AUDIENCE).await;
    let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    let too_long = assume(&a, &token, &[("DurationSeconds", "3601")]).await;
    fails(too_long.map(|_| ()), 400, "ValidationError", message);
}

#[tokio::test]
async fn rule_5_18_refusal_says_what_is_wrong_with_the_token_and_not_with_the_trust() {
    const DENIED: (u16, &str, &str) = (
        403,
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    );
    let wrong_audience = (400, "InvalidIdentityToken", "Incorrect token audience");
    let other_audience = trust(&provider(A), &[("aud", json!("other"))]);
    let as_principal = json!({ "Statement": [{
        "Effect": "Allow",
        "Principal": { "AWS": "*" },
        "Action": "sts:AssumeRoleWithWebIdentity",
    }] });
    let denying = json!({ "Statement": [
        usual_trust()["Statement"][0],
        {
            "Effect": "Deny",
            "Principal": { "Federated": provider(A) },
            "Action": "sts:AssumeRoleWithWebIdentity",
        },
    ] });
    for (trust, subject, audience, expected) in [
        (usual_trust(), SUBJECT, AUDIENCE, None),
        (usual_trust(), NEW_SUBJECT, AUDIENCE, Some(DENIED)),
        (usual_trust(), "", AUDIENCE, Some(DENIED)),
        (usual_trust(), SUBJECT, "other", Some(wrong_audience)),
        (other_audience, SUBJECT, AUDIENCE, Some(DENIED)),
        (trust(&provider(B), &[]), SUBJECT, AUDIENCE, Some(DENIED)),
        (as_principal, SUBJECT, AUDIENCE, Some(DENIED)),
        (denying, SUBJECT, AUDIENCE, Some(DENIED)),
    ] {
        let (a, _) = callers(build(trust, &[("sub", subject)]), <_>::default());
        let token = id_token(&a.sim, audience).await;
        let answer = assume(&a, &token, &[]).await.map(|_| ());
        match expected {
            None => answer.unwrap(),
            Some((status, code, message)) => fails(answer, status, code, message),
        }
    }
}

#[tokio::test]
async fn rule_5_18_account_needs_the_provider_and_the_token_its_signature() {
    let mut scenario = build(usual_trust(), &[("sub", SUBJECT)]);
    let providers = std::mem::take(&mut scenario.accounts[0].identity_providers);
    let (a, _) = callers(scenario.clone(), <_>::default());
    let token = id_token(&a.sim, AUDIENCE).await;
    let message = format!("No OpenIDConnect provider found in your account for https://{HOST}");
    let answer = assume(&a, &token, &[]).await.map(|_| ());
    fails(answer, 400, "InvalidIdentityToken", &message);

    scenario.accounts[0].identity_providers = providers;
    let (a, _) = callers(scenario, <_>::default());
    let (signed, _) = token.rsplit_once('.').unwrap();
    let other = signed.replace('.', ".eyJ9");
    for bad in ["", "x", "x.y.z", &format!("{signed}.x"), &other] {
        let answer = assume(&a, bad, &[]).await.map(|_| ());
        assert_code(answer, "InvalidIdentityToken");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_5_19_token_is_valid_for_five_minutes() {
    let claims = [("sub", SUBJECT)];
    let (a, _) = callers(build(usual_trust(), &claims), <_>::default());
    let token = id_token(&a.sim, AUDIENCE).await;
    seconds(290).await;
    assume(&a, &token, &[]).await.unwrap();
    seconds(11).await;
    let answer = assume(&a, &token, &[]).await.map(|_| ());
    assert_code(answer, "ExpiredTokenException");
}

#[tokio::test]
async fn rule_5_19_only_the_job_itself_gets_tokens() {
    let (a, _) = callers(build(usual_trust(), &[]), <_>::default());
    let job = a.sim.facts().github_job.clone().unwrap();
    let shown = format!("Bearer {}", job.request_token);
    assert_eq!(get(&a.sim, &job.request_path, &shown).await.0, 200);
    for wrong in ["", "bearer", "bearer x", &job.request_token] {
        let (status, _) = get(&a.sim, &job.request_path, wrong).await;
        assert_eq!(status, 401, "{wrong}");
    }
    let (without, _) = two_accounts();
    assert_eq!(get(&without.sim, &job.request_path, &shown).await.0, 401);
}

#[tokio::test]
async fn rule_7_27_subject_with_ids_needs_a_trust_that_has_it() {
    let both = json!([SUBJECT, NEW_SUBJECT]);
    let by_id = [("aud", json!(AUDIENCE)), ("repository_id", json!("2"))];
    let by_unknown = [("aud", json!(AUDIENCE)), ("actor", json!("me"))];
    for (claims, subject, is_trusted) in [
        (&[("sub", both.clone())][..], SUBJECT, true),
        (&[("sub", both)][..], NEW_SUBJECT, true),
        (&by_id[..], NEW_SUBJECT, true),
        (&by_unknown[..], NEW_SUBJECT, false),
    ] {
        let of_job = [("sub", subject), ("repository_id", "2"), ("actor", "me")];
        let scenario = build(trust(&provider(A), claims), &of_job);
        let (a, _) = callers(scenario, <_>::default());
        let token = id_token(&a.sim, AUDIENCE).await;
        let answer = assume(&a, &token, &[]).await;
        assert_eq!(answer.is_ok(), is_trusted, "{claims:?} {subject}");
    }
}
