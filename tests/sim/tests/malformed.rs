//! Malformed requests: the answer is an error in the form of the service, never a panic or a hang.

use std::collections::BTreeMap;

use ami_share_sim::loopback::Server;
use ami_share_sim::{Handled, Options, Sim};
use bytes::Bytes;
use http::{Request, Response};
use proptest::prelude::*;

fn authorization(sim: &Sim, scope: &str) -> String {
    let key = &sim.facts().accounts["111111111111"].access_key_id;
    format!(
        "AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/{scope}, SignedHeaders=host, \
         Signature=0"
    )
}

struct Sent {
    scope: &'static str,
    target: Option<&'static str>,
    body: Vec<u8>,
}

async fn send(sim: &Sim, sent: &Sent) -> Response<Bytes> {
    let mut request = Request::builder().method("POST").uri("/");
    if !sent.scope.is_empty() {
        request = request.header("authorization", authorization(sim, sent.scope));
    }
    if let Some(target) = sent.target {
        request = request.header("x-amz-target", target);
    }
    match sim
        .handle(request.body(Bytes::from(sent.body.clone())).unwrap())
        .await
    {
        Handled::Answer(answer) => answer,
        Handled::Closed => panic!("closed"),
    }
}

const EC2: &str = "ec2/aws4_request";
const IAM: &str = "iam/aws4_request";
const KMS: &str = "kms/aws4_request";
const SSM: &str = "ssm/aws4_request";
const STS: &str = "sts/aws4_request";

fn query(scope: &'static str, body: &[u8]) -> Sent {
    Sent {
        scope,
        target: None,
        body: body.to_vec(),
    }
}

fn json(scope: &'static str, target: &'static str, body: &[u8]) -> Sent {
    Sent {
        scope,
        target: Some(target),
        body: body.to_vec(),
    }
}

/// Sends a request, and checks the status and the error code of its answer.
async fn check(sent: Sent, status: u16, code: &str) {
    let sim = Sim::two_accounts(Options::default());
    let answer = send(&sim, &sent).await;
    let text = String::from_utf8_lossy(answer.body());
    assert_eq!(answer.status(), status, "{text}");
    assert!(text.contains(code), "{code}: {text}");
    assert_eq!(text.starts_with('{'), sent.target.is_some(), "{text}");
}

#[tokio::test]
async fn a_malformed_signature_gets_the_error_of_its_service() {
    let describe = b"Action=DescribeImages";
    for (scope, code) in [
        ("", "<Code>MissingAuthenticationToken</Code>"),
        ("ec2", "<Code>IncompleteSignature</Code>"),
        ("s3/aws4_request", "<Code>SignatureDoesNotMatch</Code>"),
    ] {
        check(query(scope, describe), 403, code).await;
    }
    let unsigned = json("", "TrentService.DescribeKey", b"{}");
    check(unsigned, 403, "MissingAuthenticationToken").await;
}

#[tokio::test]
async fn a_malformed_query_gets_the_error_of_its_service() {
    let twice = b"Action=DescribeImages&ImageId.1=a&ImageId.1=b";
    let table: [(&str, &[u8], &str); 8] = [
        (EC2, b"", "MissingAction"),
        (EC2, b"Action=Fly", "InvalidAction"),
        (IAM, b"Action=Fly", "InvalidAction"),
        (STS, b"Action=Fly", "InvalidAction"),
        (EC2, b"Action=CopyImage", "MissingParameter"),
        (EC2, twice, "InvalidParameterValue"),
        (
            EC2,
            b"Action=DescribeImages&Owner.1=%ff%fe",
            "MalformedQueryString",
        ),
        (
            EC2,
            b"Action=DescribeImages&DryRun=perhaps",
            "InvalidParameterValue",
        ),
    ];
    for (scope, body, code) in table {
        check(query(scope, body), 400, &format!("<Code>{code}</Code>")).await;
    }
}

