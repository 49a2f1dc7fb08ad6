//! Changes of roles: settings, tags, versions of their policies, instance profiles.

use serde_json::json;

use super::support::*;

fn trust() -> String {
    policy_of(&[json!({
        "Effect": "Allow",
        "Principal": { "AWS": A },
        "Action": "sts:AssumeRole",
    })])
}

async fn create_role(a: &Caller, name: &str, more: Parameters<'_>) -> Answer {
    let trust = trust();
    let mut parameters = vec![
        ("RoleName", name),
        ("AssumeRolePolicyDocument", trust.as_str()),
    ];
    parameters.extend(more);
    a.iam("CreateRole", &parameters).await.unwrap()
}

async fn create_policy(a: &Caller, name: &str, statement: serde_json::Value) -> String {
    let policy = policy_of(&[statement]);
    let parameters = [("PolicyName", name), ("PolicyDocument", policy.as_str())];
    let made = a.iam("CreatePolicy", &parameters).await.unwrap();
    made.first("Arn").to_owned()
}

#[tokio::test]
async fn rule_7_30_names_of_roles_and_inline_policies_ignore_case() {
    let (a, _) = two_accounts();
    create_role(&a, "Builder", &[]).await;
    let shown = a.iam("GetRole", &[("RoleName", "BUILDER")]).await.unwrap();
    assert_eq!(shown.first("RoleName"), "Builder");
    let trust = trust();
    let again = [
        ("RoleName", "builder"),
        ("AssumeRolePolicyDocument", &*trust),
    ];
    assert_code(a.iam("CreateRole", &again).await, "EntityAlreadyExists");

    for (name, statement) in [("Mixed", allow("s3:*")), ("mixed", allow("ec2:*"))] {
        let policy = policy_of(&[statement]);
        let parameters = [
            ("RoleName", "Builder"),
            ("PolicyName", name),
            ("PolicyDocument", policy.as_str()),
        ];
        a.iam("PutRolePolicy", &parameters).await.unwrap();
    }
    let names = a.iam("ListRolePolicies", &[("RoleName", "Builder")]).await;
    assert_eq!(names.unwrap().all("member"), ["Mixed"]);
    let parameters = [("RoleName", "Builder"), ("PolicyName", "MIXED")];
    let shown = a.iam("GetRolePolicy", &parameters).await.unwrap();
    assert_eq!(shown.first("PolicyName"), "MIXED", "as the request has it");
    assert!(shown.first("PolicyDocument").contains("ec2"), "replaced");
    a.iam("DeleteRolePolicy", &parameters).await.unwrap();
    assert_code(a.iam("GetRolePolicy", &parameters).await, "NoSuchEntity");
}

#[tokio::test(start_paused = true)]
async fn rule_7_30_a_service_linked_role_is_made_once_and_deleted_in_time() {
    let (a, _) = two_accounts();
    let service = [("AWSServiceName", "autoscaling.amazonaws.com")];
    a.iam("CreateServiceLinkedRole", &service).await.unwrap();
    let name = "AWSServiceRoleForAutoScaling";
    let message = format!(
        "Service role name {name} has been taken in this account, please try a different suffix."
    );
    let again = a.iam("CreateServiceLinkedRole", &service).await;
    fails(again, 400, "InvalidInput", &message);
    let role = [("RoleName", name)];
    let deleted = a.iam("DeleteServiceLinkedRole", &role).await.unwrap();
    assert_code(a.iam("GetRole", &role).await, "NoSuchEntity");
    let task = [("DeletionTaskId", deleted.first("DeletionTaskId"))];
    let status = "GetServiceLinkedRoleDeletionStatus";
    assert_code(a.iam(status, &task).await, "NoSuchEntity");
    seconds(2).await;
    assert_eq!(
        a.iam(status, &task).await.unwrap().first("Status"),
        "IN_PROGRESS"
    );
    seconds(2).await;
    assert_eq!(
        a.iam(status, &task).await.unwrap().first("Status"),
        "SUCCEEDED"
    );
    let malformed = [("DeletionTaskId", "x")];
    assert_code(a.iam(status, &malformed).await, "InvalidInput");
    create_role(&a, "own", &[]).await;
    let own = [("RoleName", "own")];
    assert_code(a.iam("DeleteServiceLinkedRole", &own).await, "InvalidInput");
}

