//! The last line of the log, and what it leaves to others: each thing is said once.

use super::*;

#[tokio::test(start_paused = true)]
async fn copies_that_are_removed_are_called_so() {
    let sim = two_accounts();
    let copy = [
        ("AMI_ID", "{plain}"),
        ("TARGET_ACCOUNTS", B),
        ("KMS_KEY_ID", "alias/golden"),
    ];
    assert_eq!(run(&sim, &copy).await.exit, Exit::Done);
    let inputs = [
        ("AMI_ID", "{plain}"),
        ("TARGET_ACCOUNTS", B),
        ("MODE", "revoke"),
        ("REVOKE_COPIES", "true"),
    ];
    let said = run(&sim, &inputs).await;
    said.check_last("removed 1 copy with its snapshots");
}

#[tokio::test(start_paused = true)]
async fn run_that_failed_says_what_is_left_to_do_all_the_same() {
    let sim = two_accounts();
    let inputs = [("AMI_ID", "{golden} ami-ffffffff"), ("TARGET_ACCOUNTS", B)];
    let said = run(&sim, &inputs).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.log);
    said.check_last("Run again when that is put right: what is done stays done. Left to do: ");
    said.check_last("`iam-policy`");
    // Nothing was changed the next time, so nothing was done that could stay.
    let said = run(&sim, &inputs).await;
    said.check_last("Run again when that is put right");
    assert!(!said.last().contains("stays done"), "{}", said.last());
}

#[tokio::test(start_paused = true)]
async fn advice_is_given_once() {
    let options = Options {
        copy_time: Duration::from_hours(1),
        ..Options::default()
    };
    let sim = Sim::new(Scenario::two_accounts(), options);
    let copy = [
        ("AMI_ID", "{plain}"),
        ("TARGET_ACCOUNTS", B),
        ("KMS_KEY_ID", "alias/golden"),
        ("TIMEOUT", "1m"),
    ];
    let said = run(&sim, &copy).await;
    assert_eq!(said.exit, Exit::Deadline, "{}", said.log);
    for text in [&said.log, &said.summary] {
        assert_eq!(
            text.matches("`timeout`").count() + text.matches("<code>timeout</code>").count(),
            1
        );
        assert_eq!(text.matches("it continues from here").count(), 1, "{text}");
    }
    // The bullet of the error says its code and its place.
    assert!(!said.summary.contains("1 error"), "{}", said.summary);
}

#[tokio::test(start_paused = true)]
async fn every_end_has_a_last_line() {
    let options = Options {
        copy_time: Duration::from_hours(1),
        ..Options::default()
    };
    let sim = Sim::new(Scenario::two_accounts(), options);
    let copy = [
        ("AMI_ID", "{plain}"),
        ("TARGET_ACCOUNTS", B),
        ("KMS_KEY_ID", "alias/golden"),
        ("TIMEOUT", "1m"),
    ];
    let table: [(&[Input<'_>], Exit, &str); 4] = [
        (&[("AMI_ID", "x")], Exit::BadInput, "bad input, 2 problems"),
        (
            &[("AMI_ID", "{managed}"), ("TARGET_ACCOUNTS", B)],
            Exit::Refused,
            "the plan is refused by 1 finding: nothing was changed",
        ),
        (
            &[
                ("AMI_ID", "{golden}"),
                ("TARGET_ACCOUNTS", B),
                ("MODE", "revoke"),
            ],
            Exit::Done,
            "nothing to revoke",
        ),
        (&copy, Exit::Deadline, "the deadline passed: "),
    ];
    for (inputs, exit, text) in table {
        let said = run(&sim, inputs).await;
        assert_eq!(said.exit, exit, "{}", said.log);
        assert!(said.last().contains(text), "{}", said.last());
    }
}

/// Permission alone serves nobody.
#[tokio::test(start_paused = true)]
async fn targets_that_cannot_launch_are_counted_apart() {
    let sim = two_accounts();
    let region = "us-east-1".to_owned();
    sim.edit(|world| {
        let settings = &mut world.accounts.get_mut(B).unwrap().settings;
        let allowed = &mut settings.entry(region).or_default().allowed_images;
        allowed.state = Some("enabled");
        allowed.criteria = serde_json::from_value(json!([{ "providers": ["amazon"] }])).unwrap();
    });
    let inputs = [
        ("AMI_ID", "{golden}"),
        ("TARGET_ACCOUNTS", B),
        ("TARGET_ROLE", "consumer"),
        ("TARGET_EXTERNAL_ID", "example"),
        ("VERIFY", "permissions"),
    ];
    let said = run(&sim, &inputs).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.log);
    said.check_last("shared 1 image with 1 target in 1 Region; 1 target cannot launch. 1 error");
}
