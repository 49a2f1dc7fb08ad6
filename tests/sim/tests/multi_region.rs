//! Keys of several Regions, their states, tags and rotation.

use serde_json::{Value, json};

use super::support::*;

async fn create_key(a: &Caller, parameters: Value) -> (String, String) {
    let made = a.kms_json("CreateKey", parameters).await;
    let metadata = &made["KeyMetadata"];
    let text = |name: &str| metadata[name].as_str().unwrap().to_owned();
    (text("KeyId"), text("Arn"))
}

fn replica(id: &str, region: &str) -> Value {
    json!({ "KeyId": id, "ReplicaRegion": region })
}

async fn describe(a: &Caller, id: &str) -> Value {
    let shown = a.kms_json("DescribeKey", json!({ "KeyId": id })).await;
    shown["KeyMetadata"].clone()
}

#[tokio::test(start_paused = true)]
async fn rule_3_6_a_replica_has_a_policy_and_a_state_of_its_own() {
    let (a, _) = two_accounts();
    let west = a.in_region("us-west-2");
    let role = "AWSServiceRoleForKeyManagementServiceMultiRegionKeys";
    let role = [("RoleName", role)];
    assert_code(a.iam("GetRole", &role).await, "NoSuchEntity");
    let policy = policy_of(&[root_statement(), allow_to(B, "kms:Decrypt")]);
    let (id, arn) = create_key(&a, json!({ "MultiRegion": true, "Policy": policy })).await;
    a.iam("GetRole", &role).await.unwrap();
    assert!(id.starts_with("mrk-") && describe(&a, &id).await["MultiRegion"] == true);

    let made = a.kms_json("ReplicateKey", replica(&id, "us-west-2")).await;
    assert_eq!(made["ReplicaKeyMetadata"]["KeyState"], "Creating");
    let document = made["ReplicaPolicy"].as_str().unwrap();
    assert!(document.contains("key-default-1") && !document.contains(B));
    let encrypt = json!({ "KeyId": id, "Plaintext": "aGVsbG8=" });
    assert_code(
        west.kms("Encrypt", encrypt.clone()).await,
        "KMSInvalidStateException",
    );
    seconds(3).await;
    let shown = describe(&west, &id).await;
    assert_eq!(shown["Enabled"], true);
    let configuration = &shown["MultiRegionConfiguration"];
    assert_eq!(configuration["MultiRegionKeyType"], "REPLICA");
    assert_eq!(configuration["PrimaryKey"]["Arn"], json!(arn));

    // What one key encrypts the other decrypts, but not under the first one's ARN.
    let blob = a.kms_json("Encrypt", encrypt).await["CiphertextBlob"].clone();
    for key in [Value::Null, json!(id), json!(shown["Arn"])] {
        let decrypt = json!({ "CiphertextBlob": blob, "KeyId": key });
        let decrypted = west.kms_json("Decrypt", decrypt).await;
        assert_eq!(decrypted["KeyId"], shown["Arn"]);
    }
    let decrypt = json!({ "CiphertextBlob": blob, "KeyId": arn });
    assert_code(west.kms("Decrypt", decrypt).await, "IncorrectKeyException");
    // A grant is of one key only.
    assert_eq!(
        west.kms_json("ListGrants", json!({ "KeyId": id })).await["Grants"],
        json!([])
    );
}

