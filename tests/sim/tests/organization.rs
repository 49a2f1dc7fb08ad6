//! Organizations: sharing with them, key policies for them, service control policies.

use ami_share_sim::{
    AllowedImagesSpec, AllowedImagesState, OrganizationSpec, RegionSpec, UnitSpec,
};
use serde_json::{Value, json};

use super::support::*;

const UNIT: &str = "ou-ab12-22222222";
const ORGANIZATION: &str = "arn:aws:organizations::999999999999:organization/o-example123";

fn unit_arn(unit: &str) -> String {
    format!("arn:aws:organizations::999999999999:ou/o-example123/{unit}")
}

/// B is in a unit within a unit, which has an empty sibling. A is in no unit.
fn organization(controls: &[(&str, Value)]) -> OrganizationSpec {
    let unit = |id: &str, parent: &str| UnitSpec {
        id: id.to_owned(),
        parent: parent.to_owned(),
    };
    OrganizationSpec {
        id: "o-example123".to_owned(),
        management: "999999999999".to_owned(),
        root: "r-ab12".to_owned(),
        units: vec![
            unit("ou-ab12-11111111", "r-ab12"),
            unit(UNIT, "ou-ab12-11111111"),
            unit("ou-ab12-33333333", "r-ab12"),
        ],
        accounts: [(B.to_owned(), UNIT.to_owned())].into(),
        service_control_policies: controls
            .iter()
            .map(|(id, policy)| ((*id).to_owned(), vec![policy.clone()]))
            .collect(),
        ..OrganizationSpec::default()
    }
}

/// Resource control policies over B: they bind everybody, but not what is in A or of AWS.
#[tokio::test]
async fn rule_3_1_11_resource_controls_bind_every_caller_of_the_accounts_below() {
    let denied = json!({ "Statement": [{
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["kms:Encrypt", "kms:RetireGrant", "sts:AssumeRole"],
        "Resource": "*",
    }] });
    let (a, b) = scenario(|scenario| {
        let mut organization = organization(&[]);
        let controls = &mut organization.resource_control_policies;
        controls.insert("r-ab12".to_owned(), vec![denied]);
        scenario.organization = Some(organization);
    });
    let own = b.kms_json("CreateKey", json!({})).await["KeyMetadata"].clone();
    let encrypt = |key: &Value| json!({ "KeyId": key, "Plaintext": "aGVsbG8=" });
    let fail = b.kms("Encrypt", encrypt(&own["KeyId"])).await.unwrap_err();
    assert!(
        fail.message.contains(
            "with an explicit deny in a resource control policy: arn:aws:organizations::"
        ),
        "{}",
        fail.message
    );
    let fail = b
        .assume(&role_arn(B, "administrator"), &[])
        .await
        .map(|_| ());
    assert_code(fail, "AccessDenied");
    // A is in no organization here. To retire a grant is exempt.
    a.kms("Encrypt", encrypt(&json!(a.key("golden"))))
        .await
        .unwrap();
    let grant = json!({
        "KeyId": own["Arn"],
        "GranteePrincipal": root(B),
        "RetiringPrincipal": root(B),
        "Operations": ["Decrypt"],
    });
    let made = b.kms_json("CreateGrant", grant).await;
    let token = json!({ "GrantToken": made["GrantToken"] });
    b.kms("RetireGrant", token).await.unwrap();
}

fn organized(controls: &[(&str, Value)]) -> (Caller, Caller) {
    scenario(|scenario| scenario.organization = Some(organization(controls)))
}

async fn share(
    a: &Caller,
    image: &str,
    kind: &str,
    arn: &str,
) -> Result<Answer, ami_share_sim::wire::Fail> {
    let name = format!("LaunchPermission.Add.1.{kind}");
    a.ec2("ModifyImageAttribute", &[("ImageId", image), (&name, arn)])
        .await
}

