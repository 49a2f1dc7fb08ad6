//! Requests that are not what they should be: an error in the form of the service, never a panic or
//! a hang.

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
const KMS: &str = "kms/aws4_request";

#[tokio::test]
async fn every_kind_of_malformed_request_gets_the_services_own_error() {
    let sim = Sim::two_accounts(Options::default());
    let query = |scope, body: &[u8]| Sent {
        scope,
        target: None,
        body: body.to_vec(),
    };
    let json = |scope, target, body: &[u8]| Sent {
        scope,
        target: Some(target),
        body: body.to_vec(),
    };
    let table = [
        (
            query("", b"Action=DescribeImages"),
            403,
            "<Code>MissingAuthenticationToken</Code>",
        ),
        (
            query("ec2", b"Action=DescribeImages"),
            403,
            "<Code>IncompleteSignature</Code>",
        ),
        (
            query("s3/aws4_request", b"Action=DescribeImages"),
            403,
            "<Code>SignatureDoesNotMatch</Code>",
        ),
        (query(EC2, b""), 400, "<Code>MissingAction</Code>"),
        (query(EC2, b"Action=Fly"), 400, "<Code>InvalidAction</Code>"),
        (
            query("iam/aws4_request", b"Action=Fly"),
            400,
            "<Code>InvalidAction</Code>",
        ),
        (
            query("sts/aws4_request", b"Action=Fly"),
            400,
            "<Code>InvalidAction</Code>",
        ),
        (
            query(EC2, b"Action=CopyImage"),
            400,
            "<Code>MissingParameter</Code>",
        ),
        (
            query(EC2, b"Action=DescribeImages&ImageId.1=a&ImageId.1=b"),
            400,
            "<Code>InvalidParameterValue</Code>",
        ),
        (
            query(EC2, b"Action=DescribeImages&Owner.1=%ff%fe"),
            400,
            "<Code>MalformedQueryString</Code>",
        ),
        (
            query(EC2, b"Action=DescribeImages&DryRun=perhaps"),
            400,
            "<Code>InvalidParameterValue</Code>",
        ),
        (
            json(KMS, "TrentService.Fly", b"{}"),
            400,
            "UnknownOperationException",
        ),
        (
            json(KMS, "AmazonSSM.GetParameter", b"{}"),
            400,
            "UnknownOperationException",
        ),
        (
            json("ssm/aws4_request", "AmazonSSM.Fly", b"{}"),
            400,
            "UnknownOperationException",
        ),
        (
            json(KMS, "TrentService.DescribeKey", b"{"),
            400,
            "SerializationException",
        ),
        (
            json(KMS, "TrentService.DescribeKey", b"[]"),
            400,
            "SerializationException",
        ),
        (
            json(KMS, "TrentService.DescribeKey", b"\xff"),
            400,
            "SerializationException",
        ),
        (
            json(KMS, "TrentService.DescribeKey", b"{}"),
            400,
            "ValidationException",
        ),
        (
            json(KMS, "TrentService.DescribeKey", br#"{"KeyId":5}"#),
            400,
            "SerializationException",
        ),
        (
            json(
                KMS,
                "TrentService.Encrypt",
                br#"{"KeyId":"alias/golden","Plaintext":"@"}"#,
            ),
            400,
            "SerializationException",
        ),
        (
            json(KMS, "TrentService.CreateGrant", br#"{"Operations":7}"#),
            400,
            "ValidationException",
        ),
        (
            json("", "TrentService.DescribeKey", b"{}"),
            403,
            "MissingAuthenticationToken",
        ),
    ];
    for (sent, status, code) in table {
        let answer = send(&sim, &sent).await;
        let text = String::from_utf8_lossy(answer.body());
        assert_eq!(answer.status(), status, "{text}");
        assert!(text.contains(code), "{code}: {text}");
        assert_eq!(text.starts_with('{'), sent.target.is_some(), "{text}");
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
    // It is read to its end, so that whoever sends it reads the answer.
    stream.write_all(&vec![b'x'; 11 << 20]).await.unwrap();
    let mut answer = vec![0; 512];
    let size = stream.read(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer[..size]);
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    serving.abort();
}

/// The operations of a service, as its router has them.
fn operations(source: &str) -> Vec<&str> {
    let arms = source
        .lines()
        .filter(|line| line.starts_with("        \"") && line.contains("=>"));
    let names = arms.flat_map(|line| {
        line.split("=>")
            .next()
            .unwrap_or_default()
            .split('"')
            .skip(1)
            .step_by(2)
    });
    names
        .filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
        .collect()
}

const SOURCES: [(&str, &str); 6] = [
    ("ec2", include_str!("../src/ec2.rs")),
    ("ec2", include_str!("../src/ec2/settings.rs")),
    ("iam", include_str!("../src/iam.rs")),
    ("sts", include_str!("../src/sts.rs")),
    ("kms", include_str!("../src/kms.rs")),
    ("ssm", include_str!("../src/ssm.rs")),
];

/// Parameters that operations look at, and some that none knows.
const NAMES: [&str; 39] = [
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
    "Fly",
];

fn request() -> impl Strategy<Value = (usize, usize, Vec<(usize, String)>)> {
    let value = prop_oneof![
        any::<String>(),
        "(ami|snap|i|vol)-[0-9a-f]{8,17}",
        "arn:aws:[a-z]{2,4}:[a-z-]*:[0-9]*:[a-z/:-]*",
        Just("alias/golden".to_owned()),
        // What is there, so that more than the first check is passed.
        prop_oneof![Just("$image"), Just("$key"), Just("us-east-1"), Just("administrator"), Just("launchPermission")]
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
        Just(
            "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Condition\":{\"Bool\":{\"x\":[]}}}]}".to_owned()
        ),
    ];
    (
        any::<usize>(),
        any::<usize>(),
        proptest::collection::vec((0..NAMES.len(), value), 0..60),
    )
}

/// Text that is JSON as what it says, any other as text.
fn as_json(value: String) -> serde_json::Value {
    serde_json::from_str(&value).unwrap_or_else(|_| value.into())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever is asked, there is an answer in the form of the service.
    #[test]
    fn no_request_makes_it_panic((source, operation, pairs) in request()) {
        let sim = Sim::two_accounts(Options::default());
        let known = |value: String| match value.as_str() {
            "$image" => sim.facts().images["golden"].clone(),
            "$key" => sim.facts().keys["golden"].clone(),
            _ => value,
        };
        let pairs: Vec<(usize, String)> = pairs.into_iter().map(|(name, value)| (name, known(value))).collect();
        let (service, text) = SOURCES[source % SOURCES.len()];
        let all = operations(text);
        let operation = all[operation % all.len()];
        let (scope, target, body) = match service {
            "kms" | "ssm" => {
                let target = format!("{}.{operation}", if service == "kms" { "TrentService" } else { "AmazonSSM" });
                let members: serde_json::Map<String, serde_json::Value> =
                    pairs.into_iter().map(|(name, value)| (NAMES[name].to_owned(), as_json(value))).collect();
                (service, Some(target), serde_json::Value::from(members).to_string())
            }
            _ => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.append_pair("Action", operation);
                let unique: std::collections::BTreeMap<_, _> = pairs.into_iter().collect();
                unique.into_iter().for_each(|(name, value)| { form.append_pair(NAMES[name], &value); });
                (service, None, form.finish())
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let status = runtime.block_on(async {
            let mut request = Request::builder().header("authorization", authorization(&sim, &format!("{scope}/aws4_request")));
            if let Some(target) = &target {
                request = request.header("x-amz-target", target);
            }
            match sim.handle(request.body(Bytes::from(body)).unwrap()).await {
                Handled::Answer(answer) => answer.status().as_u16(),
                Handled::Closed => 0,
            }
        });
        prop_assert!((200..600).contains(&status));
    }
}
