"""Which texts are a category: thousands may be, an identifier or free text is none."""

import time

import pytest
from dataset_files import HEADER, csv, message, parquet, read_bundled, rows_sql

from churn.data.levels import FEW_LEVELS, MAX_LEVELS


def content(plans: int, rows: int) -> str:
    return HEADER + "".join(f"1,1,1,p{n % plans},EU,{n % 2}\n" for n in range(rows))


@pytest.mark.parametrize(("levels", "rows"), [(FEW_LEVELS, FEW_LEVELS), (8_650, 10_000), (MAX_LEVELS, 40_000)])
def test_thousands_of_levels_are_read(tmp_path, levels, rows):
    gap = "1,1,1,,EU,1\n1,1,1, P0 ,eu ,1\n"
    dataset = read_bundled(csv(tmp_path, content(levels, rows) + gap))
    assert dataset.frame["plan_type"].nunique() == levels + 1


@pytest.mark.parametrize(
    ("levels", "rows", "allowed"),
    [
        (1_001, 1_050, "up to 90% of the rows"),
        (20_001, 100_000, "up to 20,000"),
        (9_100, 10_000, "up to 90% of the rows"),
    ],
)
def test_more_are_refused_with_count_and_cure(tmp_path, levels, rows, allowed):
    (line,) = message(csv(tmp_path, content(levels, rows))).splitlines()[1:]
    assert line.startswith(f"  column plan_type: {levels:,} different texts in {rows:,} rows; allowed: {allowed}; ")
    assert "an identifier or free text is no category: leave it out of the features" in line


def test_levels_of_many_chunks_and_of_parquet_are_counted_once(tmp_path, monkeypatch):
    path = parquet(tmp_path, rows_sql(plan="'user ' || (i % 3000)", rows=300_000))
    assert read_bundled(path).frame["plan_type"].nunique() == 3000
    monkeypatch.setattr("churn.data.csv_file.CHUNK_ROWS", 70)
    assert "column plan_type: 1,330 different texts" in message(csv(tmp_path, content(1_330, 1_330)))


def test_an_identifier_is_refused_soon(tmp_path):
    path = csv(tmp_path, content(400_000, 400_000))
    started = time.process_time()
    assert "different texts in 250,000 rows" in message(path)  # those of the first chunk
    assert time.process_time() - started < 5
