"""A table of customers that the servers are asked about: its schema, its file, and the record that is sent."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from places import ROOT

Record = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        schema: its schema file; each feature needs an example.
        data: its rows; None for the bundled ones.

    """

    schema: Path
    data: Path | None = None

    @property
    def name(self) -> str:
        """As the schema says."""
        name: str = tomllib.loads(self.schema.read_text())["name"]
        return name

    @property
    def record(self) -> Record:
        """The schema's examples."""
        return {feature["name"]: feature["example"] for feature in tomllib.loads(self.schema.read_text())["feature"]}


BUNDLED = Table(ROOT / "schemas" / "churn.toml")
