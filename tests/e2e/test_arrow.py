"""`POST /predict/batch` as Arrow over real HTTP: it says what JSON says, of columns instead of records."""

import datetime as dt
import json
import shutil
from decimal import Decimal
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest
from arrow_streams import ARROW, answered, ask, stream
from conftest import LEAVING, SAFE, Home, start_server
from other_table import make_two_models

from churn.scoring.batch import MAX_PROBLEMS


def json_answer(server, rows, query="", **headers):
    return httpx.post(f"{server.url}/predict/batch{query}", json={"customers": rows}, headers=headers, timeout=60)


def customers(count: int) -> list[dict]:
    random = np.random.default_rng(5)
    return [
        {
            "tenure_months": int(random.integers(0, 201)),
            "num_complaints": int(random.integers(0, 51)),
            "avg_session_minutes": float(random.uniform(0, 500)),
            "plan_type": str(random.choice(["basic", " Premium", "BASIC", "gold"])),
            "region": str(random.choice(["EU", "na", "AF", 'M"A\\RS', "Zürich"])),
        }
        for _ in range(count)
    ]


def new_lines(server, before):
    return [json.loads(line) for line in server.home.journal_lines()[before:]]


def without_times(lines):
    return [line | {"latency_ms": 0, "ts": ""} for line in lines]


@pytest.fixture(scope="module")
def shop_server(tmp_path_factory, trained_home):
    """A server of a table with optional features of each kind, and a retired field."""
    server = start_server(make_two_models(tmp_path_factory.mktemp("arrow-shop"), trained_home))
    yield server
    server.stop()


def test_rows_are_answered_and_journalled_as_those_of_json(server):
    rows = customers(5_000)
    start = len(server.home.journal_lines())
    table = answered(ask(server, stream(pa.Table.from_pylist(rows), rows=1_700), **{"X-Request-ID": 'a"\\b'}))
    middle = len(server.home.journal_lines())
    expected = json_answer(server, rows, **{"X-Request-ID": 'a"\\b'}).json()
    assert table.schema.names == ["request_id", "prediction", "probability"]
    assert table.schema.types == [pa.string(), pa.int8(), pa.float64()]
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert metadata["model_version"] == expected["model_version"]
    assert float(metadata["threshold"]) == expected["threshold"]
    assert table.to_pylist() == expected["predictions"]
    lines = new_lines(server, start)
    by_arrow, by_json = lines[: middle - start], lines[middle - start :]
    assert without_times(by_arrow) == without_times(by_json)
    assert [list(line) for line in by_arrow] == [list(line) for line in by_json]
    assert all(line["ts"].endswith("Z") and line["latency_ms"] >= 0 for line in by_arrow)


def test_each_row_has_the_probability_of_a_single_request(server):
    rows = customers(50)
    probabilities = answered(ask(server, pa.Table.from_pylist(rows)))["probability"].to_pylist()
    assert probabilities == [httpx.post(f"{server.url}/predict", json=row).json()["probability"] for row in rows]


@pytest.mark.slow
def test_optional_features_and_a_retired_field_are_warned_of_as_in_json(shop_server):
    rows = [
        {"class": "Gold", "items": 3, "copy": 1.5, "get": True, "town": "accra", "debt": None},
        {"class": "Tin", "items": 0, "copy": 0.0, "get": False, "town": None, "debt": 1e-7},
        {"class": "Gold", "items": 500, "copy": 1e15, "get": True, "town": "Zürich", "debt": -12.25},
    ]
    for changed in (rows, [row | {"points": None} for row in rows], [row | {"town": None} for row in rows]):
        start = len(shop_server.home.journal_lines())
        table = answered(ask(shop_server, pa.Table.from_pylist(changed), **{"X-Request-ID": "x"}))
        expected = json_answer(shop_server, changed, **{"X-Request-ID": "x"}).json()
        assert table.to_pylist() == expected["predictions"]
        lines = without_times(new_lines(shop_server, start))
        assert lines[:3] == lines[3:]


def test_an_optional_column_may_be_absent(shop_server):
    row = {"class": "Gold", "items": 3, "copy": 1.5, "get": True}
    table = answered(ask(shop_server, pa.Table.from_pylist([row]), **{"X-Request-ID": "x"}))
    assert table.to_pylist() == json_answer(shop_server, [row], **{"X-Request-ID": "x"}).json()["predictions"]


def test_reasons_are_the_bytes_of_a_single_answer(server):
    rows = customers(400)
    table = answered(ask(server, pa.Table.from_pylist(rows), "?explain=true"))
    assert table.schema.names[-1] == "reasons"
    for row in (0, 7, 399):
        single = httpx.post(f"{server.url}/predict?explain=true", json=rows[row]).text
        assert single.endswith(f',"reasons":{table["reasons"][row].as_py()}}}')