#[tokio::test]
async fn rule_2_1_launch_permission_can_name_organizations_and_units() {
    let cases = [
        ("OrganizationArn", ORGANIZATION.to_owned(), true),
        ("OrganizationalUnitArn", unit_arn(UNIT), true),
        // The unit above it counts, its sibling does not.
        ("OrganizationalUnitArn", unit_arn("ou-ab12-11111111"), true),
        ("OrganizationalUnitArn", unit_arn("ou-ab12-33333333"), false),
        (
            "OrganizationArn",
            ORGANIZATION.replace("o-example123", "o-other1234"),
            false,
        ),
    ];
    for (kind, arn, reaches) in cases {
        let (a, b) = organized(&[]);
        let plain = a.image("plain");
        share(&a, &plain, kind, &arn).await.unwrap();
        let read = [
            ("ImageId", plain.as_str()),
            ("Attribute", "launchPermission"),
        ];
        let shown = a.ec2("DescribeImageAttribute", &read).await.unwrap();
        let element = if kind == "OrganizationArn" {
            "organizationArn"
        } else {
            "organizationalUnitArn"
        };
        assert_eq!(shown.first(element), arn);
        assert_eq!(b.launch(&plain, &[]).await.is_ok(), reaches, "{arn}");
        let mine = b
            .ec2("DescribeImages", &[("ExecutableBy.1", "self")])
            .await
            .unwrap();
        assert_eq!(mine.all("imageId").len(), usize::from(reaches));
    }
    let (a, _) = organized(&[]);
    let wrong = share(&a, &a.image("plain"), "OrganizationArn", "o-example123").await;
    assert_code(wrong, "InvalidAMIAttributeItemValue");
}

#[tokio::test]
async fn rule_2_7_an_account_without_permission_keeps_that_of_its_organization() {
    let (a, b) = organized(&[]);
    let plain = a.image("plain");
    a.share(&plain, B).await.unwrap();
    share(&a, &plain, "OrganizationArn", ORGANIZATION)
        .await
        .unwrap();
    let remove = [
        ("ImageId", plain.as_str()),
        ("LaunchPermission.Remove.1.UserId", B),
    ];
    a.ec2("ModifyImageAttribute", &remove).await.unwrap();
    assert_eq!(b.launch(&plain, &[]).await.unwrap().0, "running");
}

#[tokio::test]
async fn rule_2_15_snapshots_are_shared_with_accounts_only() {
    let (a, _) = organized(&[]);
    let snapshot = a.snapshot_of("plain").await;
    let parameters = [
        ("SnapshotId", snapshot.as_str()),
        ("CreateVolumePermission.Add.1.OrganizationArn", ORGANIZATION),
    ];
    assert_code(
        a.ec2("ModifySnapshotAttribute", &parameters).await,
        "InvalidAMIAttributeItemValue",
    );
}

#[tokio::test]
async fn rule_3_1_10_a_key_policy_can_name_an_organization_or_a_unit() {
    let id = |id: &str| json!({ "StringEquals": { "aws:PrincipalOrgID": id } });
    let path = |unit: &str| {
        let path = format!("o-example123/r-ab12/*{unit}/*");
        json!({ "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": path } })
    };
    for (condition, allowed) in [
        (id("o-example123"), true),
        (id("o-other"), false),
        (path(UNIT), true),
        (path("ou-ab12-11111111"), true),
        (path("ou-ab12-33333333"), false),
    ] {
        let (a, b) = organized(&[]);
        let mut statement = allow("kms:*");
        statement["Principal"] = json!("*");
        statement["Condition"] = condition.clone();
        a.put_policy(statement).await.unwrap();
        let described = b.describe_key(&a.key("golden")).await;
        assert_eq!(described.is_ok(), allowed, "{condition}");
        // `*` names principals of another account no more closely than its root does: their
        // policies must allow it too.
        let denied = b.without(B, &["kms:DescribeKey"]).await;
        assert!(denied.describe_key(&a.key("golden")).await.is_err());
    }
}

#[tokio::test]
async fn rule_3_1_11_a_service_control_policy_binds_every_level_below() {
    let deny = json!({ "Effect": "Deny", "Action": "ec2:DescribeImages", "Resource": "*" });
    let deny = json!({ "Statement": [allow("*"), deny] });
    let only = json!({ "Statement": [allow("ec2:*")] });
    for level in ["r-ab12", "ou-ab12-11111111", UNIT, B] {
        let (a, b) = organized(&[(level, deny.clone())]);
        let fail = b.ec2("DescribeImages", &[]).await.unwrap_err();
        assert!(
            fail.message
                .contains("with an explicit deny in a service control policy"),
            "{level}: {}",
            fail.message
        );
        // A is in no organization.
        a.ec2("DescribeImages", &[]).await.unwrap();
        let (_, b) = organized(&[(level, only.clone())]);
        b.ec2("DescribeImages", &[]).await.unwrap();
        let fail = b.kms("CreateKey", json!({})).await.unwrap_err();
        assert!(
            fail.message
                .ends_with("because no service control policy allows the kms:CreateKey action"),
            "{}",
            fail.message
        );
    }
    // The policy of a sibling does not bind B.
    let (_, b) = organized(&[("ou-ab12-33333333", deny)]);
    b.ec2("DescribeImages", &[]).await.unwrap();
}