#[tokio::test]
async fn rule_5_8_a_service_linked_role_is_changed_by_aws_only() {
    let (a, _) = two_accounts();
    let service = [("AWSServiceName", "autoscaling.amazonaws.com")];
    a.iam("CreateServiceLinkedRole", &service).await.unwrap();
    let name = "AWSServiceRoleForAutoScaling";
    let policy = policy_of(&[allow("s3:*")]);
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    for operation in [
        "PutRolePolicy",
        "DeleteRolePolicy",
        "AttachRolePolicy",
        "DetachRolePolicy",
        "PutRolePermissionsBoundary",
        "DeleteRolePermissionsBoundary",
        "UpdateAssumeRolePolicy",
        "DeleteRole",
        "UpdateRole",
    ] {
        let parameters = [
            ("RoleName", name),
            ("PolicyName", "p"),
            ("PolicyDocument", &policy),
            ("PolicyArn", arn),
            ("PermissionsBoundary", arn),
            ("MaxSessionDuration", "7200"),
        ];
        assert_code(a.iam(operation, &parameters).await, "UnmodifiableEntity");
    }
    for (operation, parameter) in [
        ("UpdateRole", "Description"),
        ("TagRole", "Tags.member.1.Key"),
    ] {
        let parameters = [("RoleName", name), (parameter, "d")];
        a.iam(operation, &parameters).await.unwrap();
    }
}

#[tokio::test]
async fn rule_5_10_each_answer_about_a_role_has_what_was_recorded() {
    let (a, _) = two_accounts();
    let boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let more = [
        ("Description", "d"),
        ("PermissionsBoundary", boundary),
        ("Tags.member.1.Key", "team"),
        ("MaxSessionDuration", "7200"),
    ];
    let created = create_role(&a, "r", &more).await;
    let role = [("RoleName", "r")];
    let shown = a.iam("GetRole", &role).await.unwrap();
    let listed = a.iam("ListRoles", &[]).await.unwrap();
    for (element, in_created, in_shown, in_listed) in [
        ("Description", false, true, true),
        ("MaxSessionDuration", false, true, true),
        ("PermissionsBoundaryArn", true, true, false),
        ("Tags", true, true, false),
        ("RoleLastUsed", false, true, false),
    ] {
        let has = |answer: &Answer| !answer.all(element).is_empty();
        let found = (has(&created), has(&shown), has(&listed));
        assert_eq!(found, (in_created, in_shown, in_listed), "{element}");
    }
    a.iam("DeleteRolePermissionsBoundary", &role).await.unwrap();
    let again = a.iam("DeleteRolePermissionsBoundary", &role).await;
    assert_code(again, "NoSuchEntity");
}

#[tokio::test]
async fn rule_5_10_a_refused_update_changes_nothing() {
    let (a, _) = two_accounts();
    create_role(&a, "r", &[("Description", "before")]).await;
    let long = "x".repeat(1001);
    for (parameter, value) in [
        ("Description", long.as_str()),
        ("MaxSessionDuration", "43201"),
        ("MaxSessionDuration", "3599"),
        ("MaxSessionDuration", "long"),
    ] {
        let mut parameters = vec![("RoleName", "r"), (parameter, value)];
        if parameter != "Description" {
            parameters.push(("Description", "after"));
        }
        assert_code(a.iam("UpdateRole", &parameters).await, "ValidationError");
    }
    let shown = a.iam("GetRole", &[("RoleName", "r")]).await.unwrap();
    assert_eq!(shown.first("Description"), "before");
    // Characters count, not bytes.
    let two_bytes = "\u{e9}".repeat(1000);
    let parameters = [("RoleName", "r"), ("Description", two_bytes.as_str())];
    a.iam("UpdateRoleDescription", &parameters).await.unwrap();
}

#[tokio::test]
async fn rule_5_3_a_session_lasts_as_long_as_its_role_allows() {
    let (a, _) = two_accounts();
    create_role(&a, "r", &[("MaxSessionDuration", "7200")]).await;
    let role = role_arn(A, "r");
    a.assume(&role, &[("DurationSeconds", "7200")])
        .await
        .unwrap();
    let longer = a.assume(&role, &[("DurationSeconds", "7201")]).await;
    assert_code(longer.map(|_| ()), "ValidationError");
    // A plus sign and zeros in front are numbers too.
    for text in ["0900", "+900"] {
        let parameters = [("DurationSeconds", text)];
        a.sts("GetSessionToken", &parameters).await.unwrap();
    }
    let none = [("DurationSeconds", "0")];
    assert_code(a.sts("GetSessionToken", &none).await, "ValidationError");
}

