"""A home with two models: one of the bundled table, one of a table that has nothing to do with it."""

import shutil
from pathlib import Path

import numpy as np
from conftest import Home, make_home
from tables import Table, make_table

BUNDLED, OTHER = "churn_model_v1:v1", "churn_model_v1:v2"
ACCEPTED = ("--accept-schema-change", "for the test")


def shop(rows: int = 400) -> Table:
    """Features of each kind, some of them optional, with names that Python keeps for itself or gives to methods."""
    random = np.random.default_rng(13)
    items, price = random.integers(0, 40, rows), random.normal(50, 10, rows).round(2)
    card, grade = random.random(rows) < 0.5, random.choice(["Gold", "Silver", "Bronze"], rows)
    town = random.choice(["Zürich", "Accra"], rows).astype(object)
    debt = np.where(random.random(rows) < 0.3, np.nan, random.normal(0, 5, rows).round(1))
    town[random.random(rows) < 0.2] = None
    table = make_table(
        {
            "class": ('kind = "category"\nexample = "Gold"\ndescription = "Grade of the card."', grade),
            "items": ('kind = "integer"\nminimum = 0\nmaximum = 500', items),
            "copy": ('kind = "number"\nminimum = 0', price),
            "get": ('kind = "boolean"', card),
            "town": ('kind = "category"\ncase = "upper"\nmissing = "impute"', town),
            "debt": ('kind = "number"\nmissing = "impute"', debt),
        },
        2 - 0.1 * items - 0.8 * card + 0.6 * (grade == "Bronze") + 0.1 * np.nan_to_num(debt, nan=10),
    )
    return Table(table.toml.replace('name = "made"', 'name = "shop"\nretired = ["points"]'), table.frame)


def train(home: Home, table: Table) -> None:
    """Train, save and promote a model of a table, whatever the current model takes."""
    folder = home.path / "data"
    folder.mkdir(exist_ok=True)
    data, schema = table.write(folder)
    why = ("--force-reason", "for the test", *ACCEPTED)
    done = home.run("train.py", "--data", str(data), "--schema", str(schema), *why)
    assert done.returncode == 0, done.stdout + done.stderr


def promote(home: Home, tag: str) -> None:
    """Make a model of whatever schema the one to serve."""
    done = home.run("-m", "churn.registry", "promote", tag, *ACCEPTED)
    assert done.returncode == 0, done.stderr


def make_two_models(folder: Path, trained_home: Home) -> Home:
    """The bundled model is v1, the shop's is v2 and current."""
    home = make_home(folder)
    shutil.copytree(trained_home.path, home.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("logs", "*.log"))
    shutil.copytree(trained_home.bentoml_home, home.bentoml_home, dirs_exist_ok=True)
    train(home, shop())
    return home
