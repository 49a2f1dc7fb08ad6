//! Whose policies are simulated, and what limits them.

use ami_share_sim::{Options, OrganizationSpec, RoleSpec, Scenario};
use serde_json::{Value, json};

use super::simulation::{Simulation, USER, deny, when};
use super::support::*;

#[tokio::test]
async fn rule_7_22_a_principal_is_found_by_its_name_in_the_callers_account() {
    let (a, _) = two_accounts();
    a.role(A, "worker", &allow("ec2:*")).await;
    let simulate =
        |source: &str| Simulation::of(&["ec2:RunInstances"], &[]).set("PolicySourceArn", source);
    for path in ["", "other/path/"] {
        let source = format!("arn:aws:iam::{A}:role/{path}worker");
        let answer = simulate(&source).call(&a, "SimulatePrincipalPolicy").await;
        assert_eq!(answer.unwrap().all("EvalDecision"), ["allowed"], "{path}");
    }
    let session = session_arn(A, "worker");
    let others = format!(
        "Invalid Policy Source Arn: caller's account {A} does not have access to policies in \
         account {B}."
    );
    let refused = [
        (
            session.clone(),
            400,
            "InvalidInput",
            format!("Invalid ARN provided in the request: {session}"),
        ),
        (
            root(A),
            400,
            "InvalidInput",
            format!(
                "Invalid Entity Arn: {} does not clearly define entity type and name.",
                root(A)
            ),
        ),
        (role_arn(B, "launcher"), 400, "InvalidInput", others),
        (
            role_arn(A, "nobody"),
            404,
            "NoSuchEntity",
            "Unable to retrieve specified IAM entity.".to_owned(),
        ),
    ];
    for (source, status, code, message) in refused {
        let answer = simulate(&source).call(&a, "SimulatePrincipalPolicy").await;
        fails(answer, status, code, &message);
    }
}

#[tokio::test]
async fn rule_7_22_a_boundary_is_told_apart_from_the_decision() {
    let (a, _) = two_accounts();
    let key = "arn:aws:kms:us-east-1:111111111111:key/k";
    let mut by_key = allow_to(USER, "kms:Decrypt");
    by_key["Resource"] = json!(key);
    let simulate = |boundary: Value| {
        let simulation = Simulation::of(&["kms:Decrypt"], &[key]);
        simulation.policy(&[allow("kms:*")]).boundary(&[boundary])
    };
    let table = [
        (simulate(allow("kms:*")), "allowed", "true"),
        (simulate(allow("ec2:*")), "implicitDeny", "false"),
        (simulate(deny("kms:*")), "explicitDeny", "false"),
        // Within an account, a policy of the resource gives what the boundary leaves out.
        (
            simulate(allow("ec2:*")).resource_policy(&by_key),
            "allowed",
            "false",
        ),
    ];
    for (simulation, decision, by_boundary) in table {
        let answer = simulation.run(&a).await.unwrap();
        assert_eq!(answer.all("EvalDecision"), [decision]);
        let told = answer.all("AllowedByPermissionsBoundary");
        assert_eq!(told, [by_boundary, by_boundary], "{decision}");
    }
}

/// A role at a path, with a boundary, under a service control policy.
fn bounded_role(policy: &Value, boundary: &Value, control: &Value) -> (Caller, Caller) {
    let mut scenario = Scenario::two_accounts();
    let trust = json!({ "Effect": "Allow", "Principal": { "AWS": B }, "Action": "sts:AssumeRole" });
    scenario.accounts[1].roles.push(RoleSpec {
        name: "bounded".to_owned(),
        path: Some("/ops/".to_owned()),
        trust: json!({ "Statement": [trust] }),
        policy: Some(json!({ "Statement": [policy] })),
        boundary: Some(json!({ "Statement": [boundary] })),
    });
    let controls = json!({ "Version": "2012-10-17", "Statement": [allow("*"), control] });
    scenario.organization = Some(OrganizationSpec {
        id: "o-example123".to_owned(),
        management: "999999999999".to_owned(),
        root: "r-ab12".to_owned(),
        accounts: [(B.to_owned(), "r-ab12".to_owned())].into(),
        service_control_policies: [(B.to_owned(), vec![controls])].into(),
        ..OrganizationSpec::default()
    });
    callers(scenario, Options::default())
}

#[tokio::test]
async fn rule_7_22_a_simulation_decides_as_the_call_does_and_tells_what_limits_it() {
    let action = "ec2:DescribeImages";
    let only_stops = || allow("ec2:StopInstances");
    let elsewhere = || {
        when(
            deny("ec2:*"),
            "StringEquals",
            "aws:RequestedRegion",
            "us-east-1",
        )
    };
    let west = || {
        when(
            deny("ec2:*"),
            "StringEquals",
            "aws:RequestedRegion",
            "us-west-2",
        )
    };
    // Policy, boundary, control; the decision, whether organization and boundary allow.
    let table = [
        (
            allow("ec2:*"),
            allow("*"),
            west(),
            "allowed",
            "true",
            "true",
        ),
        (
            only_stops(),
            allow("*"),
            west(),
            "implicitDeny",
            "true",
            "true",
        ),
        (
            allow("ec2:*"),
            only_stops(),
            west(),
            "implicitDeny",
            "true",
            "false",
        ),
        (
            allow("ec2:*"),
            deny(action),
            west(),
            "explicitDeny",
            "true",
            "false",
        ),
        (
            allow("ec2:*"),
            allow("*"),
            elsewhere(),
            "explicitDeny",
            "false",
            "true",
        ),
        (
            allow("ec2:*"),
            allow("*"),
            deny("ec2:*"),
            "explicitDeny",
            "false",
            "true",
        ),
    ];
    for (policy, boundary, control, decision, by_organization, by_boundary) in table {
        let (_, b) = bounded_role(&policy, &boundary, &control);
        let arn = format!("arn:aws:iam::{B}:role/ops/bounded");
        let answer = Simulation::of(&[action], &[])
            .set("PolicySourceArn", arn.as_str())
            .context(1, "aws:RequestedRegion", "string", &["us-east-1"])
            .call(&b, "SimulatePrincipalPolicy")
            .await
            .unwrap();
        let case = format!("{policy} {boundary} {control}");
        assert_eq!(answer.all("EvalDecision"), [decision], "{case}");
        assert_eq!(answer.all("AllowedByOrganizations"), [by_organization]);
        assert_eq!(answer.all("AllowedByPermissionsBoundary"), [by_boundary]);
        let session = b.assume(&arn, &[]).await.unwrap();
        let called = session.ec2("DescribeImages", &[]).await;
        assert_eq!(called.is_ok(), decision == "allowed", "{case}");
    }
}