#[tokio::test(start_paused = true)]
async fn rule_3_6_only_a_primary_key_is_replicated_once_a_region_in_its_partition() {
    let (a, _) = two_accounts();
    let west = a.in_region("us-west-2");
    let (id, arn) = create_key(&a, json!({ "MultiRegion": true })).await;
    let (single, _) = create_key(&a, json!({})).await;
    a.kms("ReplicateKey", replica(&id, "us-west-2"))
        .await
        .unwrap();
    let alias = json!({ "AliasName": "alias/many", "TargetKeyId": id });
    a.kms("CreateAlias", alias).await.unwrap();
    for (caller, key, region, code) in [
        (&a, id.as_str(), "us-east-1", "ValidationException"),
        (&a, &id, "cn-north-1", "ValidationException"),
        (&a, &id, "us-west-2", "AlreadyExistsException"),
        (&a, "alias/many", "eu-west-1", "InvalidArnException"),
        (&a, &single, "eu-west-1", "UnsupportedOperationException"),
        (&west, &id, "eu-west-1", "UnsupportedOperationException"),
    ] {
        let refused = caller.kms("ReplicateKey", replica(key, region)).await;
        assert_code(refused, code);
    }
    // A new primary key: both are updated for a while.
    seconds(3).await;
    let primary = json!({ "KeyId": id, "PrimaryRegion": "us-west-2" });
    a.kms("UpdatePrimaryRegion", primary.clone()).await.unwrap();
    for caller in [&a, &west] {
        let shown = describe(caller, &id).await;
        assert_eq!(
            (&shown["KeyState"], &shown["Enabled"]),
            (&json!("Updating"), &json!(false))
        );
    }
    seconds(3).await;
    let message = format!("{arn} is not a multi-Region primary key.");
    let refused = a.kms("UpdatePrimaryRegion", primary).await;
    fails(refused, 400, "KMSInvalidStateException", &message);
}

#[tokio::test(start_paused = true)]
async fn rule_3_6_a_primary_key_is_deleted_after_its_replicas() {
    let (a, _) = two_accounts();
    let (id, arn) = create_key(&a, json!({ "MultiRegion": true })).await;
    a.kms("ReplicateKey", replica(&id, "us-west-2"))
        .await
        .unwrap();
    let answer = a
        .kms_json("ScheduleKeyDeletion", json!({ "KeyId": id }))
        .await;
    assert_eq!(answer["KeyState"], "PendingReplicaDeletion");
    assert_eq!(answer.get("DeletionDate"), None);
    let tags = json!({ "KeyId": id, "Tags": [{ "TagKey": "k", "TagValue": "v" }] });
    let message = format!("{arn} is pending replica deletion.");
    let refused = a.kms("TagResource", tags.clone()).await;
    fails(refused, 400, "KMSInvalidStateException", &message);
    // The policy can be read and written all the same.
    let policy = a.kms_json("GetKeyPolicy", json!({ "KeyId": id })).await["Policy"].clone();
    a.kms("PutKeyPolicy", json!({ "KeyId": id, "Policy": policy }))
        .await
        .unwrap();
    a.kms("CancelKeyDeletion", json!({ "KeyId": id }))
        .await
        .unwrap();
    assert_eq!(describe(&a, &id).await["KeyState"], "Disabled");
    a.kms("TagResource", tags).await.unwrap();
    let listed = a.kms_json("ListResourceTags", json!({ "KeyId": id })).await;
    assert_eq!(listed["Tags"], json!([{ "TagKey": "k", "TagValue": "v" }]));
    let untag = json!({ "KeyId": id, "TagKeys": ["k", "absent"] });
    a.kms("UntagResource", untag).await.unwrap();
}

#[tokio::test]
async fn rule_3_6_a_scenario_has_keys_of_several_regions_and_of_every_state() {
    for state in ["Enabled", "Unavailable", "Creating", "Updating"] {
        let (a, _) = scenario(|scenario| {
            let spec = json!({ "name": "k", "account": A, "multi-region": true, "state": state });
            scenario.keys.push(serde_json::from_value(spec).unwrap());
        });
        let key = a.key("k");
        assert!(key.contains(":key/mrk-"), "{key}");
        let shown = describe(&a, &key).await;
        let kind = &shown["MultiRegionConfiguration"]["MultiRegionKeyType"];
        assert_eq!(
            (&shown["KeyState"], kind),
            (&state.into(), &"PRIMARY".into())
        );
        a.kms("GetKeyPolicy", json!({ "KeyId": key }))
            .await
            .unwrap();
        let input = json!({ "KeyId": key, "NumberOfBytes": 16 });
        let is_usable = ["Enabled", "Updating"].contains(&state);
        let used = a.kms("GenerateDataKey", input).await;
        assert_eq!(used.is_ok(), is_usable, "{state}");
    }
}

