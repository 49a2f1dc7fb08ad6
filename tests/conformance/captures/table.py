"""The table of set-ups: for each recorded case, what was there before the call, and who called."""

from dataclasses import dataclass, field

from .lab import A


@dataclass
class Setup:
    """Who calls, with what the case's symbols stand for."""

    account: str = A
    keys: dict | None = None
    region: str = "us-east-1"
    raw: bool = False
    symbols: dict = field(default_factory=dict)
    # Parameters that the case leaves out because they do not matter to it.
    more: dict = field(default_factory=dict)
    # Parameters that the case only describes.
    instead: dict = field(default_factory=dict)
    # Looks at what became of it, where the case says more than its answer; the answer is nothing where it was refused.
    after: object = None
    # For cases that are no call of a client's: the events that EC2 left behind.
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
    """Keys of a session that is called as the case calls it."""
    return lab.session(account, role, case.session_name, policy)
