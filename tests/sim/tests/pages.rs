//! Pages of lists.

use ami_share_sim::{Options, Scenario};
use serde_json::{Value, json};

use super::caller::Answer;
use super::support::*;

/// The lists of query services: operation, the element of the token, and the parameter for it.
const LISTS: [(&str, &str, &str); 8] = [
    ("ec2:DescribeImages", "nextToken", "NextToken"),
    ("ec2:DescribeSnapshots", "nextToken", "NextToken"),
    ("ec2:DescribeSecurityGroups", "nextToken", "NextToken"),
    ("ec2:DescribeSubnets", "nextToken", "NextToken"),
    ("ec2:DescribeVpcs", "nextToken", "NextToken"),
    ("iam:ListRoles", "Marker", "Marker"),
    ("iam:ListRolePolicies", "Marker", "Marker"),
    ("iam:ListAttachedRolePolicies", "Marker", "Marker"),
];

async fn call(a: &Caller, operation: &str, parameters: &[(&str, &str)]) -> Answer {
    let (service, name) = operation.split_once(':').unwrap();
    let answer = match service {
        "ec2" => a.ec2(name, parameters).await,
        _ => a.iam(name, parameters).await,
    };
    answer.unwrap()
}

fn count_items(answer: &Answer, operation: &str) -> usize {
    let item = if operation.starts_with("ec2:") {
        "item"
    } else {
        "member"
    };
    answer.all(item).len()
}

/// A world with something on every list.
async fn build_world(short_pages: bool) -> Caller {
    let options = Options {
        short_pages,
        ..Options::default()
    };
    let (a, _) = callers(Scenario::two_accounts(), options);
    let policy = policy_of(&[allow("s3:*")]);
    let parameters = [("PolicyName", "p"), ("PolicyDocument", policy.as_str())];
    let made = a.iam("CreatePolicy", &parameters).await.unwrap();
    let parameters = [
        ("RoleName", "administrator"),
        ("PolicyArn", made.first("Arn")),
    ];
    a.iam("AttachRolePolicy", &parameters).await.unwrap();
    for name in ["one", "two"] {
        let parameters = [("GroupName", name), ("GroupDescription", "d")];
        a.ec2("CreateSecurityGroup", &parameters).await.unwrap();
    }
    a
}

#[tokio::test(start_paused = true)]
async fn rule_7_30_a_first_page_may_be_empty_and_say_that_more_follow() {
    let (whole, short) = (build_world(false).await, build_world(true).await);
    for (operation, element, parameter) in LISTS {
        let more = [("RoleName", "administrator")];
        let more = &more[..usize::from(operation.ends_with("RolePolicies"))];
        let answer = call(&whole, operation, more).await;
        assert!(answer.all(element).is_empty(), "{operation}");
        let expected = count_items(&answer, operation);
        let mut answer = call(&short, operation, more).await;
        assert_eq!(count_items(&answer, operation), 0, "{operation}");
        let mut found = 0;
        while let [token] = answer.all(element)[..] {
            let token = token.to_owned();
            let mut parameters = more.to_vec();
            parameters.push((parameter, &token));
            answer = call(&short, operation, &parameters).await;
            found += count_items(&answer, operation);
        }
        assert!(
            found > 0 && found == expected,
            "{operation}: {found} of {expected}"
        );
    }
}

#[tokio::test]
async fn rule_7_30_pages_of_iam_have_one_to_a_thousand_items() {
    let (a, _) = two_accounts();
    let first = a.iam("ListRoles", &[("MaxItems", "1")]).await.unwrap();
    assert_eq!(first.all("RoleName").len(), 1);
    assert_eq!(first.first("IsTruncated"), "true");
    for (size, code) in [
        ("0", "ValidationError"),
        ("1001", "ValidationError"),
        ("2147483648", "MalformedInput"),
        ("1.0", "MalformedInput"),
        (" 1 ", "MalformedInput"),
    ] {
        assert_code(a.iam("ListRoles", &[("MaxItems", size)]).await, code);
    }
}

#[tokio::test]
async fn rule_3_3_11_lists_of_kms_say_whether_they_are_truncated() {
    let short = build_world(true).await;
    let key = short.key("golden");
    for name in ["1", "2"] {
        let more = json!({ "Name": name });
        short.grant(&root(B), &["Decrypt"], more).await.unwrap();
    }
    let first = short.kms_json("ListGrants", json!({ "KeyId": key })).await;
    assert_eq!(
        (&first["Grants"], &first["Truncated"]),
        (&json!([]), &json!(true))
    );
    let mut marker = first["NextMarker"].clone();
    let mut names: Vec<Value> = Vec::new();
    while marker != Value::Null {
        let page = json!({ "KeyId": key, "Marker": marker });
        let page = short.kms_json("ListGrants", page).await;
        for grant in page["Grants"].as_array().unwrap() {
            names.push(grant["Name"].clone());
        }
        assert_eq!(page["Truncated"] == true, page["NextMarker"] != Value::Null);
        marker = page["NextMarker"].clone();
    }
    assert_eq!(names, ["1", "2"]);
}
