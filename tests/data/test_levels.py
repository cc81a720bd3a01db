"""How many levels the categories of a training file may have."""

import pytest
from dataset_files import HEADER, csv, message, parquet, rows_sql

from churn.data import levels
from churn.data.dataset import read_dataset


def content(plans: int, regions: int, rows: int = 600) -> str:
    return HEADER + "".join(f"1,1,1,p{n % plans},r{n % regions},{n % 2}\n" for n in range(rows))


def test_as_many_levels_as_are_allowed_are_read(tmp_path):
    gap = "1,1,1,,R0,1\n1,1,1, P0 ,r1 ,1\n"
    half = levels.MAX_LEVELS // 2
    dataset = read_dataset(csv(tmp_path, content(half, half) + gap))
    assert dataset.frame["region"].nunique() == half


@pytest.mark.parametrize(("plans", "regions"), [(2, 299), (151, 150), (301, 1)])
def test_one_level_more_is_refused_with_counts_and_cure(tmp_path, plans, regions):
    lines = message(csv(tmp_path, content(plans, regions))).splitlines()[1:]
    counts = sorted([(plans, "plan_type"), (regions, "region")], reverse=True)
    assert lines[:2] == [f"  column {name}: {count} different texts" for count, name in counts]
    assert "allowed: up to 300 over all text columns; an identifier or free text is no category" in lines[2]
    assert lines[2].endswith("join the rare texts into one such as OTHER")


def test_the_more_rows_the_fewer_levels(tmp_path, monkeypatch):
    path = csv(tmp_path, content(2, 50))
    assert read_dataset(path).rows == 600
    monkeypatch.setattr(levels, "MAX_CELLS", 600 * 51)
    assert "allowed: up to 51 over all text columns of 600 rows" in message(path)
    assert read_dataset(csv(tmp_path, content(10, 10, rows=20_000))).rows == 20_000


def test_levels_of_many_chunks_and_of_parquet_are_counted_once(tmp_path, monkeypatch):
    path = parquet(tmp_path, rows_sql(plan="'user ' || (i % 3000)", rows=300_000))
    assert "column plan_type: 3,000 different texts\n" in message(path)
    monkeypatch.setattr("churn.data.csv_file.CHUNK_ROWS", 70)
    assert "column region: 330 different texts\n" in message(csv(tmp_path, content(2, 330)))
