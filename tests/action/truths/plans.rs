//! Plans, of dry runs and of runs that a finding refuses.

use super::*;

#[tokio::test(start_paused = true)]
async fn plan_with_errors_or_pending_images_is_not_without_changes() {
    let sim = two_accounts();
    let share = [("TARGET_ACCOUNTS", B), ("DRY_RUN", "true")];
    let pending = run(
        &sim,
        &[share.as_slice(), &[("AMI_ID", "{building}")]].concat(),
    )
    .await;
    assert!(
        !pending.last().contains("already shared"),
        "{}",
        pending.last()
    );
    assert_eq!(pending.changed, "true", "{}", pending.log);

    let unknown = [("AMI_ID", "{golden} ami-ffffffff")];
    let failed = run(&sim, &[share.as_slice(), &unknown].concat()).await;
    assert_eq!(
        (failed.exit, failed.changed.as_str()),
        (Exit::Failed, "true")
    );
    assert!(failed.last().contains("1 error"), "{}", failed.last());
    assert!(
        !failed.last().contains("no changes, already"),
        "{}",
        failed.last()
    );
}

#[tokio::test(start_paused = true)]
async fn short_settle_is_warned_of_where_a_key_policy_is_written() {
    let sim = two_accounts();
    let short = [
        ("AMI_ID", "{golden}"),
        ("TARGET_ACCOUNTS", B),
        ("SETTLE", "1s"),
    ];
    let table: [(&[Input<'_>], bool); 5] = [
        (&[("MODE", "verify")], false),
        (&[("KEY_ACCESS", "grants"), ("DRY_RUN", "true")], false),
        (&[("DRY_RUN", "true")], true),
        (&[], true),
        // Everything is there by now.
        (&[], false),
    ];
    for (more, is_warned) in table {
        let said = run(&sim, &[short.as_slice(), more].concat()).await;
        let is_said = said.log.contains("timing.settle-short");
        assert_eq!(is_said, is_warned, "{more:?}: {}", said.log);
    }
}

/// A step of a plan says what is to be brought about, and not that it is so.
#[tokio::test(start_paused = true)]
async fn plan_tells_no_change_as_a_fact() {
    let sim = two_accounts();
    let inputs = [
        ("AMI_ID", "{golden}"),
        ("TARGET_ACCOUNTS", B),
        ("PUBLISH_SSM_PARAMETER", "/golden/{name}"),
        ("DEPRECATE_AT", "2030-12-31"),
        ("DEREGISTRATION_PROTECTION", "true"),
        ("WATERMARK", "approved"),
        ("SHARE_TAGS", "all"),
    ];
    let dry_run = [inputs.as_slice(), &[("DRY_RUN", "true")]].concat();
    for (runs, sign) in [(&inputs[..0], '~'), (&inputs[..], '=')] {
        if !runs.is_empty() {
            assert_eq!(run(&sim, runs).await.exit, Exit::Done);
        }
        let said = run(&sim, &dry_run).await;
        let mut told = 0;
        for line in said.log.lines().filter_map(|line| line.strip_prefix("  ")) {
            if !line.starts_with(['+', '~', '-', '=']) {
                continue;
            }
            told += usize::from(line.starts_with(sign));
            for fact in [
                " is ", " are ", " will ", " has ", " have ", " names ", " now",
            ] {
                assert!(!line.contains(fact), "{line}");
            }
            assert_eq!(
                line.starts_with('='),
                line.ends_with("already there"),
                "{line}"
            );
        }
        assert!(told >= 5, "{}", said.log);
    }
}

#[tokio::test(start_paused = true)]
async fn refused_plan_says_so_before_its_steps() {
    let sim = two_accounts();
    let inputs = [("AMI_ID", "{managed}"), ("TARGET_ACCOUNTS", B)];
    for dry_run in ["true", "false"] {
        let said = run(&sim, &[inputs.as_slice(), &[("DRY_RUN", dry_run)]].concat()).await;
        let first = said.log.lines().next().unwrap();
        assert!(
            first.ends_with(", refused: none of this is done"),
            "{first}"
        );
    }
}
