import hashlib
import os
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv, ipc

from churn.errors import DataError
from churn.scoring.files.inputs import find_inputs
from churn.scoring.files.source import PIECE_ROWS

ROWS = 200_000


def table(rows=ROWS, first=0):
    number = np.arange(first, first + rows)
    return pa.table(
        {"id": pa.array(number).cast(pa.string()), "months": number % 60, "plan": pa.array(["a", "b"]).take(number % 2)}
    )


def write_arrow(made, path, *, stream=False, compression=None, rows=None):
    options = ipc.IpcWriteOptions(compression=compression)
    with (ipc.new_stream if stream else ipc.new_file)(path, made.schema, options=options) as writer:
        writer.write_table(made, max_chunksize=rows)


FORMS = {
    "one_group.parquet": lambda path: pq.write_table(table(), path, row_group_size=ROWS),
    "tiny_groups.parquet": lambda path: pq.write_table(table(), path, row_group_size=999),
    "one_batch.arrow": lambda path: write_arrow(table(), path),
    "packed.feather": lambda path: write_arrow(table(), path, compression="zstd", rows=70_000),
    "stream.ipc": lambda path: write_arrow(table(), path, stream=True, rows=1_000),
    "plain.csv": lambda path: csv.write_csv(table(), path),
}


def read(path, *, coded=("plan",), start=0):
    (source,) = find_inputs(path).sources
    return list(source.pieces(["plan", "months", "id"], coded=coded, start=start))


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_all_rows_in_order_in_the_same_pieces(tmp_path, name):
    path = tmp_path / name
    FORMS[name](path)

    pieces = read(path)

    assert [piece.first for piece in pieces] == np.cumsum([0, *(piece.rows for piece in pieces[:-1])]).tolist()
    assert max(piece.rows for piece in pieces) <= PIECE_ROWS
    assert {piece.batch.schema.field("plan").type for piece in pieces} == {pa.dictionary(pa.int32(), pa.string())}
    found = pa.Table.from_batches([piece.batch.select(["plan", "id"]) for piece in pieces]).unify_dictionaries()
    assert found.column("plan").to_pylist() == table().column("plan").to_pylist()
    assert found.column("id").to_pylist() == table().column("id").to_pylist()
    later = pieces[len(pieces) // 2]
    again = read(path, coded=(), start=later.first)
    assert [(piece.first, piece.rows) for piece in again] == [(p.first, p.rows) for p in pieces[len(pieces) // 2 :]]
    assert again[0].batch.column("id").equals(later.batch.column("id"))
    assert again[0].batch.schema.field("plan").type == pa.string()


def test_a_row_of_csv_is_where_an_editor_shows_it(tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text('sep=;\nid;plan\n1;"two\nlines"\n\n2;b\n')
    (source,) = find_inputs(path).sources

    assert list(source.places()) == [3, 6]


def test_a_folder_is_its_files_in_order_with_the_values_of_its_folders(tmp_path):
    for value, first in (("b%20c", 2), ("a", 0), ("__HIVE_DEFAULT_PARTITION__", 4)):
        (tmp_path / f"plan={value}").mkdir()
        pq.write_table(table(2, first).drop_columns(["plan"]), tmp_path / f"plan={value}" / "part.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".hidden.parquet").write_text("draft")
    (tmp_path / "README.txt").write_text("what this is")

    inputs = find_inputs(tmp_path)

    rows = [
        row for source in inputs.sources for piece in source.pieces(["id", "plan"]) for row in piece.batch.to_pylist()
    ]
    assert [(row["id"], row["plan"]) for row in rows] == [
        ("4", None), ("5", None), ("0", "a"), ("1", "a"), ("2", "b c"), ("3", "b c")
    ]  # fmt: skip
    assert inputs.rows == 6
    assert inputs.schema.field("plan").type == pa.string()


def test_a_pattern_names_files_unless_one_has_exactly_that_name(tmp_path):
    for name in ("a1.csv", "a2.csv", "a[1].csv", "_draft.csv"):
        (tmp_path / name).write_text(f"id\n{name}\n")

    def names(given):
        return [source.path.name for source in find_inputs(tmp_path / given).sources]

    assert names("a[12].csv") == ["a1.csv", "a2.csv"]
    assert names("a[1].csv") == ["a[1].csv"]
    assert names("*.csv") == ["a1.csv", "a2.csv", "a[1].csv"]


def test_the_digest_is_what_sha256sum_says(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(f"id\n{name}\n")
    seen: list[int] = []

    assert find_inputs(tmp_path / "a.csv").digest(seen.append) == hashlib.sha256(b"id\na.csv\n").hexdigest()
    assert sum(seen) == 9
    said = subprocess.check_output(["sh", "-c", "sha256sum a.csv b.csv | sha256sum"], cwd=tmp_path, text=True)
    assert find_inputs(tmp_path).digest() == said.split()[0]


@pytest.mark.parametrize("change", ["append", "replace", "touch", "remove"])
def test_a_file_that_changes_is_noticed(tmp_path, change):
    path = tmp_path / "customers.csv"
    path.write_text("id\n1\n")
    inputs = find_inputs(path)
    inputs.check_unchanged()

    if change == "append":
        path.write_text("id\n1\n2\n")
    elif change == "replace":
        (tmp_path / "other").write_text("id\n2\n")
        (tmp_path / "other").rename(path)
    elif change == "touch":
        os.utime(path, ns=(1, 1))
    else:
        path.unlink()

    with pytest.raises(DataError, match="has changed while it was read"):
        inputs.check_unchanged()


def read_whole(path):
    return [piece for source in find_inputs(path).sources for piece in source.pieces(source.schema.names)]


def refusal(path) -> str:
    with pytest.raises(DataError) as raised:
        read_whole(path)
    assert str(path) in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.csv", None, "there is no such file"),
        ("n*ne.parquet", None, "there is no file of such a name"),
        ("zero.parquet", b"", "it is empty"),
        ("zero.arrow", b"", "it is empty"),
        ("base.csv", b"PK\x03\x04", "a ZIP archive"),
        ("base.csv", b"\xff\xfei\0d\0", "UTF-16"),
        ("base.csv", b"\x1f\x8b", "compressed with gzip"),
        ("base.xlsx", b"PK\x03\x04", "its name must end in .csv"),
        ("base.parquet", b"id\n1\n", "is not a Parquet file"),
        ("base.parquet", b"PAR1 and no more", "is cut off"),
        ("base.parquet", b"PAR1" + b"x" * 50 + b"PAR1", "is a damaged Parquet file"),
        ("base.arrow", b"id\n1\n2\n3\n", "is a damaged Arrow file"),
        ("base.feather", b"FEA1" + bytes(20), "Feather version 1"),
        ("base.csv", b"id,plan\n1,\xe4\n", "line 2, byte 10: 0xe4 is not UTF-8"),
        ("base.csv", b'id,plan\n1,a\n2,"b\n', "line 3: a quote is opened and never closed"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)

    assert said in refusal(tmp_path / name)


@pytest.mark.parametrize("name", ["one_batch.arrow", "stream.ipc", "one_group.parquet"])
def test_a_file_that_is_cut_off_is_refused(tmp_path, name):
    path = tmp_path / name
    FORMS[name](path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    assert refusal(path)


def test_files_of_one_run_are_alike(tmp_path):
    pq.write_table(table(2), tmp_path / "a.parquet")
    pq.write_table(table(2).select(["plan", "id", "months"]), tmp_path / "b.parquet")
    assert len(find_inputs(tmp_path).sources) == 2  # in another order

    pq.write_table(table(2).set_column(1, "months", pa.array([1.5, 2])), tmp_path / "c.parquet")
    assert "c.parquet has other columns than" in refusal(tmp_path)
    assert "'months' holds double instead of int64" in refusal(tmp_path)
    pq.write_table(table(2).drop_columns(["months"]), tmp_path / "c.parquet")
    assert "'months' is missing" in refusal(tmp_path)
    (tmp_path / "c.parquet").rename(tmp_path / "c.csv")
    assert "a.parquet is Parquet and c.csv is CSV" in refusal(tmp_path)
    (tmp_path / "_temporary").mkdir()
    (tmp_path / "c.csv").unlink()
    assert "still being written" in refusal(tmp_path)


def test_a_folder_without_such_files_is_refused(tmp_path):
    (tmp_path / "README.txt").write_text("nothing")

    assert "it is a folder without a file" in refusal(tmp_path)


def test_texts_of_parquet_that_are_not_utf_8_are_refused(tmp_path):
    wrong = pa.array([b"basic", b"b\xe4sic"]).cast(pa.string(), safe=False)
    pq.write_table(pa.table({"plan": wrong}), tmp_path / "wrong.parquet")

    assert "is a damaged Parquet file: Invalid UTF8" in refusal(tmp_path / "wrong.parquet")
