"""Refusals as a user of the binary sees them."""

import pytest
from conftest import B


def test_bad_inputs_are_all_reported_without_a_call_to_aws(stage):
    run = stage.run(
        {
            "INPUT_AMI-ID": "ami-nope",
            "INPUT_TARGET-ACCOUNTS": "*",
            "INPUT_TIMEOUT": "soon",
            "INPUT_TAGS": "x",
        }
    )
    assert run.status == 2
    errors = [line for line in run.log.splitlines() if line.startswith("::error ")]
    assert sorted(line.split("title=")[1].split("::")[0] for line in errors) == [
        "ami-id",
        "tags",
        "target-accounts",
        "timeout",
    ]
    assert stage.journal() == []


@pytest.mark.parametrize(
    ("inputs", "status", "code"),
    [
        ({"INPUT_AMI-ID": "managed"}, 3, "key.aws-managed"),
        ({"INPUT_AMI-ID": "golden", "INPUT_ALLOWED-ACCOUNT-IDS": B}, 3, "account.not-allowed"),
        (
            {"INPUT_AMI-ID": "golden", "INPUT_REQUIRE-IMAGE-TAGS": "release=yes"},
            3,
            "image.tag-missing",
        ),
        ({"INPUT_AMI-ID": "ami-1a2b3c4d"}, 1, "image.not-found"),
        ({"INPUT_AMI-ID": "golden", "INPUT_KMS-KEY-ID": "alias/none"}, 1, "key.not-found"),
        ({"INPUT_AMI-ID": "building", "INPUT_TIMEOUT": "1ms"}, 4, "deadline"),
    ],
)
def test_refusal_has_its_exit_status_and_code(stage, inputs, status, code):
    inputs = {**inputs, "INPUT_TARGET-ACCOUNTS": B}
    inputs["INPUT_AMI-ID"] = stage.ready["images"].get(
        inputs["INPUT_AMI-ID"], inputs["INPUT_AMI-ID"]
    )
    for github in (True, False):
        run = stage.run(inputs, github=github)
        assert run.status == status, run.log
        assert (f"::error title={code}::" if github else f"error: {code}: ") in run.log
    assert stage.changes() == []


def test_role_without_permission_is_told_what_it_lacks(stage):
    keys = stage.assume(B, "launcher")
    run = stage.run(
        {"INPUT_AMI-ID": stage.image("golden"), "INPUT_TARGET-ACCOUNTS": "333333333333"}, keys
    )
    assert run.status == 1
    assert "role `launcher` of account 222222222222 may not perform ec2:DescribeImages" in run.log
    assert "in an identity policy of" in run.log
