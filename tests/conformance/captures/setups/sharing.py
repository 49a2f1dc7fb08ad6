"""Sharing of snapshots."""

from ..lab import SLOW, A, B, allow, deny, named
from ..table import Setup, session, setup


@setup("snap-share-001")
def pending_snapshot(_, lab):
    return Setup(region=SLOW, symbols={"snap": lab.snapshot(region=SLOW, wait=False)})


@setup("snap-share-002", "snap-share-003", "snap-share-009", "snap-share-010")
def own_snapshot(_, lab):
    snapshot = lab.snapshot()

    def after(_, answer):
        assert lab.snapshot_permissions(snapshot) == ([{"UserId": B}] if answer else [])

    return Setup(symbols={"snap": snapshot}, after=after)


@setup("snap-share-005", "snap-share-006", "snap-share-007", "snap-share-011", "snap-share-013")
def own_shared_snapshot(_, lab):
    snapshot = lab.snapshot()
    lab.share_snapshot(snapshot, B)

    def after(case, _):
        # AWS stores entries for groups. Entries for the owner and refused entries leave no trace.
        added = [item for item in case.params["CreateVolumePermission"]["Add"] if "Group" in item]
        assert lab.snapshot_permissions(snapshot) == [*added, {"UserId": B}]

    return Setup(symbols={"snap": snapshot}, after=after)


@setup("snap-share-014")
def public_snapshot(_, lab):
    snapshot = lab.snapshot()
    lab.share_snapshot(snapshot, B)
    permission = {"Add": [{"Group": "all"}]}
    lab.client("ec2").modify_snapshot_attribute(
        SnapshotId=snapshot, CreateVolumePermission=permission
    )

    def after(_, __):
        assert lab.snapshot_permissions(snapshot) == []

    return Setup(symbols={"snap": snapshot}, after=after)


@setup("snap-share-015", "snap-share-017", "snap-share-018")
def snapshot_under_the_default_key(_, lab):
    snapshot = lab.snapshot("alias/aws/ebs")

    def after(_, __):
        assert lab.snapshot_permissions(snapshot) == []

    return Setup(symbols={"snap": snapshot}, after=after)


@setup("snap-share-019")
def snapshot_under_an_own_key(_, lab):
    return Setup(symbols={"snap": lab.snapshot(lab.key())})


@setup("snap-share-021", "snap-share-022")
def snapshot_of_another(_, lab):
    return Setup(B, symbols={"snap": lab.snapshot()})


MODIFY = "ec2:ModifySnapshotAttribute"


@setup("snap-share-026", "snap-share-027")
def sharing_denied(case, lab):
    return Setup(keys=session(case, lab, A, deny(MODIFY)), symbols={"snap": lab.snapshot()})


@setup("snap-share-029", "snap-share-030", "snap-share-031")
def sharing_under_a_condition_that_fails(case, lab):
    key = {
        "snap-share-029": "ec2:Owner",
        "snap-share-030": "aws:ResourceAccount",
        "snap-share-031": "ec2:Remove/userId",
    }[case.id]
    policy = allow(MODIFY, **named("StringEquals", key, "333333333333"))
    return Setup(keys=session(case, lab, A, policy), symbols={"snap": lab.snapshot()})


@setup(
    "snap-batch-002",
    "snap-batch-003",
    "snap-batch-004",
    "snap-batch-006",
    "snap-batch-007",
    "snap-batch-008",
)
def sharing_with_named_accounts(case, lab):
    lists = {"owner-only": A, "member-only": B, "both": [A, B]}
    accounts = next(accounts for name, accounts in lists.items() if case.label.startswith(name))
    policy = allow(MODIFY, **named("StringEquals", "ec2:Add/userId", accounts))
    return Setup(keys=session(case, lab, A, policy), symbols={"snap": lab.snapshot()})


@setup("snap-data-015")
def too_many_names(_, lab):
    permission = {"Add": [{"UserId": A}] * 501}
    return Setup(symbols={"snap": lab.snapshot()}, instead={"CreateVolumePermission": permission})