def test_ids_are_the_clients_own_or_the_requests_with_the_row(server):
    rows = [SAFE | {"request_id": 'mi"ne'}, LEAVING | {"request_id": None}, SAFE | {"request_id": "Zoë\\"}]
    start = len(server.home.journal_lines())
    table = answered(ask(server, pa.Table.from_pylist(rows), **{"X-Request-ID": "batch-7"}))
    assert table["request_id"].to_pylist() == ['mi"ne', "batch-7-1", "Zoë\\"]
    assert [line["request_id"] for line in new_lines(server, start)] == ['mi"ne', "batch-7-1", "Zoë\\"]


def typed(**types: pa.DataType) -> pa.Table:
    table = pa.Table.from_pylist(customers(300))
    for name, kind in types.items():
        column = table[name]
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type).combine_chunks().dictionary_encode().cast(kind)
        else:
            column = column.cast(kind, safe=False)
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


@pytest.mark.parametrize(
    "types",
    [
        {"tenure_months": pa.uint8(), "num_complaints": pa.int16(), "avg_session_minutes": pa.float32()},
        {"tenure_months": pa.float64(), "num_complaints": pa.float16(), "avg_session_minutes": pa.int32()},
        {"tenure_months": pa.decimal128(21, 1), "avg_session_minutes": pa.decimal128(9, 5)},
        {"plan_type": pa.large_string(), "region": pa.string_view()},
        {"plan_type": pa.dictionary(pa.int8(), pa.string()), "region": pa.dictionary(pa.int32(), pa.large_string())},
    ],
    ids=["small numbers", "floats", "decimals", "texts", "dictionaries"],
)
def test_types_of_arrow_that_hold_the_same_values_get_the_same_answer(server, types):
    table = typed(**types)
    expected = json_answer(
        server,
        [
            {key: float(value) if isinstance(value, Decimal) else value for key, value in row.items()}
            for row in table.to_pylist()
        ],
    ).json()["predictions"]
    found = answered(ask(server, stream(table, rows=128)))
    assert found["probability"].to_pylist() == [item["probability"] for item in expected]


@pytest.mark.parametrize(
    "changes",
    [
        {"tenure_months": -1},
        {"tenure_months": 48.5},
        {"tenure_months": None},
        {"avg_session_minutes": float("inf")},
        {"avg_session_minutes": 500.5},
        {"plan_type": ""},
        {"plan_type": "x" * 33},
        {"region": "a\nb"},
        {"region": None},
        {"request_id": ""},
        {"request_id": "i" * 129},
        {"request_id": "a\r\nb"},
        {"request_id": "a\u2028b"},
        {"num_complaints": 51, "region": " "},
    ],
    ids=str,
)
def test_an_invalid_row_is_refused_in_the_words_of_json_and_nothing_is_scored(server, changes):
    start = len(server.home.journal_lines())
    rows = customers(3_000)
    rows[2_500] |= changes
    answer = ask(server, stream(pa.Table.from_pylist([{"request_id": None} | row for row in rows]), rows=999))
    assert answer.status_code == 400
    if float("inf") not in changes.values():  # which JSON cannot say
        assert answer.json() == json_answer(server, rows).json()
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["customers", 2_500, name] for name in changes]
    assert len(server.home.journal_lines()) == start


def test_nan_is_refused_and_does_not_mean_missing(shop_server):
    row = {"class": "Gold", "items": 3, "copy": 1.5, "get": True, "debt": float("nan")}
    answer = ask(shop_server, pa.Table.from_pylist([row]))
    assert answer.status_code == 400
    problem = {"loc": ["customers", 0, "debt"], "msg": "Input should be a finite number", "type": "finite_number"}
    assert answer.json()["detail"] == [problem]


def test_many_invalid_rows_give_a_bounded_answer(server):
    table = pa.Table.from_pylist([SAFE | {"tenure_months": 201}] * 10_000)
    answer = ask(server, table)
    assert answer.json() == json_answer(server, table.to_pylist()).json()
    assert len(answer.json()["detail"]) == MAX_PROBLEMS


def changed(**columns: list | pa.Array | None) -> pa.Table:
    """Two good customers with some columns changed, added or, where None, left out."""
    table = pa.Table.from_pylist([SAFE, LEAVING])
    for name, values in columns.items():
        if name in table.schema.names:
            table = table.drop_columns([name])
        if values is not None:
            table = table.append_column(name, values if isinstance(values, pa.Array) else pa.array(values))
    return table


