"""Every recorded case in scope is replayed: its state set up, its call made, its answer compared."""

import pytest
from botocore.exceptions import ClientError

from captures.cases import LEFT_OUT, fill, load, same, within
from captures.lab import FAULTS, A, B, Lab
from captures.setups import SETUPS

CASES = load()
pytestmark = pytest.mark.skipif(
    not CASES, reason="the recorded cases are not part of the repository"
)
# Where sharing takes its time.
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
    replayed = {case.id for case in CASES if case.id in SETUPS}
    left_out = {case.id for case in CASES if case.service in LEFT_OUT}
    assert not replayed & left_out
    assert replayed | left_out == {case.id for case in CASES}
    assert SETUPS.keys() == replayed
    assert len(replayed) >= 140


def call(client, case, parameters):
    """What a call is answered with: status, code, message, and the answer itself."""
    name = "".join(
        f"_{letter.lower()}" if letter.isupper() else letter for letter in case.operation
    ).lstrip("_")
    try:
        answer = getattr(client, name)(**parameters)
    except ClientError as error:
        response = error.response
        found = response["Error"]
        return (
            response["ResponseMetadata"]["HTTPStatusCode"],
            found["Code"],
            found.get("Message", ""),
            None,
        )
    return answer["ResponseMetadata"]["HTTPStatusCode"], None, None, answer


@pytest.mark.parametrize("case", [case for case in CASES if case.id in SETUPS], ids=str)
def test_recorded(case, labs):
    lab = labs(case.id in LATE)
    setup = SETUPS[case.id](case, lab)
    symbols = {"acctA": A, "acctB": B, "region": setup.region} | setup.symbols
    if setup.trail:
        compare_trail(case, setup.trail(), symbols)
        return
    client = lab.client(case.service, setup.account, setup.region, setup.keys, setup.raw)
    parameters = setup.more | fill(case.params, symbols) | setup.instead
    status, code, message, answer = call(client, case, parameters)
    assert code == case.code, message
    # What the recording does not tell is not compared.
    if case.status is not None:
        assert status == case.status
    if case.message is not None:
        expected = fill(
            case.message, {name: value for name, value in symbols.items() if name != "role"}
        )
        assert same(expected, message, prose=case.evidence == "contract-summary")
    if case.response and answer is not None:
        assert within(case.response, answer, symbols), answer
    if setup.after:
        setup.after(case, answer)


def compare_trail(case, events, symbols):
    """EC2's own calls to KMS are no client's: they are found among the events that it left."""
    action = f"kms:{case.operation}"
    expected = fill(case.params, symbols)
    for event in (event for event in events if event["action"] == action):
        found = {
            key[:1].upper() + key[1:]: value for key, value in (event["parameters"] or {}).items()
        }
        fits = event["code"] == case.code and (
            case.code or within(expected, found | not_simulated(event), symbols)
        )
        if fits and (
            case.message is None
            or same(fill(case.message, without_role(symbols)), event["message"])
        ):
            return
    raise AssertionError([event for event in events if event["action"] == action])


def not_simulated(event):
    """What every event of this kind has in the recordings and is not simulated as a parameter."""
    return {"EncryptionAlgorithm": "SYMMETRIC_DEFAULT"} | (
        {"GrantId": "$any"} if "Retire" in event["action"] else {}
    )


def without_role(symbols):
    return {name: value for name, value in symbols.items() if name != "role"}
