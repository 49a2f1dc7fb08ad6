//! Who has access, in summaries: those who had it before, who have it now, and what was not read.

use ami_share_sim::{Options, Scenario, Sim};

use super::*;

const FIRST: &str = "300000000000";
const SECOND: &str = "300000000001";

/// The cell of a column, in the first row of the table that has it.
#[track_caller]
fn cell(said: &Said, column: &str) -> String {
    let cells = |line: &str| -> Vec<String> {
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = said.summary.lines().map(cells);
    let head = lines.find(|cells| cells.iter().any(|cell| cell == column));
    assert!(head.is_some(), "{column}: {}", said.summary);
    let head = head.unwrap_or_default();
    let place = head.iter().position(|cell| cell == column).unwrap();
    lines.nth(1).unwrap()[place].replace('\\', "")
}

#[track_caller]
fn check(said: &Said, expected: &[(&str, &str)]) {
    for (column, text) in expected {
        assert_eq!(cell(said, column), *text, "{column}: {}", said.summary);
    }
}

#[tokio::test(start_paused = true)]
async fn revoke_shows_who_had_access_and_who_keeps_it() {
    let sim = Sim::new(Scenario::with_targets(2), Options::default());
    let both = format!("{FIRST} {SECOND}");
    let image = ("AMI_ID", "{golden}");
    let share = [image, ("TARGET_ACCOUNTS", both.as_str())];
    assert_eq!(run(&sim, &share).await.exit, Exit::Done);

    let revoke = [image, ("TARGET_ACCOUNTS", FIRST), ("MODE", "revoke")];
    let planned = run(&sim, &[revoke.as_slice(), &[("DRY_RUN", "true")]].concat()).await;
    let have = format!("{FIRST}, {SECOND}");
    check(
        &planned,
        &[
            ("launch permission", FIRST),
            ("would be removed", FIRST),
            ("not listed", SECOND),
            ("key access", &have),
        ],
    );
    let done = run(&sim, &revoke).await;
    check(
        &done,
        &[
            ("launch permission", "–"),
            ("removed", FIRST),
            ("not listed", SECOND),
            ("key access", SECOND),
        ],
    );
    // A revoke lets nobody launch anything.
    assert!(!done.summary.contains("to launch"), "{}", done.summary);
}

#[tokio::test(start_paused = true)]
async fn revoke_that_was_denied_shows_who_has_access() {
    let sim = two_accounts();
    let share = [("AMI_ID", "{golden}"), ("TARGET_ACCOUNTS", B)];
    assert_eq!(run(&sim, &share).await.exit, Exit::Done);
    for operation in ["ec2:ModifyImageAttribute", "kms:PutKeyPolicy"] {
        let fault = serde_json::json!({
            "operation": operation,
            "effect": {"error": {
                "status": 403, "code": "AccessDeniedException", "message": "no",
            }},
        });
        sim.fault(serde_json::from_value(fault).unwrap());
    }
    let said = run(&sim, &[share.as_slice(), &[("MODE", "revoke")]].concat()).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.log);
    check(&said, &[("launch permission", B), ("key access", B)]);
}

#[tokio::test(start_paused = true)]
async fn unlisted_that_lost_a_key_is_not_among_its_holders() {
    let sim = Sim::new(Scenario::with_targets(2), Options::default());
    let both = format!("{FIRST} {SECOND}");
    let image = ("AMI_ID", "{golden}");
    let share = [image, ("TARGET_ACCOUNTS", both.as_str())];
    assert_eq!(run(&sim, &share).await.exit, Exit::Done);
    let one = [image, ("TARGET_ACCOUNTS", FIRST), ("UNLISTED", "revoke")];
    let said = run(&sim, &one).await;
    check(&said, &[("key access", FIRST), ("removed", SECOND)]);
}

#[tokio::test(start_paused = true)]
async fn copy_that_failed_was_not_made() {
    let sim = two_accounts();
    let fault = r#"{"operation":"ec2:CopyImage","effect":{"fail-copy":{"message":"no"}}}"#;
    sim.fault(serde_json::from_str(fault).unwrap());
    let copy = [
        ("AMI_ID", "{plain}"),
        ("TARGET_ACCOUNTS", B),
        ("KMS_KEY_ID", "alias/golden"),
    ];
    let said = run(&sim, &copy).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.log);
    check(&said, &[("copied", "begun, not available")]);
    assert!(!said.summary.contains("made 1 copy"), "{}", said.summary);
}

#[tokio::test(start_paused = true)]
async fn summary_of_a_plan_has_every_step() {
    let sim = two_accounts();
    let inputs = [
        ("AMI_ID", "{golden}"),
        ("TARGET_ACCOUNTS", B),
        ("PUBLISH_SSM_PARAMETER", "/golden/{name}"),
        ("DEPRECATE_AT", "90d"),
        ("DEREGISTRATION_PROTECTION", "true"),
        ("WATERMARK", "approved"),
        ("DRY_RUN", "true"),
    ];
    let said = run(&sim, &inputs).await;
    assert_eq!(said.exit, Exit::Done, "{}", said.log);
    let (_, steps) = said.summary.split_once("<summary>Every step: ").unwrap();
    for word in ["parameter", "deprecation of", "protection", "watermark"] {
        assert!(steps.contains(word), "{word}: {steps}");
    }
}

#[tokio::test(start_paused = true)]
async fn targets_with_equal_checks_are_a_row() {
    let sim = Sim::new(Scenario::with_targets(12), Options::default());
    let targets: Vec<String> = (0..12)
        .map(|n| format!("{}", 300_000_000_000_u64 + n))
        .collect();
    let targets = targets.join(" ");
    let inputs = [
        ("AMI_ID", "{golden}"),
        ("TARGET_ACCOUNTS", targets.as_str()),
        ("MODE", "verify"),
    ];
    let said = run(&sim, &inputs).await;
    check(
        &said,
        &[("target", "12 accounts"), ("result", "**blocked**")],
    );
    assert!(
        said.summary.contains("| launch-permission, key-access |"),
        "{}",
        said.summary
    );
}

#[tokio::test(start_paused = true)]
async fn refused_plan_offers_no_policy_for_a_key_that_cannot_be_shared() {
    let sim = two_accounts();
    let inputs = [("AMI_ID", "{managed}"), ("TARGET_ACCOUNTS", B)];
    let said = run(&sim, &inputs).await;
    assert_eq!(said.exit, Exit::Refused, "{}", said.log);
    assert!(!said.summary.contains("need to launch"), "{}", said.summary);
}

/// Who lost a key alone is not said to have lost an image.
#[tokio::test(start_paused = true)]
async fn who_loses_a_key_alone_is_counted_apart() {
    for (has_image, words) in [
        (
            FIRST,
            "revoked access of 1 principal to 1 image in 1 Region, key access of 1 principal",
        ),
        ("", "revoked key access of 2 principals in 1 Region"),
    ] {
        let sim = Sim::new(Scenario::with_targets(2), Options::default());
        let both = format!("{FIRST} {SECOND}");
        let share = [("AMI_ID", "{golden}"), ("TARGET_ACCOUNTS", both.as_str())];
        assert_eq!(run(&sim, &share).await.exit, Exit::Done);
        let id = sim.facts().images["golden"].clone();
        sim.edit(|world| {
            let image = world.images.get_mut(&id).unwrap();
            for account in [FIRST, SECOND] {
                if account != has_image {
                    image.launch_permissions.remove(account);
                }
            }
        });
        let revoke = [share.as_slice(), &[("MODE", "revoke")]].concat();
        let said = run(&sim, &revoke).await;
        said.check_last(words);
    }
}