@pytest.mark.parametrize(
    ("columns", "name", "kind"),
    [
        ({"tenure_months": None}, "tenure_months", "missing"),
        ({"more": [1, 2]}, "more", "extra_forbidden"),
        ({"tenure_months": ["48", "2"]}, "tenure_months", "int_type"),
        ({"tenure_months": [True, False]}, "tenure_months", "int_type"),
        ({"avg_session_minutes": [dt.date(2026, 1, 1)] * 2}, "avg_session_minutes", "float_type"),
        ({"avg_session_minutes": [[1.0], [2.0]]}, "avg_session_minutes", "float_type"),
        ({"plan_type": [b"basic", b"basic"]}, "plan_type", "string_type"),
        ({"plan_type": [{"a": "basic"}] * 2}, "plan_type", "string_type"),
        ({"region": pa.array([1, 2]).dictionary_encode()}, "region", "string_type"),
        ({"request_id": [1, 2]}, "request_id", "string_type"),
        ({"request_id": pa.array(["a", "b"]).dictionary_encode()}, "request_id", "string_type"),
        ({"plan_type": pa.array([None, None])}, "plan_type", "string_type"),
    ],
)
def test_columns_that_are_not_a_records_are_refused_by_name(server, columns, name, kind):
    answer = ask(server, changed(**columns))
    assert answer.status_code == 400
    problem = answer.json()["detail"][0]
    assert (problem["loc"], problem["type"]) == (["customers", 0, name], kind)
    expected = json_answer(server, [SAFE | {name: ()}]).json()["detail"][0]["msg"] if kind.endswith("_type") else ""
    assert problem["msg"].startswith(expected)


def test_a_column_that_is_there_twice_is_refused(server):
    table = changed()
    table = table.append_column("region", table["region"])
    assert ask(server, table).json()["detail"][0]["msg"] == "The column is there twice"


def test_a_batch_without_rows_is_refused_as_in_json(server):
    answer = ask(server, changed().slice(0, 0))
    assert (answer.status_code, answer.json()) == (400, json_answer(server, []).json())


def test_more_rows_than_json_takes_are_answered_and_counted(server):
    def counted():
        lines = httpx.get(f"{server.url}/metrics").text.splitlines()
        return {
            name: sum(float(line.split()[-1]) for line in lines if line.startswith(name))
            for name in (
                "churn_predictions_total{",
                "churn_predicted_probability_count",
                "churn_batch_duration_seconds_count",
            )
        }

    before = counted()
    table = pa.Table.from_pylist(customers(500))
    table = pa.concat_tables([table] * 100).combine_chunks()
    found = answered(ask(server, table))
    assert found.num_rows == 50_000
    assert found["probability"].to_pylist()[:500] * 100 == found["probability"].to_pylist()
    assert [after - before[name] for name, after in counted().items()] == [50_000, 50_000, 1]


def test_too_many_reasons_are_413(server):
    answer = ask(server, pa.concat_tables([changed()] * 60_000).combine_chunks(), "?explain=true")
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (413, "too_many_reasons")


def test_other_types_are_415_and_told_the_two_that_are_taken(server):
    answer = ask(server, b"PAR1", **{"content-type": "application/vnd.apache.parquet"})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]
    assert ARROW in answer.json()["error"]
    single = httpx.post(f"{server.url}/predict", content=b"", headers={"content-type": ARROW})
    assert single.status_code == 415
    assert ARROW not in single.text


@pytest.mark.parametrize("start", [b"ARROW1\0\0", b"PAR1", b'{"customers": []}', b""])
def test_what_is_no_stream_is_told_the_form_that_is_taken(server, start):
    answer = ask(server, start + stream(pa.Table.from_pylist([SAFE]))[4:])
    assert answer.status_code == 400
    assert answer.json()["detail"][0]["msg"].startswith("it does not begin with a schema: the body must be of Arrow's")


def test_a_stream_over_8_mib_is_413(server):
    assert ask(server, b"\0" * (8 * 2**20 + 1)).status_code == 413


def test_the_service_imports_no_pandas_for_it(server):
    answered(ask(server, changed()))
    for pid in server.worker_pids():
        mapped = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
        assert "/pyarrow/" in mapped
        assert "/pandas/" not in mapped


def test_the_document_names_both_types(server):
    operation = httpx.get(f"{server.url}/docs.json").json()["paths"]["/predict/batch"]["post"]
    assert list(operation["requestBody"]["content"]) == ["application/json", ARROW]
    assert list(operation["responses"]["200"]["content"]) == ["application/json", ARROW]


@pytest.mark.slow
def test_a_journal_that_cannot_be_written_drops_lines_not_answers(tmp_path, trained_home):
    home = Home(tmp_path / "home", trained_home.bentoml_home)
    shutil.copytree(trained_home.path, home.path, ignore=shutil.ignore_patterns("logs", "*.log"))
    (home.path / "logs").write_text("in the way")
    server = start_server(home)
    try:
        assert answered(ask(server, changed())).num_rows == 2
        assert "churn_journal_dropped_total 2.0" in httpx.get(f"{server.url}/metrics").text
    finally:
        server.stop()
