"""The published schema of configuration files: it accepts the examples, and refuses bad files."""

import json

import jsonschema
import yaml
from examples import EXAMPLES

ROOT = EXAMPLES.parent
SCHEMA = json.loads((ROOT / "docs/config-file.schema.json").read_text())


def places(file):
    """Returns where the schema refuses a file, such as `groups[0].name`."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    found = set()
    for error in validator.iter_errors(yaml.safe_load(file)):
        # A name with a dash stands in brackets there.
        path = error.json_path.replace("['", ".").replace("']", "")
        found.add(path.removeprefix("$").removeprefix("."))
    return found


def test_schema_accepts_examples():
    files = [*(EXAMPLES / "config-file").glob("*.yml"), *(EXAMPLES / "release").glob("*.yml")]
    assert len(files) == 3
    for file in files:
        assert places(file.read_text()) == set(), file


def test_schema_refuses_each_bad_file_at_its_path():
    rows = json.loads((ROOT / "tests/action/config_files.json").read_text())
    refused = [row for row in rows if row["schema"] is not None]
    assert len(refused) > 10
    for row in refused:
        assert row["schema"] in places(row["file"]), row["file"]
