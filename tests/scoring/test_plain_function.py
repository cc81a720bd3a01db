"""`score_table` for those who have their own engine: DuckDB here, as docs say it of Dask and Polars."""

import duckdb
import pyarrow as pa
import pytest
from engine_models import KEEP, ROWS, engines

from churn.scoring.table import score_table

pytestmark = pytest.mark.slow  # for the two trainings
__all__ = ["engines"]


@pytest.mark.parametrize("name", ["bundled", "shop"])
def test_duckdb(engines, tmp_path, name):
    found = getattr(engines, name)
    folder = found.write(tmp_path / "in")
    expected = score_table(found.table, found.model, keep=[KEEP])
    customers = duckdb.read_parquet(f"{folder}/*.parquet").order(KEEP)

    whole = score_table(customers.to_arrow_table(), found.model, keep=[KEEP])
    assert whole.equals(expected)

    batches = customers.to_arrow_reader(5_000)
    pieces = [score_table(pa.Table.from_batches([batch]), found.model, keep=[KEEP]) for batch in batches]
    assert len(pieces) >= 3
    assert pa.concat_tables(pieces).equals(expected)

    assert duckdb.from_arrow(whole).count("probability").fetchall() == [(ROWS,)]
