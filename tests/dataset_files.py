"""Files of customers of the bundled table, right and wrong, for the tests of what reads them."""

from pathlib import Path

import duckdb
import pytest

from churn.data.dataset import Dataset, read_dataset
from churn.errors import DataError
from churn.schema.definition import Schema
from churn.schema.reading import bundled_schema

BUNDLED = bundled_schema()
HEADER = "tenure_months,num_complaints,avg_session_minutes,plan_type,region,churn\n"
GOOD = "48,0,60.5,premium,EU,0\n2,5,10,basic,NA,1\n"
VALID = HEADER + GOOD * 50
RECORD = {"tenure_months": 1, "num_complaints": 1, "avg_session_minutes": 1, "plan_type": "basic", "region": "EU"}
LINE_AFTER = 102


def csv(folder: Path, content: str | bytes, name: str = "customers.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read_bundled(path: Path) -> Dataset:
    """Read a file of the bundled table."""
    return read_dataset(path, BUNDLED)


def message(path: Path, schema: Schema = BUNDLED) -> str:
    with pytest.raises(DataError) as raised:
        read_dataset(path, schema)
    assert str(path) in str(raised.value), str(raised.value)
    return str(raised.value)


def parquet(folder: Path, select: str, name: str = "customers.parquet") -> Path:
    path = folder / name
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path


def rows_sql(*, tenure="i % 60", minutes="10.5", plan="'basic'", churn="i % 2", rows=100) -> str:
    return (
        f"SELECT {tenure} AS tenure_months, 1 AS num_complaints, {minutes} AS avg_session_minutes, "  # noqa: S608 - the tests' own texts
        f"{plan} AS plan_type, 'EU' AS region, {churn} AS churn FROM range({rows}) t(i)"
    )
