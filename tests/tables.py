"""Tables of customers that have nothing to do with the bundled one, each as a schema and a frame, written to files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churn.data.dataset import Dataset
from churn.schema.definition import Schema
from churn.schema.reading import parse_schema


@dataclass(frozen=True)
class Table:
    """A table as a file has it: `frame` has the columns of the schema and `left`, which is "yes" or "no"."""

    toml: str
    frame: pd.DataFrame

    @property
    def schema(self) -> Schema:
        return parse_schema(self.toml.encode(), "schema.toml")

    @property
    def dataset(self) -> Dataset:
        """As `read_dataset` would give it."""
        columns = {}
        for feature in self.schema.feature:
            values = self.frame[feature.name]
            columns[feature.name] = (
                pd.Categorical(values.fillna("").astype(str)) if feature.is_category else values.astype(np.float64)
            )
        target = (self.frame["left"] == "yes").to_numpy(np.int8)
        return Dataset(Path("table.csv"), "0" * 64, pd.DataFrame(columns), target, self.schema)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write `table.csv` and `schema.toml`; returns their paths."""
        data, schema = folder / "table.csv", folder / "schema.toml"
        self.frame.to_csv(data, index=False)
        schema.write_text(self.toml, encoding="utf-8")
        return data, schema


def make_table(features: Mapping[str, tuple[str, Any]], logit: Any, *, seed: int = 1) -> Table:
    """A table of these features: name -> (TOML of the feature, values); `logit` [n] is the true one of leaving."""
    random = np.random.default_rng(seed)
    left = random.random(len(logit)) < 1 / (1 + np.exp(-np.asarray(logit)))
    parts = ['version = 1\nname = "made"\n[target]\ncolumn = "left"\npositive = ["yes"]\nnegative = ["no"]\n']
    parts += [f'[[feature]]\nname = "{name}"\n{toml}\n' for name, (toml, _) in features.items()]
    frame = pd.DataFrame({name: values for name, (_, values) in features.items()})
    return Table("".join(parts), frame.assign(left=np.where(left, "yes", "no")))


def rare_churn(rows: int = 20_000) -> Table:
    """2 % of the customers leave."""
    random = np.random.default_rng(2)
    age, calls = random.integers(18, 90, rows), random.poisson(2, rows)
    plan = random.choice(["a", "b", "c"], rows)
    logit = -5.3 + 0.6 * calls + 0.8 * (plan == "c") - 0.01 * age
    return make_table(
        {
            "age": ('kind = "integer"\nminimum = 0\nmaximum = 120', age),
            "calls": ('kind = "integer"\nminimum = 0', calls),
            "plan": ('kind = "category"', plan),
        },
        logit,
    )


def few_rows() -> Table:
    """60 rows: enough for folds, not for a model that is surely better than none."""
    random = np.random.default_rng(3)
    score = random.normal(size=60)
    return make_table({"score": ('kind = "number"', score)}, 3 * score)


def wide(rows: int = 3_000, columns: int = 200) -> Table:
    """Many columns, half of them numbers and half categories of four levels, of which few matter."""
    random = np.random.default_rng(4)
    features: dict[str, tuple[str, Any]] = {}
    logit = np.zeros(rows)
    for number in range(columns):
        if number % 2:
            features[f"c{number}"] = ('kind = "category"', random.choice(["north", "south", "east", "west"], rows))
        else:
            values = random.normal(size=rows).round(3)
            features[f"n{number}"] = ('kind = "number"', values)
            logit += values * (0.5 if number < 10 else 0)
    return make_table(features, logit)


def many_levels(rows: int = 20_000, levels: int = 5_000) -> Table:
    """A category of thousands of levels, most of them rare, like a postcode."""
    random = np.random.default_rng(5)
    code = np.minimum((random.pareto(0.8, rows) * 20).astype(int), levels - 1)
    every = np.arange(levels)
    random.shuffle(every)
    code[:levels] = every  # each is there at least once
    random.shuffle(code)
    months = random.integers(0, 60, rows)
    logit = 1 - 0.05 * months + 0.8 * (code % 3 == 0)
    return make_table(
        {
            "postcode": ('kind = "category"', np.char.add("P", code.astype(str))),
            "months": ('kind = "integer"\nminimum = 0\nmaximum = 100', months),
        },
        logit,
    )


def all_nullable(rows: int = 3_000) -> Table:
    """Each feature of each kind is missing in three rows of ten, and that it is missing matters."""
    random = np.random.default_rng(6)
    impute = '\nmissing = "impute"'
    months, fee = random.integers(0, 60, rows).astype(float), random.normal(50, 10, rows).round(2)
    online, plan = random.random(rows) < 0.5, random.choice(["a", "b"], rows).astype(object)
    logit = 1 - 0.05 * months + 0.03 * (fee - 50) + 0.7 * online
    missing = random.random((4, rows)) < 0.3
    logit = logit + 1.5 * missing[0] - 1.0 * missing[3]
    return make_table(
        {
            "months": ('kind = "integer"\nminimum = 0\nmaximum = 100' + impute, np.where(missing[0], np.nan, months)),
            "fee": ('kind = "number"' + impute, np.where(missing[1], np.nan, fee)),
            "online": ('kind = "boolean"' + impute, np.where(missing[2], None, online.astype(object))),
            "plan": ('kind = "category"' + impute, np.where(missing[3], None, plan)),
        },
        logit,
    )


TABLES: Mapping[str, Callable[[], Table]] = {
    "rare churn": rare_churn,
    "few rows": few_rows,
    "wide": wide,
    "many levels": many_levels,
    "all nullable": all_nullable,
}