#[tokio::test]
async fn rule_3_4_a_key_without_material_is_neither_enabled_nor_disabled_nor_rotated() {
    let (a, _) = two_accounts();
    let (id, arn) = create_key(&a, json!({ "Origin": "EXTERNAL" })).await;
    let message = format!("{arn} is pending import.");
    for operation in [
        "EnableKey",
        "DisableKey",
        "RotateKeyOnDemand",
        "EnableKeyRotation",
    ] {
        let refused = a.kms(operation, json!({ "KeyId": id })).await;
        fails(refused, 400, "KMSInvalidStateException", &message);
    }
}

#[tokio::test]
async fn rule_3_7_a_rotated_key_has_one_material_more() {
    let (a, _) = two_accounts();
    let (id, _) = create_key(&a, json!({})).await;
    let named = || json!({ "KeyId": id });
    let before = describe(&a, &id).await["CurrentKeyMaterialId"].clone();
    a.kms("RotateKeyOnDemand", named()).await.unwrap();
    let rotations = a.kms_json("ListKeyRotations", named()).await;
    assert_eq!(rotations["Rotations"].as_array().unwrap().len(), 1);
    let page = json!({ "KeyId": id, "Limit": 1, "IncludeKeyMaterial": "ALL_KEY_MATERIAL" });
    let first = a.kms_json("ListKeyRotations", page).await;
    assert_eq!(first["Truncated"], true);
    assert_eq!(first["Rotations"][0]["KeyMaterialState"], "NON_CURRENT");
    assert_eq!(first["Rotations"][0]["KeyMaterialId"], before);
    assert_ne!(describe(&a, &id).await["CurrentKeyMaterialId"], before);
    a.kms("EnableKeyRotation", named()).await.unwrap();
    let status = a.kms_json("GetKeyRotationStatus", named()).await;
    assert_eq!(status["KeyRotationEnabled"], true);
    assert_eq!(status["RotationPeriodInDays"], 365);
    let every = |days: u64| json!({ "KeyId": id, "RotationPeriodInDays": days });
    for wrong in [0, 89, 2561] {
        assert_code(
            a.kms("EnableKeyRotation", every(wrong)).await,
            "ValidationException",
        );
    }
    a.kms("EnableKeyRotation", every(180)).await.unwrap();
    let status = a.kms_json("GetKeyRotationStatus", named()).await;
    assert_eq!(status["RotationPeriodInDays"], 180);
    a.kms("DisableKeyRotation", named()).await.unwrap();
    let by_alias = json!({ "KeyId": "alias/golden" });
    assert_code(
        a.kms("RotateKeyOnDemand", by_alias).await,
        "InvalidArnException",
    );
}

#[tokio::test]
async fn rule_3_7_the_type_of_a_key_says_what_it_is_for() {
    let (a, _) = two_accounts();
    for (spec, usage, member) in [
        (
            "SYMMETRIC_DEFAULT",
            "ENCRYPT_DECRYPT",
            "EncryptionAlgorithms",
        ),
        ("HMAC_256", "GENERATE_VERIFY_MAC", "MacAlgorithms"),
        ("RSA_2048", "SIGN_VERIFY", "KeySpec"),
    ] {
        let (id, _) = create_key(&a, json!({ "KeySpec": spec, "Description": "d" })).await;
        let shown = describe(&a, &id).await;
        assert_eq!(shown["KeyUsage"], usage);
        assert_eq!(shown["Description"], "d");
        assert!(shown.get(member).is_some(), "{spec}");
    }
}
