//! Locks of snapshots.

use super::support::*;

async fn lock(a: &Caller, snapshot: &str, mode: &str) {
    let parameters = [
        ("SnapshotId", snapshot),
        ("LockMode", mode),
        ("LockDuration", "1"),
    ];
    a.ec2("LockSnapshot", &parameters).await.unwrap();
}

async fn list_locked(caller: &Caller) -> Vec<String> {
    let answer = caller.ec2("DescribeLockedSnapshots", &[]).await.unwrap();
    let states = answer.all("lockState").into_iter();
    states.map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn rule_7_16_nobody_deletes_a_locked_snapshot() {
    for mode in ["governance", "compliance"] {
        let (a, b) = two_accounts();
        let image = a.image("plain");
        let snapshot = a.snapshots(&image).await.remove(0);
        lock(&a, &snapshot, mode).await;
        assert_eq!(list_locked(&a).await, [mode]);
        assert_eq!(list_locked(&b).await, [""; 0]);
        let parameters = [
            ("ImageId", image.as_str()),
            ("DeleteAssociatedSnapshots", "true"),
        ];
        let answer = a.ec2("DeregisterImage", &parameters).await.unwrap();
        assert!(answer.all("returnCode").contains(&"client-error"));
        let delete = [("SnapshotId", snapshot.as_str())];
        assert_code(a.ec2("DeleteSnapshot", &delete).await, "IncorrectState");
        if mode == "compliance" {
            assert_code(a.ec2("UnlockSnapshot", &delete).await, "IncorrectState");
            seconds(24 * 3600).await;
            assert_eq!(list_locked(&a).await, ["expired"]);
        } else {
            a.ec2("UnlockSnapshot", &delete).await.unwrap();
            assert_eq!(list_locked(&a).await, [""; 0]);
        }
        a.ec2("DeleteSnapshot", &delete).await.unwrap();
    }
}
