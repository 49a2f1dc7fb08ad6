//! What log and summary say of the launch templates of targets.

use std::collections::BTreeMap;
use std::time::Duration;

use ami_share_action::Exit;
use ami_share_sim::world::{LaunchTemplate, TemplateVersion};
use ami_share_sim::{Options, Scenario, Sim, Size};

use super::support::*;
use super::truths::{Said, run};

const OLD: &str = "ami-0aaaaaaaaaaaaaaaa";

/// A name and a value.
type Input<'a> = (&'a str, &'a str);

const IN_TARGET: [Input<'_>; 5] = [
    ("TARGET_ACCOUNTS", B),
    ("TARGET_ROLE", "consumer"),
    ("TARGET_EXTERNAL_ID", "example"),
    ("COPY_IMAGE_TAGS", "false"),
    ("VERIFY", "none"),
];

/// B has launch templates of these names, each with one version of another image.
fn put_templates(sim: &Sim, names: &[String]) {
    for (number, name) in names.iter().enumerate() {
        let data = [("ImageId".to_owned(), OLD.to_owned())].into();
        let version = TemplateVersion {
            number: 1,
            data,
            ..TemplateVersion::default()
        };
        let template = LaunchTemplate {
            id: format!("lt-{number:017x}"),
            name: name.clone(),
            owner: B.to_owned(),
            region: "us-east-1".to_owned(),
            created: Duration::ZERO,
            creator: format!("arn:aws:iam::{B}:user/somebody"),
            default_version: 1,
            versions: [(1, version)].into(),
            tags: BTreeMap::new(),
        };
        sim.edit(|state| state.launch_templates.insert(template.id.clone(), template));
    }
}

/// The cells of the row of a launch template in the summary: what launches get, and the change.
fn cells<'a>(said: &'a Said, name: &str) -> [&'a str; 2] {
    let start = format!("| {B} | us-east-1 | {name} | ");
    let mut rows = said.summary.lines();
    let row = rows.find_map(|line| line.strip_prefix(&start)).unwrap();
    let (current, change) = row.trim_end_matches(" |").split_once(" | ").unwrap();
    [current, change]
}

#[tokio::test(start_paused = true)]
async fn log_and_summary_say_which_version_launches_get_and_got() {
    for (set, which) in [("true", "default"), ("false", "newest")] {
        let sim = Sim::new(Scenario::two_accounts(), Options::default());
        put_templates(&sim, &["web".to_owned()]);
        let golden = sim.facts().images["golden"].clone();
        let inputs = [
            ("AMI_ID", "{golden}"),
            ("TARGET_LAUNCH_TEMPLATES", "web"),
            ("SET_DEFAULT_VERSION", set),
        ];
        let inputs = [inputs.as_slice(), &IN_TARGET].concat();

        let planned = run(&sim, &[inputs.as_slice(), &[("DRY_RUN", "true")]].concat()).await;
        let default = if set == "true" {
            ", as its default one"
        } else {
            ""
        };
        let made = "in a new version, made from version 1";
        let line = format!("  ~ launch template web of {B}: {golden} {made}{default}\n");
        assert!(planned.log.contains(&line), "{}", planned.log);
        let old = format!("{which} version 1: {OLD}");
        assert_eq!(cells(&planned, "web"), [old.as_str(), &golden]);
        assert!(planned.summary.contains("| launches get | would get |"));

        let shared = run(&sim, &inputs).await;
        assert_eq!(shared.exit, Exit::Done, "{}", shared.log);
        let instead = format!(", instead of version 1 with {OLD}\n");
        let made =
            format!("launch template web of {B} has the version 2 with {golden} now{instead}");
        assert!(shared.log.contains(&made), "{}", shared.log);
        let made_default =
            format!("the default of the launch template web of {B} is version 2 now{instead}");
        let is_default = shared.log.contains(&made_default);
        assert_eq!(is_default, set == "true", "{}", shared.log);
        let new = format!("{which} version 2: {golden}");
        assert_eq!(
            cells(&shared, "web"),
            [new.as_str(), &old[which.len() + 1..]]
        );
        assert!(shared.summary.contains("| launches get | instead of |"));

        let again = run(&sim, &inputs).await;
        let line =
            format!("  = launch template web of {B}: {golden} in version 2{default}, already");
        assert!(again.log.contains(&line), "{}", again.log);
        assert!(!again.log.contains("has the version"), "{}", again.log);
        assert_eq!(cells(&again, "web"), [new.as_str(), "–"]);
    }
}

#[tokio::test(start_paused = true)]
async fn plan_says_that_a_template_gets_a_copy_that_is_not_made_yet() {
    let size = Size {
        accounts: 2,
        regions: 1,
        images: 1,
        snapshots: 1,
    };
    let sim = Sim::new(Scenario::generate(size).unwrap(), Options::default());
    put_templates(&sim, &["web".to_owned()]);
    let inputs = [
        ("AMI_ID", "{image-1}"),
        ("TARGET_LAUNCH_TEMPLATES", "web"),
        ("TARGET_KMS_KEY_ID", "alias/own-222222222222"),
    ];
    let inputs = [inputs.as_slice(), &IN_TARGET].concat();
    let planned = run(&sim, &[inputs.as_slice(), &[("DRY_RUN", "true")]].concat()).await;
    assert_eq!(planned.exit, Exit::Done, "{}", planned.log);
    let old = format!("newest version 1: {OLD}");
    assert_eq!(cells(&planned, "web"), [old.as_str(), "a copy to be made"]);
}

#[tokio::test(start_paused = true)]
async fn many_templates_are_one_folded_table() {
    let sim = Sim::new(Scenario::two_accounts(), Options::default());
    let names: Vec<_> = (0..20).map(|number| format!("web-{number}")).collect();
    put_templates(&sim, &names);
    let templates = names.join(" ");
    let inputs = [
        ("AMI_ID", "{golden}"),
        ("TARGET_LAUNCH_TEMPLATES", templates.as_str()),
    ];
    let said = run(&sim, &[inputs.as_slice(), &IN_TARGET].concat()).await;
    assert_eq!(said.exit, Exit::Done, "{}", said.log);
    assert!(
        said.summary
            .contains("<summary>20 launch templates</summary>")
    );
    for name in &names {
        assert!(
            cells(&said, name)[0].starts_with("newest version 2: "),
            "{name}"
        );
    }
}
