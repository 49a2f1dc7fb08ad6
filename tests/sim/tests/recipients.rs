//! Searches for what is shared with somebody.

use ami_share_sim::{OrganizationSpec, UnitSpec};

use super::support::*;

const ORGANIZATION: &str = "arn:aws:organizations::999999999999:organization/o-example123";
const THIRD: &str = "333333333333";

/// A and B are in one unit of an organization.
fn organized() -> (Caller, Caller) {
    let unit = "ou-ab12-22222222".to_owned();
    scenario(|scenario| {
        scenario.organization = Some(OrganizationSpec {
            id: "o-example123".to_owned(),
            management: "999999999999".to_owned(),
            root: "r-ab12".to_owned(),
            units: vec![UnitSpec {
                id: unit.clone(),
                parent: "r-ab12".to_owned(),
            }],
            accounts: [(A.to_owned(), unit.clone()), (B.to_owned(), unit)].into(),
            ..OrganizationSpec::default()
        });
    })
}

async fn search(caller: &Caller, action: &str, users: &[&str], found: &str) -> Vec<String> {
    let name = if action == "DescribeImages" {
        "ExecutableBy"
    } else {
        "RestorableBy"
    };
    let mut parameters = Vec::new();
    for (index, user) in users.iter().enumerate() {
        parameters.push((format!("{name}.{}", index + 1), (*user).to_owned()));
    }
    let parameters: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let answer = caller.ec2(action, &parameters).await.unwrap();
    let mut ids: Vec<String> = answer.all(found).into_iter().map(str::to_owned).collect();
    ids.sort();
    ids
}

#[tokio::test(start_paused = true)]
async fn rule_2_25_search_by_recipient_finds_images_that_name_it() {
    let (a, b) = organized();
    let (golden, plain, building) = (a.image("golden"), a.image("plain"), a.image("building"));
    seconds(10).await;
    a.share(&golden, B).await.unwrap();
    for (image, name, value) in [
        (&plain, "LaunchPermission.Add.1.Group", "all"),
        (
            &building,
            "LaunchPermission.Add.1.OrganizationArn",
            ORGANIZATION,
        ),
    ] {
        // An image under a key is shared with an organization like any other.
        a.ec2("ModifyImageAttribute", &[("ImageId", image), (name, value)])
            .await
            .unwrap();
    }
    let table: [(&Caller, &[&str], &[&String]); 9] = [
        (&a, &[B], &[&golden]),
        (&a, &[THIRD], &[]),
        (&a, &["all"], &[&plain]),
        (&a, &["self"], &[&building]),
        (&a, &[A], &[&building]),
        (
            &a,
            &[THIRD, B, "all", "self"],
            &[&golden, &plain, &building],
        ),
        (&b, &["self"], &[&golden, &building]),
        (&b, &[B], &[&golden, &building]),
        (&b, &[THIRD], &[]),
    ];
    for (caller, users, images) in table {
        let mut expected: Vec<String> = images.iter().map(|id| (*id).clone()).collect();
        expected.sort();
        let found = search(caller, "DescribeImages", users, "imageId").await;
        assert_eq!(found, expected, "{users:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_2_25_search_by_recipient_finds_snapshots_that_name_it() {
    let (a, b) = organized();
    let golden = a.snapshots(&a.image("golden")).await;
    let plain = a.snapshot_of("plain").await;
    for (snapshot, name, value) in [
        (&golden[0], "CreateVolumePermission.Add.1.UserId", B),
        (&golden[1], "CreateVolumePermission.Add.1.UserId", THIRD),
        (&plain, "CreateVolumePermission.Add.1.Group", "all"),
    ] {
        let parameters = [("SnapshotId", snapshot.as_str()), (name, value)];
        a.ec2("ModifySnapshotAttribute", &parameters).await.unwrap();
    }
    let own = search(&a, "DescribeSnapshots", &["self"], "snapshotId").await;
    assert!(own.len() > 3, "what it owns, shared or not");
    let table: [(&Caller, &[&str], &[&String]); 7] = [
        (&a, &[B], &[&golden[0]]),
        (&a, &[B, THIRD], &[&golden[0], &golden[1]]),
        (&a, &["all"], &[&plain]),
        (&a, &["444444444444"], &[]),
        (&b, &["self"], &[&golden[0]]),
        (&b, &[B], &[&golden[0]]),
        // Only the owner learns with whom else a snapshot is shared.
        (&b, &[THIRD], &[]),
    ];
    for (caller, users, snapshots) in table {
        let mut expected: Vec<String> = snapshots.iter().map(|id| (*id).clone()).collect();
        expected.sort();
        let found = search(caller, "DescribeSnapshots", users, "snapshotId").await;
        assert_eq!(found, expected, "{users:?}");
    }
}