#[tokio::test]
async fn rule_7_3_allowed_amis_hide_images_of_others() {
    let with = |state, providers: &[&str]| {
        let providers = providers.iter().map(|id| (*id).to_owned()).collect();
        scenario(|scenario| {
            scenario.accounts[1].allowed_images = Some(AllowedImagesSpec {
                state,
                providers,
                criteria: Vec::new(),
            });
        })
    };
    let (a, b) = with(AllowedImagesState::Enabled, &["333333333333"]);
    let plain = a.image("plain");
    a.share_wholly(&plain, B).await;
    assert!(b.describe_image(&plain).await.all("imageId").is_empty());
    assert!(b.launch(&plain, &[]).await.is_err());
    assert!(b.copy_as(&plain, &[]).await.is_err());
    let (a, b) = with(AllowedImagesState::Enabled, &[A]);
    a.share(&a.image("plain"), B).await.unwrap();
    assert_eq!(b.launch(&a.image("plain"), &[]).await.unwrap().0, "running");
    // In audit mode images are only marked.
    let (a, b) = with(AllowedImagesState::AuditMode, &["333333333333"]);
    a.share(&a.image("plain"), B).await.unwrap();
    let shown = b
        .ec2("DescribeImages", &[("ImageId.1", &a.image("plain"))])
        .await
        .unwrap();
    assert_eq!(shown.first("imageAllowed"), "false");
    let settings = b.ec2("GetAllowedImagesSettings", &[]).await.unwrap();
    assert_eq!(settings.first("state"), "audit-mode");
}

#[tokio::test]
async fn rule_5_5_a_region_that_is_not_enabled_refuses_its_account() {
    let (a, b) = scenario(|scenario| {
        let region = |name: &str, opt_in| RegionSpec {
            name: name.to_owned(),
            opt_in,
        };
        scenario.regions = vec![region("us-east-1", false), region("af-south-1", true)];
        scenario.accounts[0].opted_in = vec!["af-south-1".to_owned()];
    });
    a.in_region("af-south-1")
        .ec2("DescribeImages", &[])
        .await
        .unwrap();
    let off = b.in_region("af-south-1");
    assert_code(off.ec2("DescribeImages", &[]).await, "AuthFailure");
    assert_code(
        off.kms("ListAliases", json!({})).await,
        "UnrecognizedClientException",
    );
    for (caller, all, statuses) in [
        (&a, "false", &["opt-in-not-required", "opted-in"][..]),
        (&b, "false", &["opt-in-not-required"][..]),
        (&b, "true", &["opt-in-not-required", "not-opted-in"][..]),
    ] {
        let shown = caller
            .ec2("DescribeRegions", &[("AllRegions", all)])
            .await
            .unwrap();
        assert_eq!(shown.all("optInStatus"), statuses);
    }
}

/// A policy that guards tags must also guard against calls that name none.
#[tokio::test]
async fn rule_7_34_removing_all_tags_carries_no_tag_keys() {
    let deny = |condition: Value| {
        let denied = json!({
            "Effect": "Deny",
            "Action": ["ec2:CreateTags", "ec2:DeleteTags"],
            "Resource": "*",
            "Condition": condition,
        });
        json!({ "Statement": [allow("*"), denied] })
    };
    let of_keys = deny(json!({ "ForAnyValue:StringLike": { "aws:TagKeys": "ours:*" } }));
    let of_all = deny(json!({ "Null": { "aws:TagKeys": "true" } }));
    // Whether a tag can be set, removed by its name, and removed with all others.
    for (control, can) in [
        (of_keys, [false, false, true]),
        (of_all, [true, true, false]),
    ] {
        let (_, b) = organized(&[(B, control)]);
        let made = [("GroupName", "x"), ("GroupDescription", "x")];
        let made = b.ec2("CreateSecurityGroup", &made).await.unwrap();
        let id = made.first("groupId").to_owned();
        let tag = [
            ("ResourceId.1", id.as_str()),
            ("Tag.1.Key", "ours:x"),
            ("Tag.1.Value", "1"),
        ];
        let set = b.ec2("CreateTags", &tag).await;
        let removed = b.ec2("DeleteTags", &tag).await;
        let emptied = b.ec2("DeleteTags", &tag[..1]).await;
        assert_eq!([set.is_ok(), removed.is_ok(), emptied.is_ok()], can);
    }
}
