//! The same share by other clients, side by side, as far as `PATH` has them: boto3 and the AWS CLI.
//! They make the calls that no share can leave out, and neither wait, nor look again.

use std::process::{Command, Stdio};
use std::time::Duration;

use ami_share_sim::loopback::Server;
use ami_share_sim::{Options, Sim};

use super::{A, Cost, LATENCY, RUNS, command, measure, median, to_first_call};

const TARGET: &str = "222222222222";
const SHARES: usize = 3;
/// The key policy that the AWS CLI puts, where a script of boto3 makes it of what it has read.
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Sid":"Own","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},
     "Action":"kms:*","Resource":"*"},
    {"Sid":"Share","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},
     "Action":["kms:DescribeKey","kms:Decrypt","kms:ReEncrypt*",
               "kms:GenerateDataKeyWithoutPlaintext","kms:CreateGrant"],"Resource":"*"}]}"#;

#[derive(Clone, Copy)]
enum Client {
    AmiShare,
    Boto3,
    AwsCli,
}

/// What a client needs to know of the world.
struct Place {
    endpoint: String,
    key_id: String,
    secret: String,
    image: String,
    key: String,
}

impl Client {
    fn name(self) -> &'static str {
        match self {
            Self::AmiShare => "ami-share",
            Self::Boto3 => "boto3",
            Self::AwsCli => "AWS CLI",
        }
    }

    fn is_installed(self) -> bool {
        let (program, arguments): (&str, &[&str]) = match self {
            Self::AmiShare => return true,
            Self::Boto3 => ("python3", &["-c", "import boto3"]),
            Self::AwsCli => ("aws", &["--version"]),
        };
        let mut probe = Command::new(program);
        probe
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    }

    /// The programs of a share, one after the other.
    fn steps(self, place: &Place) -> Vec<Command> {
        let (image, key) = (place.image.as_str(), place.key.as_str());
        match self {
            Self::AmiShare => {
                let inputs = [
                    ("INPUT_AMI-ID", image.to_owned()),
                    ("INPUT_TARGET-ACCOUNTS", TARGET.to_owned()),
                ];
                let keys = (place.key_id.as_str(), place.secret.as_str());
                vec![command(&place.endpoint, keys, &inputs)]
            }
            Self::Boto3 => {
                let program = include_str!("peer.py");
                vec![place.peer("python3", &["-c", program, image, key, TARGET])]
            }
            Self::AwsCli => {
                let permission = format!("Add=[{{UserId={TARGET}}}]");
                let attribute = ["--launch-permission", permission.as_str()];
                vec![
                    place.peer("aws", &["ec2", "describe-images", "--image-ids", image]),
                    place.peer("aws", &["ec2", "describe-snapshots", "--owner-ids", "self"]),
                    place.policy_step("get-key-policy", &[]),
                    place.policy_step("put-key-policy", &["--policy", POLICY]),
                    place.image_step(&attribute),
                ]
            }
        }
    }
}

impl Place {
    fn peer(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ACCESS_KEY_ID", &self.key_id)
            .env("AWS_SECRET_ACCESS_KEY", &self.secret)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .args(arguments)
            .stdout(Stdio::null());
        command
    }

    fn policy_step(&self, operation: &str, more: &[&str]) -> Command {
        let name = [
            "kms",
            operation,
            "--key-id",
            &self.key,
            "--policy-name",
            "default",
        ];
        self.peer("aws", &[name.as_slice(), more].concat())
    }

    fn image_step(&self, more: &[&str]) -> Command {
        let name = ["ec2", "modify-image-attribute", "--image-id", &self.image];
        self.peer("aws", &[name.as_slice(), more].concat())
    }
}

/// A whole share, in a world of its own.
async fn share(client: Client) -> Cost {
    let options = Options {
        latency: LATENCY,
        ..Options::default()
    };
    let sim = Sim::two_accounts(options);
    let server = Server::bind(sim.clone(), ([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let endpoint = format!("http://{}", server.address().unwrap());
    let serving = tokio::spawn(server.run());
    let keys = &sim.facts().accounts[A];
    let place = Place {
        endpoint,
        key_id: keys.access_key_id.clone(),
        secret: keys.secret_access_key.clone(),
        image: sim.facts().images["golden"].clone(),
        key: sim.facts().keys["golden"].clone(),
    };
    let mut whole = Cost {
        wall: Duration::ZERO,
        memory: 0.0,
    };
    for step in client.steps(&place) {
        let cost = measure(step).await;
        whole.wall += cost.wall;
        whole.memory = whole.memory.max(cost.memory);
    }
    serving.abort();
    whole
}

/// From the start of a client to its first call.
fn start(client: Client) -> Duration {
    let begin = |endpoint: &str| {
        let place = Place {
            endpoint: endpoint.to_owned(),
            key_id: "AKIAEXAMPLE".to_owned(),
            secret: "secret".to_owned(),
            image: "ami-1a2b3c4d".to_owned(),
            key: "alias/golden".to_owned(),
        };
        client.steps(&place).swap_remove(0)
    };
    let starts = (0..RUNS).map(|_| to_first_call(begin)).collect();
    median(starts)
}

/// A row for each client, at default settings.
pub(super) async fn print() {
    println!("\none image, one target, {LATENCY:?} a call, default settings; medians of {SHARES}");
    println!(
        "{:>10} {:>24} {:>10} {:>12}",
        "client", "start to first call, ms", "share, s", "memory, MB"
    );
    for client in [Client::AmiShare, Client::Boto3, Client::AwsCli] {
        let name = client.name();
        if !client.is_installed() {
            println!("{name:>10} is not installed: skipped");
            continue;
        }
        let starting = tokio::task::spawn_blocking(move || start(client));
        let start = starting.await.unwrap().as_secs_f64() * 1e3;
        let (mut walls, mut memories) = (Vec::new(), Vec::new());
        for _ in 0..SHARES {
            let cost = share(client).await;
            walls.push(cost.wall.as_secs_f64());
            memories.push(cost.memory);
        }
        let (wall, memory) = (median(walls), median(memories));
        println!("{name:>10} {start:>24.1} {wall:>10.2} {memory:>12.1}");
    }
}
