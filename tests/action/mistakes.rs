//! The commonest mistakes of those who use this the first time: what the binary says of each is
//! short, names what to change, and is kept in `tests/action/mistakes.txt` for a reader to judge.
//! `UPDATE_MISTAKES=1 cargo test -p ami-share-action mistakes` writes it anew.

use std::path::Path;
use std::time::Duration;

use ami_share_sim::{ImageSpec, Options, Scenario, Sim};

use super::support::*;

/// What this tool says may take this many characters; what AWS says comes after it.
const LONGEST: usize = 300;

/// Names of this world, and longer ones that users have: a message is as short with those.
const LONGER: [(&str, &str); 6] = [
    ("us-east-1", "ap-southeast-2"),
    ("eu-west-1", "ap-southeast-4"),
    ("role/consumer", "role/ami-share-consumer-prod"),
    ("role/nobody", "role/ami-share-consumer-test"),
    ("user/admin", "user/github-actions-publisher"),
    ("`publisher`", "`github-actions-publisher`"),
];

/// A mistake: its name, the inputs with it, and what its message must name.
type Mistake = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

const GOLDEN: (&str, &str) = ("INPUT_AMI-ID", "{golden}");
const TO_B: (&str, &str) = ("INPUT_TARGET-ACCOUNTS", B);
const ROLE: (&str, &str) = ("INPUT_TARGET-ROLE", "consumer");
const ELSEWHERE: &str =
    "arn:aws:kms:eu-west-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const NO_KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];

const MISTAKES: &[Mistake] = &[
    (
        "wrong Region",
        &[GOLDEN, TO_B, ("AWS_REGION", "eu-west-1")],
        "`aws-region`",
    ),
    (
        "no credentials",
        &[GOLDEN, TO_B, NO_KEYS[0], NO_KEYS[1]],
        "`role-to-assume: arn:",
    ),
    (
        "alias without `alias/`",
        &[GOLDEN, TO_B, ("INPUT_KMS-KEY-ID", "golden")],
        "`alias/`",
    ),
    (
        "AMI of another account",
        &[("INPUT_AMI-ID", "{others}"), TO_B],
        "`ami-id`",
    ),
    (
        "AMI of another account, which is shared with this one",
        &[("INPUT_AMI-ID", "{lent}"), TO_B],
        "`aws ec2 copy-image ",
    ),
    (
        "key of another Region",
        &[GOLDEN, TO_B, ("INPUT_KMS-KEY-ID", ELSEWHERE)],
        "kms-key-id",
    ),
    (
        "typo in the name of an input",
        &[GOLDEN, ("INPUT_TARGET-ACOUNTS", B)],
        "`target-accounts`",
    ),
    (
        "account ID with dashes",
        &[GOLDEN, ("INPUT_TARGET-ACCOUNTS", "222-222-222-222")],
        "target-accounts",
    ),
    (
        "ID of an organization",
        &[GOLDEN, ("INPUT_TARGET-ORGANIZATIONS", "o-example123")],
        "target-organizations",
    ),
    (
        "one key for several Regions",
        &[
            ("INPUT_AMI-ID", "{plain}"),
            TO_B,
            ("INPUT_KMS-KEY-ID", "{key}"),
            ("INPUT_COPY-TO-REGIONS", "eu-west-1"),
        ],
        "`eu-west-1=KEY us-east-1=THIS-KEY`",
    ),
    (
        "alias that only one Region has",
        &[
            GOLDEN,
            TO_B,
            ("INPUT_KMS-KEY-ID", "alias/golden"),
            ("INPUT_COPY-TO-REGIONS", "eu-west-1"),
        ],
        "`kms-key-id`",
    ),
    (
        "role that is missing in the target",
        &[GOLDEN, TO_B, ("INPUT_TARGET-ROLE", "nobody")],
        "`aws iam get-role --role-name",
    ),
    (
        "external ID that is missing",
        &[GOLDEN, TO_B, ROLE],
        "`target-external-id`",
    ),
    (
        "role without kms:PutKeyPolicy",
        &[GOLDEN, TO_B, NO_KEYS[0], NO_KEYS[1], ("AWS_PROFILE", "ci")],
        "`kms:PutKeyPolicy`",
    ),
    (
        "image under aws/ebs",
        &[("INPUT_AMI-ID", "{managed}"), TO_B],
        "`kms-key-id`",
    ),
    (
        "wrong path of the manifest",
        &[TO_B, ("INPUT_PACKER-MANIFEST", "manifest.json")],
        "`manifest` names",
    ),
    (
        "short timeout",
        &[
            ("INPUT_AMI-ID", "{plain}"),
            TO_B,
            ("INPUT_KMS-KEY-ID", "alias/golden"),
            ("INPUT_TIMEOUT", "10s"),
        ],
        "`timeout`",
    ),
];

