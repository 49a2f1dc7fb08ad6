"""Replays every recorded case in scope: sets up its state, makes its call, compares the answer."""

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

import captures.setups  # noqa: F401  # Fills the table.
from captures.cases import fill, load, same, within
from captures.lab import FAULTS, A, B, Lab
from captures.table import LEFT_OUT, SETUPS, setup_of, why_left_out

CASES = load()
pytestmark = pytest.mark.skipif(
    not CASES, reason="the recorded cases are not part of the repository"
)
# Cases in which sharing is delayed.
LATE = {"snap-data-003"}


@pytest.fixture(scope="session")
def labs(tmp_path_factory):
    made = {}

    def lab(late):
        if late not in made:
            faults = FAULTS | ({"delays": {"sharing": 3600}} if late else {})
            made[late] = Lab(tmp_path_factory.mktemp("lab"), faults)
        return made[late]

    yield lab
    for one in made.values():
        one.close()


def test_every_case_is_replayed_or_left_out_with_a_reason():
    replayed = {case.id for case in CASES if setup_of(case)}
    left_out = {case.id for case in CASES if not setup_of(case) and why_left_out(case)}
    assert replayed | left_out == {case.id for case in CASES}
    assert SETUPS.keys() <= replayed
    assert LEFT_OUT.keys() == left_out & LEFT_OUT.keys()
    assert len(replayed) >= 140


def call(client, operation, parameters):
    """Makes a call and returns its status, error code, error message and answer."""
    name = xform_name(operation)
    try:
        answer = getattr(client, name)(**parameters)
    except ClientError as error:
        response = error.response
        status = response["ResponseMetadata"]["HTTPStatusCode"]
        return status, response["Error"]["Code"], response["Error"].get("Message", ""), None
    return answer["ResponseMetadata"]["HTTPStatusCode"], None, None, answer


@pytest.mark.parametrize("case", [*filter(setup_of, CASES)], ids=str)
def test_recorded(case, labs):
    lab = labs(case.id in LATE)
    setup = setup_of(case)(case, lab)
    symbols = {"acctA": A, "acctB": B, "region": setup.region} | setup.symbols
    if setup.trail:
        compare_trail(case, setup.trail(), symbols)
        return
    service = setup.service or case.service
    client = lab.client(service, setup.account, setup.region, setup.keys, setup.raw)
    parameters = setup.more | fill(case.params, symbols) | setup.instead
    for name in setup.without:
        del parameters[name]
    status, code, message, answer = call(client, setup.operation or case.operation, parameters)
    assert code == case.code, message
    # Compares only what the recording has.
    if case.status is not None:
        assert status == case.status
    if case.message is not None:
        expected = fill(case.message, without_role(symbols))
        assert same(expected, message, prose=case.evidence == "contract-summary")
    if case.response and answer is not None and not setup.described:
        assert within(case.response, answer, symbols), answer
    if setup.after:
        setup.after(case, answer)


def compare_trail(case, events, symbols):
    """Finds a call that EC2 made to KMS among the events, because no client sees its answer."""
    action = f"kms:{case.operation}"
    expected = fill(case.params, symbols)
    calls = [event for event in events if event["action"] == action]
    for event in calls:
        parameters = not_simulated(event)
        for key, value in (event["parameters"] or {}).items():
            parameters.setdefault(key[:1].upper() + key[1:], value)
        if event["code"] != case.code:
            continue
        if not case.code and not within(expected, parameters, symbols):
            continue
        message = case.message and fill(case.message, without_role(symbols))
        if message is None or same(message, event["message"]):
            return
    raise AssertionError(calls)


def not_simulated(event):
    """Returns parameters that these events have in the recordings but not in the simulation."""
    return {"EncryptionAlgorithm": "SYMMETRIC_DEFAULT"} | (
        {"GrantId": "$any"} if "Retire" in event["action"] else {}
    )


def without_role(symbols):
    return {name: value for name, value in symbols.items() if name != "role"}