#[tokio::test]
async fn rule_5_11_keys_of_role_tags_ignore_case() {
    let (a, _) = two_accounts();
    create_role(&a, "r", &[]).await;
    let tag = |key: &'static str, value: &'static str| {
        [
            ("RoleName", "r"),
            ("Tags.member.1.Key", key),
            ("Tags.member.1.Value", value),
        ]
    };
    a.iam("TagRole", &tag("Team", "One")).await.unwrap();
    a.iam("TagRole", &tag("team", "Two")).await.unwrap();
    let shown = a.iam("ListRoleTags", &[("RoleName", "r")]).await.unwrap();
    assert_eq!(
        (shown.all("Key"), shown.all("Value")),
        (vec!["team"], vec!["Two"])
    );
    assert_code(a.iam("TagRole", &tag("AWS:x", "v")).await, "InvalidInput");
    let mut both = tag("a", "1").to_vec();
    both.push(("Tags.member.2.Key", "A"));
    assert_code(a.iam("TagRole", &both).await, "InvalidInput");
    let untag = [("RoleName", "r"), ("TagKeys.member.1", "TEAM")];
    a.iam("UntagRole", &untag).await.unwrap();
    let shown = a.iam("ListRoleTags", &[("RoleName", "r")]).await.unwrap();
    assert!(shown.all("Key").is_empty());
}

#[tokio::test]
async fn rule_5_12_an_instance_profile_has_one_role() {
    let (a, _) = two_accounts();
    create_role(&a, "r", &[]).await;
    let profile = [("InstanceProfileName", "p")];
    a.iam("CreateInstanceProfile", &profile).await.unwrap();
    assert_code(
        a.iam("CreateInstanceProfile", &profile).await,
        "EntityAlreadyExists",
    );
    let both = [("InstanceProfileName", "p"), ("RoleName", "r")];
    a.iam("AddRoleToInstanceProfile", &both).await.unwrap();
    assert_code(
        a.iam("AddRoleToInstanceProfile", &both).await,
        "LimitExceeded",
    );
    let role = [("RoleName", "r")];
    let listed = a.iam("ListInstanceProfilesForRole", &role).await.unwrap();
    assert_eq!(listed.all("InstanceProfileName"), ["p"]);
    assert_code(a.iam("DeleteRole", &role).await, "DeleteConflict");
    assert_code(
        a.iam("DeleteInstanceProfile", &profile).await,
        "DeleteConflict",
    );
    a.iam("RemoveRoleFromInstanceProfile", &both).await.unwrap();
    let again = a.iam("RemoveRoleFromInstanceProfile", &both).await;
    assert_code(again, "NoSuchEntity");
    a.iam("DeleteInstanceProfile", &profile).await.unwrap();
    assert_code(a.iam("GetInstanceProfile", &profile).await, "NoSuchEntity");
}

#[tokio::test]
async fn rule_5_13_a_policy_is_counted_where_it_is_attached_and_where_it_bounds() {
    let (a, _) = two_accounts();
    let both = create_policy(&a, "both", allow("s3:*")).await;
    let bound = create_policy(&a, "bound", allow("s3:*")).await;
    create_policy(&a, "unused", allow("s3:*")).await;
    create_role(&a, "r", &[("PermissionsBoundary", &both)]).await;
    create_role(&a, "s", &[("PermissionsBoundary", &bound)]).await;
    let attach = [("RoleName", "r"), ("PolicyArn", both.as_str())];
    a.iam("AttachRolePolicy", &attach).await.unwrap();
    let shown = a.iam("GetPolicy", &[("PolicyArn", &both)]).await.unwrap();
    assert_eq!(shown.first("AttachmentCount"), "1");
    assert_eq!(shown.first("PermissionsBoundaryUsageCount"), "1");
    let mut names = Vec::new();
    for parameters in [
        &[
            ("OnlyAttached", "true"),
            ("PolicyUsageFilter", "PermissionsBoundary"),
        ][..],
        &[("PolicyUsageFilter", "PermissionsBoundary")],
        &[
            ("OnlyAttached", "true"),
            ("PolicyUsageFilter", "PermissionsPolicy"),
        ],
    ] {
        let listed = a.iam("ListPolicies", parameters).await.unwrap();
        names.push(listed.all("PolicyName").join(" "));
    }
    assert_eq!(
        names,
        ["both bound", "both bound unused", "both"].map(str::to_owned)
    );
    let used = a.iam("DeletePolicy", &[("PolicyArn", &bound)]).await;
    assert_code(used, "DeleteConflict");
}

