//! Parameters of SSM: names, versions, lists and tags.

use serde_json::{Value, json};

use super::support::*;

async fn put(
    a: &Caller,
    name: &str,
    value: &str,
    more: Value,
) -> Result<Answer, ami_share_sim::wire::Fail> {
    let mut parameters = json!({ "Name": name, "Value": value, "Type": "String" });
    for (key, value) in more.as_object().unwrap() {
        parameters[key] = value.clone();
    }
    a.ssm("PutParameter", parameters).await
}

async fn names(a: &Caller, operation: &str, parameters: Value) -> Vec<String> {
    let answer = a.ssm(operation, parameters).await.unwrap().json();
    let list = answer["Parameters"].as_array().unwrap();
    list.iter()
        .map(|of| of["Name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn rule_5_15_a_parameter_is_named_by_arn_version_or_label() {
    let (a, _) = two_accounts();
    put(&a, "/p/text", "one", json!({})).await.unwrap();
    let label = json!({ "Name": "/p/text", "Labels": ["old"] });
    a.ssm("LabelParameterVersion", label).await.unwrap();
    put(&a, "/p/text", "two", json!({ "Overwrite": true }))
        .await
        .unwrap();
    let arn = format!("arn:aws:ssm:us-east-1:{A}:parameter/p/text");
    for (name, value) in [
        ("/p/text", "two"),
        ("/p/text:1", "one"),
        ("/p/text:old", "one"),
        (arn.as_str(), "two"),
    ] {
        let shown = a
            .ssm("GetParameter", json!({ "Name": name }))
            .await
            .unwrap()
            .json();
        assert_eq!(shown["Parameter"]["Value"], value, "{name}");
        assert_eq!(shown["Parameter"]["Name"], "/p/text");
    }
    for (name, code) in [
        ("/p/none", "ParameterNotFound"),
        ("/p/text:99", "ParameterVersionNotFound"),
        ("/p/text:1:2", "ValidationException"),
        ("/p/bad name", "ValidationException"),
    ] {
        assert_code(a.ssm("GetParameter", json!({ "Name": name })).await, code);
    }
    // Several: each once, in the order of their names.
    let several = json!({ "Names": ["/p/text:1", "/p/none", "/p/text", "/p/text"] });
    let answer = a.ssm("GetParameters", several).await.unwrap().json();
    assert_eq!(answer["InvalidParameters"], json!(["/p/none"]));
    assert_eq!(answer["Parameters"][0]["Selector"], ":1");
    assert_eq!(answer["Parameters"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn rule_5_15_a_value_fits_its_type_tier_and_pattern() {
    let (a, _) = two_accounts();
    let pattern = json!({ "AllowedPattern": "fixture-.*" });
    put(&a, "/p/text", "fixture-one", pattern).await.unwrap();
    let long = "x".repeat(4097);
    for (name, value, more, code) in [
        (
            "/p/text",
            "fixture-two",
            json!({}),
            "ParameterAlreadyExists",
        ),
        (
            "/p/text",
            "other",
            json!({ "Overwrite": true }),
            "ParameterPatternMismatchException",
        ),
        (
            "/p/text",
            "fixture-two",
            json!({ "Overwrite": true, "Tags": [{ "Key": "k", "Value": "v" }] }),
            "ValidationException",
        ),
        (
            "/p/new",
            "v",
            json!({ "Type": "Other" }),
            "ValidationException",
        ),
        ("/p/new", &long, json!({}), "ValidationException"),
        ("/ssm/new", "v", json!({}), "ValidationException"),
        (
            "/p/new",
            "v",
            json!({ "DataType": "aws:ssm:integration" }),
            "ValidationException",
        ),
    ] {
        assert_code(put(&a, name, value, more).await, code);
    }
    put(&a, "/p/long", &long, json!({ "Tier": "Advanced" }))
        .await
        .unwrap();
    let secret = json!({ "Type": "SecureString", "Overwrite": true });
    put(&a, "/p/text", "fixture-three", secret).await.unwrap();
    let history = json!({ "Name": "/p/text" });
    let history = a.ssm("GetParameterHistory", history).await.unwrap().json();
    let kinds = history["Parameters"].as_array().unwrap();
    let kinds: Vec<&Value> = kinds.iter().map(|of| &of["Type"]).collect();
    assert_eq!(kinds, ["String", "SecureString"]);
}

#[tokio::test]
async fn rule_5_15_a_secret_is_shown_only_if_it_is_decrypted() {
    let (a, _) = two_accounts();
    let secret = json!({ "Type": "SecureString" });
    put(&a, "/p/secret", "hunter2", secret).await.unwrap();
    put(&a, "/p/text", "hello", json!({})).await.unwrap();
    for (name, decrypt, is_shown) in [
        ("/p/secret", json!(null), false),
        ("/p/secret", json!(false), false),
        ("/p/secret", json!(true), true),
        ("/p/text", json!(false), true),
    ] {
        let plain = if name == "/p/text" {
            "hello"
        } else {
            "hunter2"
        };
        for (operation, request) in [
            ("GetParameter", json!({ "Name": name })),
            ("GetParameters", json!({ "Names": [name] })),
            ("GetParametersByPath", json!({ "Path": "/p" })),
            ("GetParameterHistory", json!({ "Name": name })),
        ] {
            let mut request = request;
            request["WithDecryption"] = decrypt.clone();
            let answer = a.ssm(operation, request).await.unwrap().json();
            let shows = answer.to_string().contains(plain);
            assert_eq!(shows, is_shown, "{operation} {name}: {answer}");
        }
    }
}

#[tokio::test]
async fn rule_5_20_a_text_does_not_become_an_image() {
    let (a, _) = two_accounts();
    let image = a.image("plain");
    for (before, after) in [("text", "aws:ec2:image"), ("aws:ec2:image", "text")] {
        let name = format!("/p/{}", before.replace(':', "-"));
        let data_type = |name: &str| json!({ "DataType": name, "Overwrite": true });
        put(&a, &name, &image, data_type(before)).await.unwrap();
        let answer = put(&a, &name, &image, data_type(after)).await;
        assert_code(answer, "ValidationException");
        put(&a, &name, &image, data_type(before)).await.unwrap();
        let shown = a.ssm("GetParameter", json!({ "Name": name })).await;
        assert_eq!(shown.unwrap().json()["Parameter"]["DataType"], before);
    }
}

#[tokio::test]
async fn rule_5_16_an_advanced_parameter_stays_in_its_tier() {
    let (a, _) = two_accounts();
    let tier = |tier: &str| json!({ "Overwrite": true, "Tier": tier });
    put(&a, "/p/text", "one", tier("Advanced")).await.unwrap();
    for more in [json!({ "Overwrite": true }), tier("Standard")] {
        let answer = put(&a, "/p/text", "two", more).await;
        assert_code(answer, "ValidationException");
    }
    for given in ["Advanced", "Intelligent-Tiering"] {
        let answer = put(&a, "/p/text", given, tier(given)).await.unwrap();
        assert_eq!(answer.json()["Tier"], "Advanced", "{given}");
    }
    let answer = put(&a, "/p/other", "one", tier("Intelligent-Tiering")).await;
    assert_eq!(answer.unwrap().json()["Tier"], "Standard");
    put(&a, "/p/other", "two", tier("Advanced")).await.unwrap();
}

#[tokio::test]
async fn rule_5_15_parameters_are_found_by_path_and_filter() {
    let (a, _) = two_accounts();
    for name in ["/p/a", "/p/b", "/p/nested/c", "/q/d"] {
        put(&a, name, "v", json!({})).await.unwrap();
    }
    let direct = names(&a, "GetParametersByPath", json!({ "Path": "/p" })).await;
    assert_eq!(direct, ["/p/a", "/p/b"]);
    let all = json!({ "Path": "/p", "Recursive": true, "MaxResults": 10 });
    assert_eq!(names(&a, "GetParametersByPath", all).await.len(), 3);
    let filters = json!([{ "Key": "Name", "Option": "BeginsWith", "Values": ["/p/"] }]);
    let described = names(
        &a,
        "DescribeParameters",
        json!({ "ParameterFilters": filters }),
    )
    .await;
    assert_eq!(described.len(), 3);
    let by_path = json!({ "Path": "/p", "ParameterFilters": filters });
    assert_code(
        a.ssm("GetParametersByPath", by_path).await,
        "InvalidFilterKey",
    );
    let without = json!({ "ParameterFilters": [{ "Key": "Type" }] });
    assert_code(
        a.ssm("DescribeParameters", without).await,
        "InvalidFilterValue",
    );
    let token = json!({ "Path": "/p", "NextToken": "other" });
    assert_code(
        a.ssm("GetParametersByPath", token).await,
        "InvalidNextToken",
    );
    let names = json!({ "Names": ["/p/a", "/p/none"] });
    let deleted = a.ssm("DeleteParameters", names).await.unwrap().json();
    assert_eq!(deleted["DeletedParameters"], json!(["/p/a"]));
    assert_eq!(deleted["InvalidParameters"], json!(["/p/none"]));
}

#[tokio::test]
async fn rule_5_15_tags_of_parameters_are_added_and_removed() {
    let (a, _) = two_accounts();
    let tags = json!({ "Tags": [{ "Key": "k", "Value": "v" }] });
    put(&a, "/p/text", "one", tags).await.unwrap();
    let resource = |name: &str| json!({ "ResourceType": "Parameter", "ResourceId": name });
    let mut removal = resource("/p/text");
    removal["TagKeys"] = json!(["k", "absent"]);
    a.ssm("RemoveTagsFromResource", removal).await.unwrap();
    let listed = a
        .ssm("ListTagsForResource", resource("/p/text"))
        .await
        .unwrap();
    assert_eq!(listed.json()["TagList"], json!([]));
    let missing = a.ssm("ListTagsForResource", resource("/p/none")).await;
    fails(missing, 400, "InvalidResourceId", "");
}
