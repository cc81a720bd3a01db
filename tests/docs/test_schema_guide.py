"""docs/schema.md shows every key of a schema, and the options that read one."""

import re

from conftest import ROOT

from churn.schema.definition import File, Gate, Identifier, Schema
from churn.schema.feature import Feature
from churn.schema.reading import parse_schema
from churn.schema.target import Target

GUIDE = (ROOT / "docs" / "schema.md").read_text(encoding="utf-8")


def test_the_schema_guide_shows_every_key_of_a_schema_that_can_be_read():
    (example,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    schema = parse_schema(example.encode(), "docs/schema.md")
    assert [feature.name for feature in schema.feature] == ["tenure", "Contract"]
    shown = {
        *re.findall(r"^([a-z0-9_]+) =", example, re.MULTILINE),
        *re.findall(r"^\[+([a-z]+)", example, re.MULTILINE),
    }
    tables = (Schema, Target, Identifier, File, Feature, Gate)
    assert shown | {"retired"} == {key for table in tables for key in table.model_fields}
    assert "`retired = [" in GUIDE
