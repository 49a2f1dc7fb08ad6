"""The table of set-ups: for each recorded case, the state before the call, and the caller.

Or the reason why it is left out.
"""

from dataclasses import dataclass, field

from .lab import A


@dataclass
class Setup:
    """The caller, and what the case's symbols stand for."""

    account: str = A
    keys: dict | None = None
    region: str = "us-east-1"
    raw: bool = False
    symbols: dict = field(default_factory=dict)
    # Parameters that the case leaves out because they do not matter to it.
    more: dict = field(default_factory=dict)
    # Parameters that the case only describes.
    instead: dict = field(default_factory=dict)
    # Checks the state after the call, if the case says more than its answer. After a refusal the
    # answer is None.
    after: object = None
    # Whether the recorded answer is a description, which only `after` can compare.
    described: bool = False
    # The service and the operation, of a case that leaves them open or says them in prose.
    service: str | None = None
    operation: str | None = None
    # Parameters that are no parameters of the operation.
    without: set = field(default_factory=set)
    # Returns EC2's own events, for cases that are no call of a client.
    trail: object = None


SETUPS = {}
# Setups that serve every case of an area that has none of its own.
SETUPS_OF_AREAS = {}
# Cases that are not replayed, and why; below, whole areas and services.
LEFT_OUT = {}
KINDS_LEFT_OUT = {}


def setup(*cases):
    def register(function):
        for case in cases:
            assert case not in SETUPS, case
            SETUPS[case] = function
        return function

    return register


def setup_area(area):
    """Registers a setup for every case of an area without its own: `sts` has `sts-001`."""

    def register(function):
        SETUPS_OF_AREAS[area] = function
        return function

    return register


def setup_of(case):
    """Returns the setup of a case, or None if it has none or is left out."""
    if case.id in LEFT_OUT:
        return None
    return SETUPS.get(case.id) or SETUPS_OF_AREAS.get(case.area)


def leave_out(reason, *cases):
    """Leaves these cases out."""
    for case in cases:
        assert case not in LEFT_OUT, case
        LEFT_OUT[case] = reason


def leave_out_area(area, reason):
    """Leaves out what has no setup in an area: `sts` has `sts-001`, and so on."""
    KINDS_LEFT_OUT["area", area] = reason


def leave_out_service(service, reason):
    """Leaves out every call of a service that has no setup."""
    KINDS_LEFT_OUT["service", service] = reason


def why_left_out(case):
    """Returns the reason why a case is not replayed, or None."""
    kinds = [("service", case.service), ("area", case.area)]
    reasons = [LEFT_OUT.get(case.id), *map(KINDS_LEFT_OUT.get, kinds)]
    return next(filter(None, reasons), None)


def session(case, lab, account, policy=None, role="administrator"):
    """Assumes a role under the session name of the case, and returns the keys."""
    return lab.session(account, role, case.session_name, policy)
