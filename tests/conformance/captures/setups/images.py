"""Images: registered, shared, described and deregistered."""

from ..cases import fill
from ..lab import A, B, allow, deny
from ..table import Setup, session, setup


@setup("img-share-001", "img-ctl-001", "img-ctl-012", "img-ctl-013", "img-ctl-014", "img-ref-008")
def register(_, lab):
    snapshot = lab.snapshot()
    more = {"Name": lab.unique("image"), "Architecture": "x86_64", "RootDeviceName": "/dev/sda1"}

    def after(_, answer):
        if answer is None:
            return
        shown = lab.client("ec2").describe_images(ImageIds=[answer["ImageId"]])["Images"][0]
        assert (shown["State"], shown["Public"]) == ("available", False)
        volume = {"SnapshotId": snapshot, "VolumeSize": 1, "VolumeType": "gp2", "Encrypted": False}
        assert shown["BlockDeviceMappings"][0]["Ebs"] == volume | {"DeleteOnTermination": True}
        assert not shown.keys() & {"BootMode", "ImdsSupport"}

    return Setup(
        symbols={"snap": snapshot, "name": lab.unique("image"), "v": "suite"},
        more=more,
        after=after,
    )


@setup("img-ref-009")
def register_two(_, lab):
    more = {"Name": lab.unique("image"), "Architecture": "x86_64"}
    return Setup(symbols={"snap": lab.snapshot(), "snap2": lab.snapshot()}, more=more)


@setup("img-ref-005")
def register_shared(_, lab):
    snapshot = lab.snapshot()
    lab.share_snapshot(snapshot, B)
    return Setup(B, symbols={"snap": snapshot, "name": lab.unique("image")})


@setup("img-ctl-017", "img-ctl-018", "img-ctl-020")
def register_limited(case, lab):
    snapshot = lab.snapshot()
    image, of_snapshot = (
        "arn:aws:ec2:us-east-1::image/*",
        f"arn:aws:ec2:us-east-1::snapshot/{snapshot}",
    )
    policy = {
        "img-ctl-017": allow("ec2:RegisterImage", image),
        "img-ctl-018": allow("ec2:RegisterImage", of_snapshot),
        "img-ctl-020": deny("ec2:DescribeSnapshots"),
    }[case.id]
    more = {"RootDeviceName": "/dev/sda1"}
    symbols = {"snap": snapshot, "name": lab.unique("image")}
    return Setup(keys=session(case, lab, A, policy), symbols=symbols, more=more)


def an_image(lab, *shared_with):
    image = lab.image(lab.snapshot())
    if shared_with:
        lab.share_image(image, *shared_with)
    return image


@setup(
    "img-share-003",
    "img-share-014",
    "img-ctl-002",
    "img-ctl-004",
    "img-ctl-005",
    "img-ctl-006",
    "img-ctl-008",
    "img-ctl-009",
    "img-ctl-010",
)
def own_image(_, lab):
    image = an_image(lab)

    def after(case, answer):
        shown = lab.client("ec2").describe_images(ImageIds=[image])["Images"]
        if case.operation == "DeregisterImage":
            assert shown == []
            return
        # A refused call has no effect.
        assert shown[0]["Description"] == "owned sharing evidence" and "ImdsSupport" not in shown[0]
        asked = case.params.get("LaunchPermission", {}).get("Add", [])
        assert lab.image_permissions(image) == fill(asked, {"acctA": A})

    return Setup(symbols={"ami": image}, after=after)


@setup("img-share-002")
def private_image(_, lab):
    return Setup(B, symbols={"ami": an_image(lab)})


@setup("img-share-006", "img-share-007")
def shared_image(_, lab):
    snapshot = lab.snapshot()
    image = lab.image(snapshot)
    lab.share_image(image, B)
    shown = lab.client("ec2").describe_images(ImageIds=[image])["Images"][0]
    return Setup(B, symbols={"ami": image, "snap": snapshot, "name": shown["Name"]})


@setup("img-share-005", "img-share-009", "img-share-010", "img-share-011")
def image_shared_with_both(_, lab):
    image = an_image(lab, A, B)
    lab.client("ec2").create_tags(Resources=[image], Tags=[{"Key": "suite", "Value": "v"}])
    return Setup(symbols={"ami": image, "v": "v"})


@setup("img-share-013")
def image_that_was_shared(_, lab):
    image = an_image(lab, B)
    lab.client("ec2").reset_image_attribute(ImageId=image, Attribute="launchPermission")
    return Setup(B, symbols={"ami": image})


@setup("img-share-015")
def deleted_snapshot(_, lab):
    snapshot = lab.snapshot()
    lab.client("ec2").delete_snapshot(SnapshotId=snapshot)
    return Setup(symbols={"snap": snapshot})


@setup("img-share-017", "img-ctl-016")
def nothing(_, __):
    return Setup()


@setup("img-ctl-021", "img-ctl-022")
def snapshot_of_two_images(_, lab):
    snapshot = lab.snapshot()
    first, second = lab.image(snapshot), lab.image(snapshot)
    return Setup(symbols={"snap": snapshot, "ami": first, "ami2": second})


@setup("img-ctl-024")
def dead_image(_, lab):
    image = an_image(lab)
    lab.client("ec2").deregister_image(ImageId=image)
    return Setup(symbols={"ami": image})


@setup("img-ref-001", "img-ref-002", "img-ref-006")
def root_of_an_image(_, lab):
    snapshot = lab.snapshot()
    lab.share_snapshot(snapshot, B)

    def after(_, __):
        assert lab.snapshot_permissions(snapshot) == [{"UserId": B}]

    return Setup(symbols={"snap": snapshot, "ami": lab.image(snapshot)}, after=after)


@setup("img-ref-010")
def data_of_an_image(_, lab):
    snapshot = lab.snapshot()
    lab.image(lab.snapshot(), snapshot)
    return Setup(symbols={"snap": snapshot})


@setup(
    "img-ref-004",
    "snap-data-002",
    "snap-data-003",
    "snap-data-012",
    "snap-share-023",
    "snap-share-025",
)
def shared_snapshot(case, lab):
    snapshot = lab.snapshot(Description="evidence")
    lab.share_snapshot(snapshot, B)
    return Setup(B, symbols={"snap": snapshot, "desc": "evidence"})


@setup("snap-data-004")
def shared_encrypted_snapshot(_, lab):
    key = lab.key()
    snapshot = lab.snapshot(key)
    lab.share_snapshot(snapshot, B)
    return Setup(B, symbols={"snap": snapshot, "key": key.split("/")[1]})


@setup("snap-data-014")
def snapshot_that_was_shared(_, lab):
    snapshot = lab.snapshot()
    lab.share_snapshot(snapshot, B)
    lab.client("ec2").reset_snapshot_attribute(
        SnapshotId=snapshot, Attribute="createVolumePermission"
    )
    return Setup(B, symbols={"snap": snapshot})
