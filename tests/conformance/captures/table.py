"""The table of set-ups: for each recorded case, the state before the call, and the caller."""

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
    # Returns EC2's own events, for cases that are no call of a client.
    trail: object = None


SETUPS = {}


def setup(*cases):
    def register(function):
        for case in cases:
            assert case not in SETUPS, case
            SETUPS[case] = function
        return function

    return register


def session(case, lab, account, policy=None, role="administrator"):
    """Assumes a role under the session name of the case, and returns the keys."""
    return lab.session(account, role, case.session_name, policy)
