"""Launches."""

from ..lab import A, deny
from ..table import Setup, session, setup

ON_LAUNCH = {
    "run-enc-003": "kms:CreateGrant",
    "run-enc-004": "kms:CreateGrant",
    "run-enc-006": "kms:GenerateDataKeyWithoutPlaintext",
    "run-enc-007": "kms:Decrypt",
    "run-enc-008": "kms:Decrypt",
    "run-enc-012": "kms:CreateGrant",
}


def launch(case, lab):
    policy = deny(ON_LAUNCH[case.id]) if case.id in ON_LAUNCH else None
    symbols = {"ami": lab.ready["images"]["public"], "key": lab.key().split("/")[1]}
    return symbols, session(case, lab, A, policy)


@setup("run-enc-002", "run-enc-003", "run-enc-004", "run-enc-006", "run-enc-007", "run-enc-008")
def run(case, lab):
    symbols, keys = launch(case, lab)

    def after(_, answer):
        shown = lab.client("ec2").describe_instances(
            InstanceIds=[answer["Instances"][0]["InstanceId"]]
        )
        instance = shown["Reservations"][0]["Instances"][0]
        runs = "boots" in case.then
        assert instance["State"]["Name"] == ("running" if runs else "terminated")
        if not runs:
            reason = "Client.InvalidKMSKey.InvalidState"
            message = f"{reason}: The KMS key provided is in an incorrect state"
            assert instance["StateReason"] == {"Code": reason, "Message": message}
            assert instance["StateTransitionReason"] == "Client.InternalError"
            key = f"arn:aws:kms:us-east-1:{A}:key/{symbols['key']}"
            assert lab.client("kms").list_grants(KeyId=key)["Grants"] == []

    return Setup(A, keys, symbols=symbols, after=after if case.status == 200 else None)


@setup("run-enc-010", "run-enc-011", "run-enc-012")
def events_of_a_launch(case, lab):
    symbols, keys = launch(case, lab)
    before = len(lab.state()["trail"])
    key = f"arn:aws:kms:us-east-1:{A}:key/{symbols['key']}"
    ebs = {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "KmsKeyId": key}}
    ec2 = lab.client("ec2", keys=keys)
    made = ec2.run_instances(
        ImageId=symbols["ami"], MinCount=1, MaxCount=1, BlockDeviceMappings=[ebs]
    )
    symbols["instance"] = made["Instances"][0]["InstanceId"]
    state = lab.state()["instances"][symbols["instance"]]
    symbols["volume"] = state["volumes"][0]["id"] if state["volumes"] else ""
    return Setup(symbols=symbols, trail=lambda: lab.events(before, symbols["key"]))
