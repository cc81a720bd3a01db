"""What the tables of a schema file have in common."""

from pydantic import BaseModel, ConfigDict

type Value = str | int | float | bool
"""What a schema file may say of one value."""


class Table(BaseModel):
    """A table of the TOML file: nothing but the keys below, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
