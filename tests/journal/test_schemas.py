"""The journal of models of any schema."""

from collections import Counter

import orjson
import pytest
from drift_samples import SERVED, TAG, line, write_journal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_oracle import expected_window

from churn.drift.distribution import Categories, Numbers
from churn.drift.window import read_window
from churn.errors import NothingToJudge
from churn.journal.moments import latest_moment
from churn.journal.record import Served
from churn.journal.scan import open_scan
from churn.schema.definition import Schema
from churn.schema.reading import parse_schema

NAMES = {
    **dict.fromkeys(("probability", "moment", "ts", "Tenure", "select", "größe"), "number"),
    **dict.fromkeys(("prediction", "f0"), "integer"),
    **dict.fromkeys(("whole", "piece", "価格"), "boolean"),
    **dict.fromkeys(("model", "threshold", "filename", "features", "order", "model_version", "f1", "null"), "category"),
}
"""Features called like columns of the reader, words of SQL, and in other letters."""


def make_schema(kinds=NAMES, missing="refuse") -> Schema:
    features = "".join(
        f'[[feature]]\nname = "{name}"\nkind = "{kind}"\nmissing = "{missing}"\n' for name, kind in kinds.items()
    )
    return parse_schema(f'version = 1\nname = "t"\n[target]\ncolumn = "left"\n{features}'.encode(), "t")


SCHEMA = make_schema()


def other_line(seconds=0.0, model=TAG, /, **features) -> bytes:
    """A line of a record of these features."""
    return orjson.dumps(orjson.loads(line(seconds, model)) | {"features": features}) + b"\n"


values = {
    "number": st.sampled_from([0, -1.5, 1e15, None, "7", True, [], {}]),
    "integer": st.sampled_from([0, 48, 48.0, 2**53, None, "7", False]),
    "boolean": st.sampled_from([True, False, None, 1, 0, "true", "yes", [True]]),
    "category": st.sampled_from(["a", "A ", "é", "null", '"', "'", "", None, True, 5, {"a": "b"}]),
}
lines = st.builds(
    other_line,
    st.integers(0, 50),
    st.sampled_from([TAG, "other:v1"]),
    **{name: values[kind] for name, kind in NAMES.items()},
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(lines, st.just(line()), st.just(line(model="other:v2"))), min_size=1, max_size=12))
@pytest.mark.parametrize("schema", [SCHEMA, make_schema(missing="impute")], ids=["required", "optional"])
def test_features_of_any_name_and_kind_are_read_as_a_plain_reader_reads_them(tmp_path, schema, lines):
    served = Served(TAG, schema)
    path = write_journal(tmp_path / "predictions-a-1.jsonl", *lines)
    found, others, broken, _ = expected_window([path], served, None, None)
    if not found:
        with pytest.raises(NothingToJudge):
            read_window(tmp_path, served, None)
        return
    read = read_window(tmp_path, served, None)
    assert (read.rows, read.others, read.broken) == (len(found), others, broken)
    assert tuple(read.features) == schema.feature_names
    for feature in schema.feature:
        column = [record.features[feature.name] for record in found]
        expected = Categories.of(Counter(column)) if feature.is_category else Numbers.of(column)
        assert read.features[feature.name].as_json() == expected.as_json(), feature.name


def test_a_boolean_counts_as_1_or_0_and_anything_else_is_missing(tmp_path):
    served = Served(TAG, make_schema({"active": "boolean"}))
    sent = [True, True, False, None, 1, "true"]
    write_journal(tmp_path / "predictions-a-1.jsonl", *(other_line(active=value) for value in sent))
    with pytest.raises(NothingToJudge, match="x:v1"):
        read_window(tmp_path, served._replace(model="x:v1"), None)
    read = read_window(tmp_path, served, None)
    # The only feature is required, so a line without it is broken.
    assert (read.features["active"].mean, read.rows, read.broken) == (2 / 3, 3, 3)


def test_lines_of_a_model_of_another_schema_are_of_that_model_and_hurt_nothing(tmp_path):
    same_name = other_line(2, "telco:v1", tenure_months={"value": ["of", "another", "type"]}, Contract="Two year")
    mixed = [line(1), same_name, other_line(3, "telco:v1", Contract="Two year"), line(4), other_line(5)]
    write_journal(tmp_path / "predictions-a-1.jsonl", *mixed)
    read = read_window(tmp_path, SERVED, None)
    assert (read.rows, read.others, read.broken) == (2, {"telco:v1": 2}, 1)
    assert read.features["tenure_months"].missing == 0
    telco = Served("telco:v1", make_schema({"Contract": "category"}))
    read = read_window(tmp_path, telco, None)
    assert (read.rows, read.others, read.broken) == (2, {TAG: 3}, 0)


def test_a_record_of_nothing_counts_where_all_features_are_optional(tmp_path):
    write_journal(tmp_path / "predictions-a-1.jsonl", other_line(1, Contract=None), other_line(2, Contract="Two year"))
    kinds = {"Contract": "category", "tenure": "number"}
    optional = read_window(tmp_path, Served(TAG, make_schema(kinds, "impute")), None)
    assert (optional.rows, optional.features["Contract"].missing, optional.broken) == (2, 1, 0)
    required = read_window(tmp_path, Served(TAG, make_schema(kinds)), None)
    assert (required.rows, required.features["Contract"].missing, required.broken) == (1, 0, 1)


def test_keys_are_told_apart_by_case(tmp_path):
    write_journal(tmp_path / "predictions-a-1.jsonl", other_line(Tenure=1.0, tenure=2.0, TENURE=3.0))
    read = read_window(tmp_path, Served(TAG, make_schema({"tenure": "number"})), None)
    assert read.features["tenure"].values.tolist() == [2.0]


def test_a_tag_with_a_quote_is_a_text(tmp_path):
    tag = "it's:v1' OR '1"
    write_journal(tmp_path / "predictions-a-1.jsonl", line(1, tag), line(2))
    assert read_window(tmp_path, SERVED._replace(model=tag), None).others == {TAG: 1}


def test_without_a_schema_records_of_all_models_are_read_by_their_ids(tmp_path):
    lines = (
        line(1, request_id="a"),
        other_line(2, "telco:v1", Contract="x"),
        line(3).replace(b'"features"', b'"others"'),
    )
    path = write_journal(tmp_path / "predictions-a-1.jsonl", *lines)
    with open_scan(latest_moment(), ids=True) as scan:
        scan.load([path])
        assert scan.connection.execute("FROM records SELECT model, request_id ORDER BY moment").fetchall() == [
            (TAG, "a"),
            ("telco:v1", "r"),
        ]
        assert scan.broken() == 1


def test_two_hundred_features_are_read_within_the_memory_that_the_reader_allows_itself(tmp_path):
    names = [f"n{number}" for number in range(200)]
    write_journal(tmp_path / "predictions-a-1.jsonl", *[other_line(**dict.fromkeys(names, 7.5))] * 40)
    read = read_window(tmp_path, Served(TAG, make_schema(dict.fromkeys(names, "number"))), None)
    assert {(summary.mean, summary.rows) for summary in read.features.values()} == {(7.5, 40)}
