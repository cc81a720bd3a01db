"""Two models and thousands of customers of each one's table, for the engines."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Home, make_home
from e2e.other_table import BUNDLED, OTHER, shop, train
from tables import Table

from churn.data.simulation import simulate
from churn.scoring.stored_model import StoredModel, load_model

ROWS = 12_000
KEEP = "row"


@dataclass(frozen=True)
class Customers:
    """A table whose column `row` counts its rows from 0, and the model that scores it."""

    table: pa.Table
    model: StoredModel

    def write(self, folder: Path, files: int = 3) -> Path:
        """Write Parquet files of about the same size, in the order of their names."""
        folder.mkdir()
        rows = -(-self.table.num_rows // files)
        for number in range(files):
            part = self.table.slice(number * rows, rows)
            pq.write_table(part, folder / f"in-{number}.parquet", row_group_size=1_000)
        return folder

    def with_value(self, row: int, column: str, value: object) -> pa.Table:
        """The table, with one other value."""
        values = self.table[column].to_pylist()
        values[row] = value
        place = self.table.schema.get_field_index(column)
        return self.table.set_column(place, column, pa.array(values, self.table.schema.field(column).type))


@dataclass(frozen=True)
class Engines:
    """A home with a model of the bundled table, and a current one of a shop's, whose customers have identifiers."""

    home: Home
    bundled: Customers
    shop: Customers


@pytest.fixture(scope="module")
def engines(tmp_path_factory, trained_home) -> Engines:
    home = make_home(tmp_path_factory.mktemp("engines"))
    shutil.copytree(trained_home.path, home.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("logs", "*.log"))
    shutil.copytree(trained_home.bentoml_home, home.bentoml_home, dirs_exist_ok=True)
    train(home, _shop(400))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENTOML_HOME", str(home.bentoml_home))
        models = [load_model(tag, home.path) for tag in (BUNDLED, OTHER)]
    frames = [simulate(ROWS, seed=7)[0], _shop(ROWS).frame.drop(columns="left")]
    return Engines(home, *(Customers(_table(frame), model) for frame, model in zip(frames, models, strict=True)))


def _shop(rows: int) -> Table:
    table = shop(rows)
    frame = table.frame.assign(customer=[f"C-{number:06}" for number in range(rows)])
    return Table(table.toml.replace("[target]", '[identifier]\ncolumn = "customer"\n[target]'), frame)


def _table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame.assign(**{KEEP: range(len(frame))}), preserve_index=False)