#[tokio::test]
async fn rule_5_4_a_managed_session_policy_counts_as_it_is_now() {
    let (a, _) = two_accounts();
    let policy = create_policy(&a, "session", allow("iam:ListRoles")).await;
    let more = [("PolicyArns.member.1.arn", policy.as_str())];
    let session = a
        .assume(&role_arn(A, "administrator"), &more)
        .await
        .unwrap();
    session.iam("ListRoles", &[]).await.unwrap();
    let document = policy_of(&[allow("s3:*")]);
    let parameters = [
        ("PolicyArn", policy.as_str()),
        ("PolicyDocument", &document),
        ("SetAsDefault", "true"),
    ];
    a.iam("CreatePolicyVersion", &parameters).await.unwrap();
    assert_code(session.iam("ListRoles", &[]).await, "AccessDenied");
    // The former version can be made the default again, and the new one then deleted.
    let version = |id: &'static str| [("PolicyArn", policy.as_str()), ("VersionId", id)];
    assert_code(
        a.iam("DeletePolicyVersion", &version("v2")).await,
        "DeleteConflict",
    );
    a.iam("SetDefaultPolicyVersion", &version("v1"))
        .await
        .unwrap();
    session.iam("ListRoles", &[]).await.unwrap();
    a.iam("DeletePolicyVersion", &version("v2")).await.unwrap();
    let left = a.iam("ListPolicyVersions", &[("PolicyArn", &policy)]).await;
    assert_eq!(left.unwrap().all("VersionId"), ["v1"]);
    assert_code(
        a.iam("GetPolicyVersion", &version("v2")).await,
        "NoSuchEntity",
    );
}

#[tokio::test]
async fn rule_5_14_iam_checks_the_values_of_conditions_and_sts_does_not() {
    let (a, _) = two_accounts();
    create_role(&a, "r", &[]).await;
    let conditioned = |operator: &str, value: &str| {
        let mut statement = allow("iam:TagUser");
        statement["Condition"] = json!({ operator: { "aws:RequestTag/value": value } });
        policy_of(&[statement])
    };
    for (operator, value, fits) in [
        ("ArnLike", "not-an-arn", false),
        ("ArnLike", "arn:aws:iam::*:role/*", true),
        ("NumericEquals", "no-number", false),
        ("NumericEquals", "NaN", false),
        ("NumericEquals", "01", true),
        ("Bool", "yes", true),
        ("Null", "perhaps", true),
        ("StringLike", "anything", true),
    ] {
        let policy = conditioned(operator, value);
        let parameters = [
            ("RoleName", "r"),
            ("PolicyName", "p"),
            ("PolicyDocument", policy.as_str()),
        ];
        let put = a.iam("PutRolePolicy", &parameters).await;
        let code = put.err().map(|fail| fail.code.into_owned());
        let expected = (!fits).then(|| "MalformedPolicyDocument".to_owned());
        assert_eq!(code, expected, "{operator} {value}");
    }
    let policy = conditioned("NumericEquals", "no-number");
    a.assume(&role_arn(A, "administrator"), &[("Policy", &policy)])
        .await
        .unwrap();
}

#[tokio::test]
async fn rule_5_6_the_message_of_a_refusal_is_decoded_in_its_account_only() {
    let (a, b) = two_accounts();
    let limited = b.limited(B, &[allow("s3:*")]).await;
    let refused = limited.ec2("DescribeImages", &[]).await.unwrap_err();
    let encoded = refused.message.rsplit(' ').next().unwrap();
    let encoded = [("EncodedMessage", encoded)];
    let decoded = b.sts("DecodeAuthorizationMessage", &encoded).await.unwrap();
    assert!(
        decoded
            .first("DecodedMessage")
            .contains("ec2:DescribeImages")
    );
    let message = "Not authorized to decode message";
    let foreign = a.sts("DecodeAuthorizationMessage", &encoded).await;
    fails(
        foreign,
        400,
        "InvalidAuthorizationMessageException",
        message,
    );
}