/// Two accounts, an image of the target that the source may see and one that it may not, and a
/// publisher that may not change key policies.
fn build_world() -> Scenario {
    let mut scenario = Scenario::two_accounts();
    let image = |name: &str, shared: &[&str]| ImageSpec {
        name: name.to_owned(),
        account: B.to_owned(),
        volumes: vec![None],
        shared_with: shared.iter().map(|account| (*account).to_owned()).collect(),
        ..ImageSpec::default()
    };
    scenario
        .images
        .extend([image("others", &[]), image("lent", &[A])]);
    for role in &mut scenario.accounts[0].roles {
        let policy = serde_json::to_string(&role.policy).unwrap();
        let policy = policy.replace("kms:PutKeyPolicy", "kms:GetKeyPolicy");
        role.policy = serde_json::from_str(&policy).unwrap();
    }
    scenario
}

/// Profiles of the administrator, and of the publisher by the administrator.
fn write_profiles(stage: &Stage) -> String {
    let keys = &stage.sim.facts().accounts[A];
    let (id, secret) = (&keys.access_key_id, &keys.secret_access_key);
    let text = format!(
        "[profile ci]\nrole_arn = arn:aws:iam::{A}:role/publisher\nrole_session_name = ci\n\
         source_profile = base\n[profile base]\naws_access_key_id = {id}\n\
         aws_secret_access_key = {secret}\n"
    );
    let path = stage.path("config");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What the binary says of a mistake in a world of its own: its errors.
async fn errors_of(inputs: &'static [(&'static str, &'static str)]) -> Vec<String> {
    let options = Options {
        copy_time: Duration::from_hours(1),
        ..Options::default()
    };
    let stage = Stage::of(Sim::new(build_world(), options)).await;
    let run = tokio::task::spawn_blocking(move || run_with(&stage, inputs));
    let run = run.await.unwrap();
    assert_ne!(run.status, 0, "{}", run.log);
    let errors = run
        .log
        .lines()
        .filter_map(|line| line.strip_prefix("error: "));
    errors.map(str::to_owned).collect()
}

/// How many characters this tool says of its own, if names are longer than here.
fn own_length(message: &str) -> usize {
    let own = message.split("AWS said: ").next().unwrap();
    let mut own = own.to_owned();
    for (name, longer) in LONGER {
        own = own.replace(name, longer);
    }
    own.chars().count()
}

fn run_with(stage: &Stage, inputs: &[(&str, &str)]) -> Run {
    let profiles = write_profiles(stage);
    let key = &stage.sim.facts().keys["golden"];
    let mut env = vec![("AWS_CONFIG_FILE", profiles)];
    for (name, value) in inputs {
        let mut value = value.replace("{key}", key);
        for (image, id) in &stage.sim.facts().images {
            value = value.replace(&format!("{{{image}}}"), id);
        }
        env.push((*name, value));
    }
    let env: Vec<(&str, &str)> = env.iter().map(|(n, value)| (*n, value.as_str())).collect();
    stage.run(&env)
}

/// A message without what differs from run to run: IDs of copies, encoded details, and the
/// directory of the run.
fn without_chance(message: &str) -> String {
    let directory = std::env::current_dir().unwrap();
    let message = message.replace(directory.to_str().unwrap(), "…");
    let message = message.split(" Encoded authorization").next().unwrap();
    let mut text = String::new();
    let mut parts = message.split("ami-");
    text += parts.next().unwrap();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        let is_id = part.len() - rest.len() == 17;
        let part = if is_id {
            format!("…{rest}")
        } else {
            part.to_owned()
        };
        text += &format!("ami-{part}");
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_explained_in_few_words() {
    // Some wait for AWS to know an image, so all run at once.
    let mut runs = Vec::new();
    for (_, inputs, _) in MISTAKES {
        runs.push(tokio::spawn(errors_of(inputs)));
    }
    let mut text = String::new();
    let mut wrong = Vec::new();
    for ((name, _, names), run) in MISTAKES.iter().zip(runs) {
        let errors = run.await.unwrap();
        let shown: Vec<String> = errors.iter().map(|error| without_chance(error)).collect();
        text += &format!("## {name}\n\n{}\n\n", shown.join("\n"));
        if !errors.iter().any(|error| error.contains(names)) {
            wrong.push(format!("{name}: {names} is not named"));
        }
        for error in &errors {
            let ours = own_length(error);
            if ours > LONGEST {
                wrong.push(format!("{name}: {ours} characters: {error}"));
            }
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/action/mistakes.txt");
    if is_set("UPDATE_MISTAKES") {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{text}");
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "UPDATE_MISTAKES=1 writes it anew:\n{text}");
}
