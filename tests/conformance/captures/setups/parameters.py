"""Parameters of SSM."""

from ..lab import A
from ..table import Setup, setup


def put(lab, name, value="fixture-one", **more):
    return lab.client("ssm").put_parameter(Name=name, Value=value, **{"Type": "String"} | more)


def prefix_of(lab):
    return lab.unique("fixture")


@setup("ssm-001", "ssm-002", "ssm-021", "ssm-022", "ssm-023", "ssm-025")
def absent(case, lab):
    symbols = {"prefix": prefix_of(lab), "k": "key", "v": "value"}
    instead = {"Value": "x" * 4097} if case.label == "standard-too-large" else {}
    return Setup(symbols=symbols, instead=instead)


@setup("ssm-003", "ssm-005", "ssm-006", "ssm-017", "ssm-018", "ssm-019", "ssm-026", "ssm-027")
@setup("ssm-007", "ssm-009", "ssm-010", "ssm-011", "ssm-013", "ssm-014", "ssm-015", "ssm-029")
def present(case, lab):
    """A text, with two versions where the case says so, a list and a secret below."""
    prefix = prefix_of(lab)
    text = f"/{prefix}/string"
    put(lab, text, Description="d", AllowedPattern="fixture-.*")
    lab.client("ssm").label_parameter_version(Name=text, Labels=["old"])
    put(lab, f"/{prefix}/list", "a,b", Type="StringList")
    put(lab, f"/{prefix}/nested/secure", "secret", Type="SecureString")
    if "versions" in case.state or case.label in ("get-batch", "history-0"):
        put(lab, text, "fixture-two", Overwrite=True)
    symbols = {"prefix": prefix, "user": "admin", "v": "fixture-two"}
    return Setup(symbols=symbols)
