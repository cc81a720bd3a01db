"""The limits' settings, and bodies that are small to send and large to read."""

import asyncio
import json
import time
import tracemalloc

import pytest

from churn.errors import RecordError, SettingsError
from churn.schema.definition import Schema
from churn.schema.json_schema import example_record
from churn.schema.reading import bundled_schema
from churn.schema.record import MAX_COUNTED, MAX_PROBLEMS, RecordValidator
from churn.scoring.batch import MAX_ROWS, max_values, parse_batch
from churn.settings import LimitSettings, read_settings

VALIDATOR = RecordValidator(bundled_schema())
ROW = example_record(bundled_schema())


def test_each_limit_is_a_setting(tmp_path):
    names = {
        "CHURN_MAX_BODY_BYTES": "2000",
        "CHURN_MAX_BATCH_BYTES": "3000",
        "CHURN_MAX_PENDING_BYTES": "2000000",
        "CHURN_MAX_HEADER_BYTES": "5000",
        "CHURN_MAX_CONCURRENCY": "6",
        "CHURN_MAX_CONNECTIONS": "7",
        "CHURN_REQUEST_SECONDS": "8.5",
    }
    settings = read_settings({"CHURN_HOME": str(tmp_path)} | names)
    assert settings.limits == LimitSettings(2000, 3000, 2_000_000, 5000, 6, 7, 8.5)
    assert read_settings({"CHURN_HOME": str(tmp_path)}).limits == LimitSettings()


def test_limits_that_contradict_each_other_and_switches_that_are_neither_are_named():
    with pytest.raises(SettingsError) as caught:
        read_settings({"CHURN_MAX_PENDING_BYTES": "1048576", "CHURN_DOCS": "maybe", "CHURN_MAX_CONCURRENCY": "0"})
    assert "at least CHURN_MAX_BATCH_BYTES, 8388608" in str(caught.value)
    assert "CHURN_DOCS='maybe' is not allowed; allowed: on, off" in str(caught.value)
    assert "CHURN_MAX_CONCURRENCY='0'" in str(caught.value)


def test_a_prediction_token_is_asked_for_as_soon_as_it_is_named(tmp_path):
    file = tmp_path / "token"
    file.write_text("replace-me\n")
    closed = read_settings({"CHURN_PREDICT_TOKEN_FILE": str(file)}).predict
    assert (closed.value, closed.asked_for) == (None, True)
    assert read_settings({}).predict.asked_for is False


def names(count):
    return ",".join(f'"{number}":1' for number in range(count))


BOMBS = {
    "empty lists": b'{"customers":[' + b",".join([b"[]"] * 2_700_000) + b"]}",
    "empty objects": b'{"customers":[' + b",".join([b"{}"] * 2_700_000) + b"]}",
    "numbers": b'{"customers":[' + b",".join([b"1"] * 4_000_000) + b"]}",
    "names in one row": ('{"customers":[{' + names(600_000) + "}]}").encode(),
    "names in every row": ('{"customers":[' + ",".join(["{" + names(80) + "}"] * MAX_ROWS) + "]}").encode(),
    "names beside the rows": ("{" + names(600_000) + "}").encode(),
    "lists in lists": b"[" * 2**23,
    "digits": b'{"customers":[' + b"9" * (2**23 - 20) + b"]}",
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_a_batch_that_is_a_bomb_is_refused_before_it_takes_memory_or_time(body):
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(RecordError) as caught:
        asyncio.run(parse_batch(body, VALIDATOR))
    seconds = time.process_time() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 0.5  # parsed in full, these take up to ten seconds and a gigabyte
    assert peak < 2**23
    assert len(caught.value.problems) == 1


def wide(count):
    """The validator of a schema of that many features, of each kind by turns."""
    kinds = ("integer", "category", "number", "boolean")
    features = [{"name": f"feature_{n:04}", "kind": kinds[n % 4]} for n in range(count)]
    base = {"version": 1, "name": "wide", "target": {"column": "left"}}
    return RecordValidator(Schema.model_validate(base | {"feature": features}))


@pytest.mark.parametrize("validator", [VALIDATOR, wide(1), wide(19), wide(200)], ids=["bundled", "1", "19", "200"])
def test_the_largest_rows_that_are_allowed_fit_under_the_bound_of_values(validator):
    row = example_record(validator.schema) | {"request_id": "id"}
    body = json.dumps({"customers": [row] * MAX_ROWS}).encode()
    assert sum(map(body.count, (b",", b"[", b"{"))) < 0.5 * max_values(validator.schema)
    assert len(asyncio.run(parse_batch(body[: body.index(b"}") + 1] + b"]}", validator))) == 1


@pytest.mark.slow
def test_ten_thousand_rows_of_two_hundred_features_are_read():
    validator = wide(200)
    body = json.dumps({"customers": [example_record(validator.schema)] * MAX_ROWS}).encode()
    assert len(asyncio.run(parse_batch(body, validator))) == MAX_ROWS


def test_a_record_of_a_thousand_features_fits_the_default_limit_of_a_body():
    validator = wide(1000)
    row = {
        feature.name: "of 24 characters, padded" if feature.is_category else value
        for feature, value in zip(validator.schema.feature, example_record(validator.schema).values(), strict=True)
    }
    body = json.dumps(row).encode()
    assert len(body) < LimitSettings().body_bytes
    assert len(validator.parse(body).features) == 1000


@pytest.mark.parametrize("count", [MAX_PROBLEMS + 1, MAX_COUNTED - 5, MAX_COUNTED + 1])
def test_an_answer_lists_a_bounded_number_of_problems(count):
    with pytest.raises(RecordError) as caught:
        VALIDATOR.parse(("{" + names(count) + "}").encode())
    assert 1 <= len(caught.value.problems) <= MAX_PROBLEMS


def test_a_name_that_a_client_chose_is_not_repeated_in_full():
    with pytest.raises(RecordError) as caught:
        VALIDATOR.parse(json.dumps(ROW | {"k" * 60_000: 1}).encode())
    assert caught.value.problems[0]["loc"] == ["k" * 64]