#[tokio::test]
async fn rule_7_22_a_launch_dies_of_the_boundary_and_the_control_that_a_simulation_tells() {
    let everything = || allow("*");
    let no_keys = || allow("ec2:*");
    let via_ec2 = || {
        when(
            deny("kms:CreateGrant"),
            "StringLike",
            "kms:ViaService",
            "ec2.*",
        )
    };
    let via_other = || when(deny("kms:*"), "StringLike", "kms:ViaService", "s3.*");
    let table = [
        (everything(), via_other(), true),
        (no_keys(), via_other(), false),
        (everything(), via_ec2(), false),
    ];
    for (boundary, control, runs) in table {
        let (a, b) = bounded_role(&allow(json!(["ec2:*", "kms:*"])), &boundary, &control);
        let golden = a.image("golden");
        a.share_key(B).await;
        a.share(&golden, B).await.unwrap();
        let arn = format!("arn:aws:iam::{B}:role/ops/bounded");
        let answer = Simulation::of(&["kms:CreateGrant"], &[&a.key("golden")])
            .set("PolicySourceArn", arn.as_str())
            .context(
                1,
                "kms:ViaService",
                "string",
                &["ec2.us-east-1.amazonaws.com"],
            )
            .call(&b, "SimulatePrincipalPolicy")
            .await
            .unwrap();
        let told = [
            answer.first("AllowedByOrganizations"),
            answer.first("AllowedByPermissionsBoundary"),
        ];
        assert_eq!(told == ["true", "true"], runs, "{boundary} {control}");
        let session = b.assume(&arn, &[]).await.unwrap();
        let state = session.launch_state(&golden).await;
        assert_eq!(state == "running", runs, "{boundary} {control}");
    }
}

#[tokio::test]
async fn rule_7_22_policies_of_users_and_groups_can_be_left_out() {
    let (a, _) = two_accounts();
    let named = [("UserName", "someone"), ("GroupName", "some")];
    a.iam("CreateUser", &named[..1]).await.unwrap();
    a.iam("CreateGroup", &named[1..]).await.unwrap();
    a.iam("AddUserToGroup", &named).await.unwrap();
    let text = |action: &str| policy_of(&[allow(action)]);
    let (inline, of_group) = (text("ec2:StartInstances"), text("ec2:StopInstances"));
    let parameters = [named[0], ("PolicyName", "own"), ("PolicyDocument", &inline)];
    a.iam("PutUserPolicy", &parameters).await.unwrap();
    let parameters = [
        named[1],
        ("PolicyName", "own"),
        ("PolicyDocument", &of_group),
    ];
    a.iam("PutGroupPolicy", &parameters).await.unwrap();
    let managed = text("ec2:RebootInstances");
    let parameters = [("PolicyName", "p"), ("PolicyDocument", managed.as_str())];
    let made = a.iam("CreatePolicy", &parameters).await.unwrap();
    let arn = made.first("Arn");
    let parameters = [named[0], ("PolicyArn", arn)];
    a.iam("AttachUserPolicy", &parameters).await.unwrap();
    let actions = [
        "ec2:StartInstances",
        "ec2:StopInstances",
        "ec2:RebootInstances",
    ];
    let of_someone = |kind: &str, name: &str| {
        let identifier = "PolicyExclusionList.member.1.InlinePolicyIdentifier";
        Simulation(Vec::new())
            .set(&format!("{identifier}.AttachmentType"), kind)
            .set(&format!("{identifier}.AttachmentName"), name)
            .set(&format!("{identifier}.PolicyName"), "own")
    };
    let other = |name: &str, value: &str| {
        Simulation(Vec::new()).set(&format!("PolicyExclusionList.member.1.{name}"), value)
    };
    // What is left out, and which actions are still allowed.
    let table = [
        (Simulation(Vec::new()), [true, true, true]),
        (other("PolicyType", "inline"), [false, false, true]),
        (other("PolicyType", "user-managed"), [true, true, false]),
        (other("PolicyType", "aws-managed"), [true, true, true]),
        (other("PolicyArn", arn), [true, true, false]),
        (of_someone("user", "some*"), [false, true, true]),
        (of_someone("group", "some"), [true, false, true]),
    ];
    for (simulation, allowed) in table {
        let simulation = simulation
            .list("ActionNames", &actions)
            .set("PolicySourceArn", format!("arn:aws:iam::{A}:user/someone"));
        let case = format!("{:?}", simulation.0);
        let answer = simulation
            .call(&a, "SimulatePrincipalPolicy")
            .await
            .unwrap();
        let decisions = answer.all("EvalDecision");
        let found: Vec<bool> = decisions
            .iter()
            .map(|decision| *decision == "allowed")
            .collect();
        assert_eq!(found, allowed, "{case}");
    }
}