#[tokio::test]
async fn a_malformed_json_body_gets_the_error_of_its_service() {
    let (describe, encrypt) = ("TrentService.DescribeKey", "TrentService.Encrypt");
    let plaintext = br#"{"KeyId":"alias/golden","Plaintext":"@"}"#;
    let operations = br#"{"Operations":7}"#;
    let unknown = "UnknownOperationException";
    let malformed = "SerializationException";
    let invalid = "ValidationException";
    let table: [(&str, &str, &[u8], &str); 10] = [
        (KMS, "TrentService.Fly", b"{}", unknown),
        (KMS, "AmazonSSM.GetParameter", b"{}", unknown),
        (SSM, "AmazonSSM.Fly", b"{}", unknown),
        (KMS, describe, b"{", malformed),
        (KMS, describe, b"[]", malformed),
        (KMS, describe, b"\xff", malformed),
        (KMS, describe, b"{}", invalid),
        (KMS, describe, br#"{"KeyId":5}"#, malformed),
        (KMS, encrypt, plaintext, malformed),
        (KMS, "TrentService.CreateGrant", operations, invalid),
    ];
    for (scope, target, body, code) in table {
        check(json(scope, target, body), 400, code).await;
    }
}

#[tokio::test]
async fn a_body_of_more_than_ten_megabytes_is_refused() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let sim = Sim::two_accounts(Options::default());
    let server = Server::bind(sim, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let mut stream = tokio::net::TcpStream::connect(server.address().unwrap())
        .await
        .unwrap();
    let serving = tokio::spawn(server.run());
    let head = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
        11 << 20
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server reads it to its end, so that the client gets to read the answer.
    stream.write_all(&vec![b'x'; 11 << 20]).await.unwrap();
    let mut answer = vec![0; 512];
    let size = stream.read(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer[..size]);
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    serving.abort();
}

/// The operations of a service, as its router has them.
fn operations(source: &str) -> Vec<&str> {
    let mut operations = Vec::new();
    for line in source.lines().filter(|line| line.starts_with("        \"")) {
        let Some((arm, _)) = line.split_once("=>") else {
            continue;
        };
        for name in arm.split('"').skip(1).step_by(2) {
            if name.starts_with(|c: char| c.is_ascii_uppercase()) {
                operations.push(name);
            }
        }
    }
    operations
}

const SOURCES: [(&str, &str); 7] = [
    ("ec2", include_str!("../src/services/ec2.rs")),
    ("ec2", include_str!("../src/services/ec2/settings.rs")),
    ("iam", include_str!("../src/services/iam.rs")),
    ("sts", include_str!("../src/services/sts.rs")),
    ("kms", include_str!("../src/services/kms.rs")),
    (
        "organizations",
        include_str!("../src/services/organizations.rs"),
    ),
    ("ssm", include_str!("../src/services/ssm.rs")),
];

/// Parameters that operations read, and one that none knows.
const NAMES: [&str; 40] = [
    "ImageId",
    "SnapshotId",
    "ImageId.1",
    "SourceImageId",
    "SourceRegion",
    "SourceSnapshotId",
    "Name",
    "Attribute",
    "KmsKeyId",
    "Encrypted",
    "DryRun",
    "MaxResults",
    "NextToken",
    "Filter.1.Name",
    "Filter.1.Value.1",
    "RoleName",
    "RoleArn",
    "PolicyDocument",
    "KeyId",
    "Policy",
    "GranteePrincipal",
    "Operations",
    "CiphertextBlob",
    "MinCount",
    "MaxCount",
    "InstanceType",
    "SecurityGroupId.1",
    "LaunchPermission.Add.1.UserId",
    "CreateVolumePermission.Add.1.UserId",
    "OperationType",
    "BlockDeviceMapping.1.Ebs.SnapshotId",
    "RoleSessionName",
    "DurationSeconds",
    "PolicyName",
    "PolicyArns.member.1.arn",
    "TagSpecification.1.ResourceType",
    "GroupName",
    "Tag.1.Key",
    "ParentId",
    "Fly",
];

/// A policy with a condition on no value.
const EMPTY_CONDITION: &str = concat!(
    r#"{"Statement":[{"Effect":"Allow","Action":"*","#,
    r#""Condition":{"Bool":{"x":[]}}}]}"#,
);

fn request() -> impl Strategy<Value = (usize, usize, Vec<(usize, String)>)> {
    let value = prop_oneof![
        any::<String>(),
        "(ami|snap|i|vol)-[0-9a-f]{8,17}",
        "arn:aws:[a-z]{2,4}:[a-z-]*:[0-9]*:[a-z/:-]*",
        Just("alias/golden".to_owned()),
        // Values that exist, so that a request passes more than the first check.
        prop_oneof![
            Just("$image"),
            Just("$key"),
            Just("us-east-1"),
            Just("administrator"),
            Just("launchPermission")
        ]
        .prop_map(str::to_owned),
        prop_oneof![
            Just("true"),
            Just("1"),
            Just("-1"),
            Just("99999999999999999999"),
            Just("[]"),
            Just("{\"a\":[null]}")
        ]
        .prop_map(str::to_owned),
        Just(String::new()),
        Just(EMPTY_CONDITION.to_owned()),
    ];
    (
        any::<usize>(),
        any::<usize>(),
        proptest::collection::vec((0..NAMES.len(), value), 0..60),
    )
}

/// A text that is JSON as that value, and any other as text.
fn as_json(value: String) -> serde_json::Value {
    serde_json::from_str(&value).unwrap_or_else(|_| value.into())
}

/// The form or the JSON body of a request, and the target of JSON.
fn body_of(
    service: &str,
    operation: &str,
    pairs: Vec<(usize, String)>,
) -> (Option<String>, String) {
    let prefix = match service {
        "kms" => "TrentService",
        "organizations" => "AWSOrganizationsV20161128",
        "ssm" => "AmazonSSM",
        _ => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.append_pair("Action", operation);
            let unique: BTreeMap<usize, String> = pairs.into_iter().collect();
            for (name, value) in unique {
                form.append_pair(NAMES[name], &value);
            }
            return (None, form.finish());
        }
    };
    let mut members = serde_json::Map::new();
    for (name, value) in pairs {
        members.insert(NAMES[name].to_owned(), as_json(value));
    }
    let body = serde_json::Value::from(members).to_string();
    (Some(format!("{prefix}.{operation}")), body)
}

