"""A home with two models: one of the bundled table, one of a table that has nothing to do with it."""

import shutil
from pathlib import Path

import numpy as np
from conftest import Home, make_home
from registry_home import NAME, store_at
from tables import Table, make_table

from churn.registry import Registry
from churn.training.candidate import train_candidate
from churn.training.options import Options

BUNDLED, OTHER = f"{NAME}:v1", f"{NAME}:v2"


def shop(rows: int = 400) -> Table:
    """Features of each kind, some of them optional, with names that Python keeps for itself or gives to methods."""
    random = np.random.default_rng(13)
    items, price = random.integers(0, 40, rows), random.normal(50, 10, rows).round(2)
    card, grade = random.random(rows) < 0.5, random.choice(["Gold", "Silver", "Bronze"], rows)
    town = random.choice(["ZÜRICH", "ACCRA"], rows).astype(object)
    debt = np.where(random.random(rows) < 0.3, np.nan, random.normal(0, 5, rows).round(1))
    town[random.random(rows) < 0.2] = None
    table = make_table(
        {
            "class": ('kind = "category"\nexample = "Gold"\ndescription = "Grade of the card."', grade),
            "items": ('kind = "integer"\nminimum = 0\nmaximum = 500', items),
            "copy": ('kind = "number"\nminimum = 0', price),
            "get": ('kind = "boolean"', card),
            "town": ('kind = "category"\ncase = "upper"\nmax_length = 20\nmissing = "impute"', town),
            "debt": ('kind = "number"\nmissing = "impute"', debt),
        },
        2 - 0.1 * items - 0.8 * card + 0.6 * (grade == "Bronze") + 0.1 * np.nan_to_num(debt, nan=10),
    )
    return Table(table.toml.replace('name = "made"', 'name = "shop"\nretired = ["points"]'), table.frame)


def train(home: Home, table: Table, schema_change: str | None = None) -> None:
    """Train, save and promote a model of a table."""
    options = Options(None, None, None, "logistic", None, 42, None, 0.002, "for the test", schema_change)
    with store_at(home.bentoml_home):
        assert train_candidate(table.dataset, None, Registry(home.path), options, NAME)


def promote(home: Home, tag: str) -> None:
    """Make a model of whatever schema the one to serve."""
    accepted = ("--accept-schema-change", "for the test")
    done = home.run("-m", "churn.registry", "promote", tag, *accepted)
    assert done.returncode == 0, done.stderr


def make_two_models(folder: Path, trained_home: Home) -> Home:
    """The bundled model is v1, the shop's is v2 and current."""
    home = make_home(folder)
    shutil.copytree(trained_home.path, home.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("logs", "*.log"))
    shutil.copytree(trained_home.bentoml_home, home.bentoml_home, dirs_exist_ok=True)
    train(home, shop(), schema_change="for the test")
    return home
