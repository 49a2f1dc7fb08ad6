"""Loads the recorded cases and compares answers with them."""

import json
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[4] / "shared/corpus/captures"
TABLES = ["cases.jsonl", "cases-2.jsonl"]


class Case:
    """One recorded case."""

    def __init__(self, line):
        self.__dict__.update(json.loads(line))
        self.area = self.id.rsplit("-", 1)[0]
        self.terminal = self.__dict__.get("terminal") or {}
        match = re.search(r"assumed-role/\$(?:role|delegator)/([\w-]+) ", self.message or "")
        self.session_name = match[1] if match else "session"

    def __str__(self):
        return self.id


def load():
    """Loads the tables that are there."""
    files = [FOLDER / table for table in TABLES]
    return [Case(line) for file in files if file.exists() for line in file.read_text().splitlines()]


def fill(value, symbols):
    """Replaces the symbols in a value; unknown ones stay."""
    if isinstance(value, dict):
        return {key: fill(of, symbols) for key, of in value.items()}
    if isinstance(value, list):
        return [fill(of, symbols) for of in value]
    if isinstance(value, str):
        return re.sub(r"\$(\w+)", lambda found: symbol(found[1], symbols), value)
    return value


def symbol(name, symbols):
    """Returns what a symbol stands for. A policy's name may follow, as in `$user_UserInline`."""
    for known in [name, *(name[: at.start()] for at in re.finditer("_(?=[A-Z])", name))]:
        if known in symbols:
            return f"{symbols[known]}{name[len(known) :]}"
    return f"${name}"


def same(recorded, answered, prose=False):
    """Tells whether a message is the recorded one.

    Encoded parts and principals that are not known in advance match anything. A case from a summary
    in prose has a message without its final full stop.
    """
    if prose:
        recorded, answered = recorded.rstrip("."), answered.rstrip(".")
    pattern = re.escape(recorded)
    for name in ("encoded", "rcp", "role", "session"):
        pattern = pattern.replace(rf"\${name}", r"[^ ]+")
    return re.fullmatch(pattern, answered, re.DOTALL) is not None


def within(recorded, answered, symbols):
    """Tells whether an answer has everything recorded. A new symbol matches any value."""
    if isinstance(recorded, dict) and isinstance(answered, str):
        # A document inside an answer is text.
        answered = json.loads(answered)
    if isinstance(recorded, dict):
        return isinstance(answered, dict) and all(
            key in answered and within(value, answered[key], symbols)
            for key, value in recorded.items()
        )
    if isinstance(recorded, list):
        return len(recorded) == len(answered) and all(
            within(expected, actual, symbols)
            for expected, actual in zip(recorded, answered, strict=True)
        )
    filled = fill(recorded, symbols)
    return filled == answered or (
        isinstance(filled, str) and re.fullmatch(r"\$\w+", filled) is not None
    )