/// Sends a request. Returns the status of its answer, or 0 if there is none.
fn status_of(sim: &Sim, service: &str, target: Option<&str>, body: String) -> u16 {
    let scope = format!("{service}/aws4_request");
    let mut request = Request::builder().header("authorization", authorization(sim, &scope));
    if let Some(target) = target {
        request = request.header("x-amz-target", target);
    }
    let request = request.body(Bytes::from(body)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    match runtime.unwrap().block_on(sim.handle(request)) {
        Handled::Answer(answer) => answer.status().as_u16(),
        Handled::Closed => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Every request has an answer in the form of its service.
    #[test]
    fn no_request_makes_the_simulation_panic((source, operation, pairs) in request()) {
        let sim = Sim::two_accounts(Options::default());
        let mut known = Vec::new();
        for (name, value) in pairs {
            let value = match value.as_str() {
                "$image" => sim.facts().images["golden"].clone(),
                "$key" => sim.facts().keys["golden"].clone(),
                _ => value,
            };
            known.push((name, value));
        }
        let (service, text) = SOURCES[source % SOURCES.len()];
        let operations = operations(text);
        let operation = operations[operation % operations.len()];
        let (target, body) = body_of(service, operation, known);
        let status = status_of(&sim, service, target.as_deref(), body);
        prop_assert!((200..600).contains(&status));
    }
}
