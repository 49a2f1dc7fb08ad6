"""The recorded cases, and the comparison of an answer with one."""

import json
import pathlib
import re

FILE = pathlib.Path(__file__).resolve().parents[4] / "shared/corpus/captures/cases.jsonl"
# The EBS direct APIs read and write the blocks of snapshots; the simulated AWS has no blocks.
LEFT_OUT = {"ebs": "the EBS direct APIs are not simulated: snapshots have no data here"}


class Case:
    """One recorded case."""

    def __init__(self, line):
        self.__dict__.update(json.loads(line))
        self.terminal = self.__dict__.get("terminal") or {}
        found = re.search(r"assumed-role/\$(?:role|delegator)/([\w-]+) ", self.message or "")
        self.session_name = found[1] if found else "session"

    def __str__(self):
        return self.id


def load():
    return [Case(line) for line in FILE.read_text().splitlines()] if FILE.exists() else []


def fill(value, symbols):
    """A value with its symbols replaced; names of an account's own stand before shorter ones."""
    if isinstance(value, dict):
        return {key: fill(of, symbols) for key, of in value.items()}
    if isinstance(value, list):
        return [fill(of, symbols) for of in value]
    if isinstance(value, str):
        for name in sorted(symbols, key=len, reverse=True):
            value = value.replace(f"${name}", str(symbols[name]))
    return value


def same(recorded, answered, prose=False):
    """Whether a message is the recorded one; what is encoded, and who is not known before, may be anything.

    A case that was taken from a summary in prose has its message without the full stop that ended the sentence.
    """
    if prose:
        recorded, answered = recorded.rstrip("."), answered.rstrip(".")
    pattern = re.escape(recorded)
    for name in ("encoded", "role", "session"):
        pattern = pattern.replace(rf"\${name}", r"[^ ]+")
    return re.fullmatch(pattern, answered, re.DOTALL) is not None


def within(recorded, answered, symbols):
    """Whether everything recorded is in an answer; symbols that are new there stand for what they find."""
    if isinstance(recorded, dict):
        return isinstance(answered, dict) and all(
            key in answered and within(value, answered[key], symbols)
            for key, value in recorded.items()
        )
    if isinstance(recorded, list):
        return len(recorded) == len(answered) and all(
            within(one, other, symbols) for one, other in zip(recorded, answered, strict=True)
        )
    filled = fill(recorded, symbols)
    return filled == answered or (
        isinstance(filled, str) and re.fullmatch(r"\$\w+", filled) is not None
    )
