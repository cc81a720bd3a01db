"""Columns of every type that are carried along, and the rows that are set aside with them."""

import csv
import json

import numpy as np
import pyarrow as pa
import pytest
from score_runs import customers, score_each, scoring_home

__all__ = ["scoring_home"]

ROWS = 300
FAR = 2**30
"""Days: the year 2,939,750."""
KINDS = {
    "lists": pa.array([["a", None, "b"], None, []] * (ROWS // 3)),
    "of_lists": pa.array([[[1]]] * ROWS),
    "bytes": pa.array([b"\xff"] * ROWS),
    "runs": pa.RunEndEncodedArray.from_arrays(pa.array([ROWS], pa.int32()), pa.array(["z"])),
    "far": pa.array([FAR] * ROWS, pa.date32()),
    "nowhere": pa.array([0] * ROWS, pa.timestamp("s", "No/Where")),
    "long": pa.array(['long, "quoted",\n' * 10_000] * ROWS),
}


def _codes(distinct):
    """Whole numbers as a dictionary, another one in each batch."""
    values = [np.arange(100) % distinct + batch for batch in range(3)]
    return pa.chunked_array([pa.array(part).dictionary_encode() for part in values])


@pytest.fixture(scope="module")
def runs(scoring_home, tmp_path_factory):
    """A folder, and what was said of each run in it. Its first customer cannot be scored."""
    folder = tmp_path_factory.mktemp("kept")
    plain = pa.Table.from_pandas(customers(ROWS))
    plain = plain.set_column(0, "tenure_months", pa.array([-5, *plain["tenure_months"].to_pylist()[1:]]))
    table = plain
    for name, column in KINDS.items():
        table = table.append_column(name, column)
    table = table.append_column("codes", _codes(7))
    with pa.ipc.new_stream(folder / "in.arrow", table.schema) as writer:
        writer.write_table(table)
    outs = ["codes.arrow", "lists.csv", "of_lists.csv", "bytes.csv", "runs.parquet", "far.csv", "nowhere.parquet"]
    asked = [(name, f"{name}", "--keep", name.partition(".")[0]) for name in outs]
    asked.append(("long", "long/", "--format", "csv", "--keep", "long"))
    before = "import churn.scoring.files.writers as writers; writers._GROUP_ROWS = 1"
    done = score_each(
        scoring_home,
        *[(folder / "in.arrow", "--out", f"{folder}/{out}", *more, "--on-error", "skip") for _, out, *more in asked],
        before=before,
    )
    return folder, dict(zip([name for name, *_ in asked], done, strict=True))


def test_dictionaries_that_differ_from_batch_to_batch_become_their_values(runs):
    folder, done = runs
    assert done["codes.arrow"].code == 0, done["codes.arrow"].err
    with pa.ipc.open_file(folder / "codes.arrow") as file:
        assert file.read_all()["codes"].to_pylist() == _codes(7).to_pylist()[1:]


def test_lists_in_csv_keep_what_is_beside_a_missing_item(runs):
    folder, done = runs
    assert done["lists.csv"].code == 0, done["lists.csv"].err
    with (folder / "lists.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["lists"] for row in csv.DictReader(file)]
    assert texts == [*["a; ; b", "", ""] * (ROWS // 3)][1:]


@pytest.mark.parametrize("name", ["of_lists.csv", "bytes.csv", "runs.parquet"])
def test_what_a_form_cannot_hold_is_refused_by_name(runs, name):
    folder, done = runs
    assert done[name].code == 2
    form = name.partition(".")[2]
    assert "hold" in done[name].err
    assert form in done[name].err.lower()
    assert not (folder / name).exists()


def test_rows_are_set_aside_with_moments_that_python_has_not(runs):
    folder, done = runs
    assert (done["far.csv"].code, done["nowhere.parquet"].code) == (0, 0), done["far.csv"].err
    with (folder / "far.rejects.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert str(FAR) in row["far"]


def test_rows_with_long_texts_are_set_aside_from_a_folder(runs):
    folder, done = runs
    assert done["long"].code == 0, done["long"].err
    assert json.loads((folder / "long/_SUCCESS").read_text(encoding="utf-8"))["rejected"] == 1
    text = (folder / "long/_rejects.csv").read_text(encoding="utf-8")
    assert text.count('long, ""quoted"",') == 10_000
    assert text.count(",problem,") == 1
