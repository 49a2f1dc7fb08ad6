"""Checks reports of real runs against the published JSON Schema."""

import json
import pathlib

import pytest
from conftest import B
from jsonschema import Draft202012Validator

SCHEMA = json.loads((pathlib.Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())
ORGANIZATION = "arn:aws:organizations::111111111111:organization/o-example123"
UNIT = "arn:aws:organizations::111111111111:ou/o-example123/ou-ab12-11111111"
EVERYTHING = {
    "INPUT_KMS_KEY_ID": "alias/golden",
    "INPUT_TAGS": "team=a",
    "INPUT_SHARE_SNAPSHOTS": "true",
    "INPUT_DEPRECATE_AT": "90d",
    "INPUT_DEREGISTRATION_PROTECTION": "true",
    "INPUT_PUBLISH_SSM_PARAMETER": "/images/{name}",
}
RUNS = {
    "share": [(0, {})],
    "plan": [(0, {"INPUT_DRY_RUN": "true"})],
    "already shared": [(0, {}), (0, {})],
    "revoke": [(0, {}), (0, {"INPUT_MODE": "revoke"})],
    "plan of unlisted": [
        (0, {}),
        (
            0,
            {
                "INPUT_DRY_RUN": "true",
                "INPUT_TARGET_ACCOUNTS": "333333333333",
                "INPUT_UNLISTED": "revoke",
            },
        ),
    ],
    "grants": [
        (0, {"INPUT_KEY_ACCESS": "grants"}),
        (0, {"INPUT_KEY_ACCESS": "grants", "INPUT_MODE": "revoke"}),
    ],
    "copies": [(0, EVERYTHING), (0, EVERYTHING | {"INPUT_DRY_RUN": "true"})],
    "copies removed": [
        (0, {"INPUT_KMS_KEY_ID": "alias/golden", "image": "plain"}),
        (0, {"INPUT_MODE": "revoke", "INPUT_REVOKE_COPIES": "true", "image": "plain"}),
    ],
    "organizations": [
        (
            0,
            {"INPUT_TARGET_ORGANIZATIONS": ORGANIZATION, "INPUT_TARGET_ORGANIZATIONAL_UNITS": UNIT},
        ),
        (
            0,
            {
                "INPUT_TARGET_ORGANIZATIONS": ORGANIZATION,
                "INPUT_TARGET_ORGANIZATIONAL_UNITS": UNIT,
                "INPUT_MODE": "revoke",
            },
        ),
    ],
    "in targets": [
        (
            0,
            {
                "INPUT_TARGET_ROLE": "consumer",
                "INPUT_TARGET_EXTERNAL_ID": "example",
                "INPUT_TARGET_KMS_KEY_ID": "alias/aws/ebs",
            },
        ),
        (
            0,
            {
                "INPUT_TARGET_ROLE": "consumer",
                "INPUT_TARGET_EXTERNAL_ID": "example",
                "INPUT_TAGS": "team=a",
                "INPUT_DRY_RUN": "true",
            },
        ),
    ],
    "refused": [(3, {"image": "managed"})],
    "no plan": [(1, {"INPUT_KMS_KEY_ID": "alias/none"})],
    "deadline": [
        (4, {"image": "plain", "INPUT_KMS_KEY_ID": "alias/golden", "INPUT_TIMEOUT": "500ms"})
    ],
}


def closed(schema):
    """Returns the schema with unknown members forbidden. The published one allows later members."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: closed(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        strict["unevaluatedProperties"] = False
    return strict


def strict():
    whole = closed(SCHEMA)
    # Each kind of step adds its name to the members of a definition.
    for step in whole["$defs"]["Step"]["oneOf"]:
        whole["$defs"][step["$ref"].rsplit("/", 1)[1]].pop("unevaluatedProperties", None)
    return Draft202012Validator(whole)


def test_schema_is_valid_and_refuses_wrong_reports():
    Draft202012Validator.check_schema(SCHEMA)
    validator = Draft202012Validator(SCHEMA)
    good = {"ended": "done", "version": 1, "changed": False}
    assert validator.is_valid(good)
    for bad in (
        {"version": 2},
        {"ended": "well"},
        {"changed": "no"},
        {"findings": [{"code": "none"}]},
    ):
        assert not validator.is_valid(good | bad)
    assert not strict().is_valid(good | {"more": 1})


@pytest.mark.parametrize("case", RUNS)
def test_reports_of_real_runs_follow_the_schema(stage, case):
    validator = strict()
    for status, inputs in RUNS[case]:
        inputs = dict(inputs)
        file = stage.folder / "report.json"
        image = stage.image(inputs.pop("image", "golden"))
        inputs = {
            "INPUT_AMI_ID": image,
            "INPUT_TARGET_ACCOUNTS": B,
            "INPUT_REPORT_PATH": str(file),
            **inputs,
        }
        run = stage.run(inputs)
        assert run.status == status, run.log
        # The output may be shortened, the file never.
        for report in (json.loads(file.read_text()), json.loads(run.outputs["report"])):
            errors = [
                f"{error.json_path}: {error.message}" for error in validator.iter_errors(report)
            ]
            assert errors == []
