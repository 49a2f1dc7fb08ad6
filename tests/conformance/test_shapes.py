"""Checks names and forms of answers against botocore's models and real answers of AWS."""

import json
import pathlib
import re

import boto3
import botocore.parsers
import botocore.session
import pytest

from captures.lab import FAULTS, Lab
from shapes import forms, problems
from tour import STOPS

CORPUS = pathlib.Path(__file__).resolve().parents[3] / "shared/corpus/aws-responses"
SOURCES = pathlib.Path(__file__).resolve().parents[1] / "sim/src/services"


# Where recordings of AWS contradict the model.
RECORDED_OTHERWISE = {
    "GetRole/Role/PermissionsBoundary/PermissionsBoundaryType: 'Policy' is none of "
    "['PermissionsBoundaryPolicy']",
    "SimulatePrincipalPolicy/EvaluationResults/member/MatchedStatements/member/SourcePolicyType: "
    "'IAM Policy' is none of ['user', 'group', 'role', 'aws-managed', 'user-managed', 'resource', "
    "'none']",
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Collects every answer of the tour: the operation's model, the bytes, the parsed answer."""
    seen = []
    lab = Lab(tmp_path_factory.mktemp("tour"), FAULTS)
    plain = lab.client

    def client(*arguments, **more):
        made = plain(*arguments, **more)

        def before(operation_model, response_dict, **_):
            if response_dict["status_code"] < 400:
                seen.append([operation_model, response_dict["body"], None])

        def after(http_response, parsed, **_):
            if http_response.status_code < 400:
                seen[-1][2] = parsed

        made.meta.events.register("before-parse", before)
        made.meta.events.register("after-call", after)
        return made

    lab.client = client
    try:
        for stop in STOPS:
            stop(lab)
    finally:
        lab.close()
    return seen


def test_tour_visits_every_simulated_operation(answers):
    text = "\n".join(file.read_text() for file in SOURCES.rglob("*.rs"))
    # The routers' match arms: names of AWS's operations in quotes, before an arrow.
    arms = re.findall(r'((?:"[A-Z]\w+"(?:\s*\|\s*)?)+)\s*=>', text)
    models = botocore.session.get_session()
    operations = set()
    for service in ["autoscaling", "ec2", "kms", "iam", "organizations", "ssm", "sts"]:
        operations.update(models.get_service_model(service).operation_names)
    known = {name for arm in arms for name in re.findall(r"\w+", arm)} & operations
    visited = {model.name for model, _, _ in answers}
    assert len(known) > 80
    assert known == visited, known ^ visited


def test_answers_fit_their_service_models(answers):
    wrong = {
        f"{model.name}{problem}" for model, body, _ in answers for problem in problems(model, body)
    }
    assert wrong == RECORDED_OTHERWISE


def test_check_against_models_reports_problems():
    model = (
        botocore.session.get_session().get_service_model("ec2").operation_model("DescribeImages")
    )
    head, tail = (
        '<DescribeImagesResponse xmlns="x"><requestId>1</requestId><imagesSet>',
        "</imagesSet></DescribeImagesResponse>",
    )
    table = {
        "<item><imageId>ami-1</imageId></item>": [],
        "<item><ImageId>ami-1</ImageId></item>": ["/imagesSet/item/ImageId"],
        "<member/>": ["/imagesSet/member is not item"],
        "<item><isPublic>yes</isPublic></item>": ["/imagesSet/item/isPublic: 'yes' is no boolean"],
        "<item><imageState><x/></imageState></item>": ["/imagesSet/item/imageState has children"],
    }
    for inside, expected in table.items():
        assert problems(model, head + inside + tail) == expected
    reported = problems(model, head + "<item><imageState>ready</imageState></item>" + tail)
    assert reported and reported[0].startswith("/imagesSet/item/imageState: 'ready' is none of")


@pytest.mark.skipif(not CORPUS.exists(), reason="the answers of AWS are not part of the repository")
def test_answers_have_the_names_and_forms_of_real_answers(answers):
    real = {}
    for file in sorted(CORPUS.iterdir()):
        for operation, parsed in real_answers(file):
            for path, form in forms(parsed):
                real.setdefault(operation, {}).setdefault(path, set()).add(form)
    ours = {}
    for model, _, parsed in answers:
        for path, form in forms(parsed or {}):
            ours.setdefault(model.name, {}).setdefault(path, set()).add(form)
    compared, wrong = 0, []
    for operation in real.keys() & ours.keys():
        by_lower = {path.lower(): path for path in real[operation]}
        for path, form in ours[operation].items():
            theirs = by_lower.get(path.lower())
            if theirs is not None:
                compared += 1
                if theirs != path or form != real[operation][path]:
                    wrong.append((operation, path, form, theirs, real[operation][theirs]))
    assert wrong == []
    print(f"{compared} names of {len(real.keys() & ours.keys())} operations")
    assert real.keys() <= ours.keys()
    assert compared > 100


def real_answers(file):
    """Yields a corpus file's operation and parsed answer; nothing for errors and lists."""
    named = re.search(
        r"(copy-image|copy-snapshot|create-image|deregister-image|describe-images|"
        r"describe-image-attribute|describe-snapshots|describe-snapshot-attribute|"
        r"delete-snapshot|modify-image-attribute|modify-snapshot-attribute|register-image|"
        r"reset-image-attribute|describe-key|get-key-policy|list-grants|create-grant|"
        r"put-key-policy)",
        re.sub(r"(?<=[a-z])(?=[A-Z])", "-", file.name).lower(),
    )
    if "error" in file.name or named is None or file.suffix not in (".json", ".xml"):
        return
    operation = "".join(part.capitalize() for part in named[1].split("-"))
    if file.suffix == ".json":
        content = json.loads(file.read_text())
        yield operation, content.get("data", content)
        return
    model = botocore.session.get_session().get_service_model("ec2").operation_model(operation)
    # Some samples have a pattern instead of a time.
    body = (
        file.read_bytes().strip().replace(b"YYYY-MM-DDTHH:MM:SS.SSSZ", b"2026-01-01T00:00:00.000Z")
    )
    response = {"status_code": 200, "headers": {}, "body": body}
    yield operation, botocore.parsers.create_parser("ec2").parse(response, model.output_shape)


def test_errors_have_the_form_that_clients_parse(tmp_path):
    lab = Lab(tmp_path, FAULTS)
    try:
        table = {
            "ec2": ("deregister_image", {"ImageId": "ami-1a2b3c4d"}, "InvalidAMIID.NotFound"),
            "kms": ("describe_key", {"KeyId": "alias/none"}, "NotFoundException"),
            "sts": (
                "assume_role",
                {"RoleArn": "arn:aws:iam::1:role/x", "RoleSessionName": "ab"},
                "AccessDenied",
            ),
            "iam": ("get_role", {"RoleName": "none"}, "NoSuchEntity"),
            "organizations": (
                "list_accounts_for_parent",
                {"ParentId": "ou-ab12-99999999"},
                "ParentNotFoundException",
            ),
            "ssm": ("get_parameter", {"Name": "none"}, "ParameterNotFound"),
            "autoscaling": (
                "delete_auto_scaling_group",
                {"AutoScalingGroupName": "none"},
                "ValidationError",
            ),
        }
        for service, (operation, parameters, code) in table.items():
            client = lab.client(service)
            with pytest.raises(boto3.exceptions.botocore.exceptions.ClientError) as caught:
                getattr(client, operation)(**parameters)
            assert caught.value.response["Error"]["Code"] == code
            assert re.fullmatch(
                r"[0-9a-f-]{36}", caught.value.response["ResponseMetadata"]["RequestId"]
            )
    finally:
        lab.close()
