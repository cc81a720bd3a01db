"""Customers read as columns of Arrow are the customers that the record validator reads, row by row."""

import decimal
import sys
import threading

import numpy as np
import pyarrow as pa
import pytest
from constant_scorer import OTHER, constant_scorer
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from churn.schema.reading import bundled_schema, parse_schema
from churn.scoring.columns.reader import ColumnReader
from churn.scoring.columns.records import customers_of
from churn.scoring.columns.sentences import warning_lists

INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
FLOATS = {16: pa.float16(), 32: pa.float32(), 64: pa.float64()}
DECIMALS = [
    (pa.decimal32(9, 2), 2, 10**7),
    (pa.decimal64(18, 17), 17, 10),
    (pa.decimal128(38, 20), 20, 10**17),
    (pa.decimal256(60, 30), 30, 10**30),
    (pa.decimal128(20, -3), -3, 10**20),
]
TEXTS = [pa.string(), pa.large_string(), pa.string_view()]
LIMITS = [-1e15, -40, -0.5, 0, 0.1, 0.7, 1, 3, 40, 1e15]

whole = st.integers(-(2**63), 2**64 - 1) | st.sampled_from([0, 1, 40, 41, -1, 10**15, 10**15 + 1, 2**53 + 1])
text = (
    st.sampled_from(
        ["A", "a", " A ", "A\u0301", "\u00c1", "\u0149", "\u1e9e", "ss\u0323", "\x00", "a\nb", "\u2028", ""]
    )
    | st.text(st.characters(codec="utf-8"), max_size=6)
    | st.text("aB \u0301", max_size=12)
    | st.builds(lambda letter, times: letter * times, st.sampled_from("aÉ\u0149 "), st.integers(1, 70))
)


@st.composite
def features(draw, number):
    kind = draw(st.sampled_from(["integer", "number", "boolean", "category"]))
    lines = [f'[[feature]]\nname = "f{number}"\nkind = "{kind}"']
    if draw(st.booleans()):
        lines.append('missing = "impute"')
    if kind in ("integer", "number"):
        low, high = sorted(draw(st.lists(st.sampled_from(LIMITS), min_size=2, max_size=2)))
        if kind == "integer" and not any(low <= value <= high for value in (-40, 0, 1, 3, 40)):
            low, high = 0, 40
        lines += [f"minimum = {low!r}"] * draw(st.booleans()) + [f"maximum = {high!r}"] * draw(st.booleans())
    if kind == "category":
        lines.append(f'case = "{draw(st.sampled_from(["keep", "lower", "upper"]))}"')
        lines.append(f"max_length = {draw(st.sampled_from([1, 3, 8, 64]))}")
    return "\n".join(lines)


@st.composite
def schemas(draw):
    count = draw(st.integers(1, 4))
    head = 'version = 1\nname = "any"\n[target]\ncolumn = "left"\npositive = ["yes"]\nnegative = ["no"]\n'
    return parse_schema("\n".join([head, *(draw(features(number)) for number in range(count))]).encode(), "any")


@st.composite
def numbers(draw, rows):
    kind = draw(st.sampled_from(["integer", "float", "decimal"]))
    if kind == "integer":
        of_type = draw(st.sampled_from(INTEGERS))
        bits, signed = of_type.bit_width, str(of_type).startswith("int")
        least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        value = whole.map(lambda number: min(max(number, least), most))
    elif kind == "float":
        width = draw(st.sampled_from([16, 32, 64]))
        of_type = FLOATS[width]
        value = st.floats(width=width) | st.integers(-50, 50).map(float) | st.sampled_from([0.5, 40.5, -0.0])
    else:
        of_type, places, most = draw(st.sampled_from(DECIMALS))
        step = decimal.Decimal(10) ** -places
        unit = st.integers(-int(most / step) + 1, int(most / step) - 1) | st.integers(-50, 50)
        exact = decimal.Context(prec=76)
        value = unit.map(lambda count: exact.multiply(decimal.Decimal(count), step))
    return pa.array(draw(st.lists(value | st.none(), min_size=rows, max_size=rows)), of_type)


@st.composite
def texts(draw, rows):
    of_type = draw(st.sampled_from(TEXTS))
    if draw(st.booleans()):
        return pa.array(draw(st.lists(text | st.none(), min_size=rows, max_size=rows)), of_type)
    entries = draw(st.lists(text | st.none(), min_size=1, max_size=2 * rows + 1))  # unused, missing and repeated ones
    places = st.integers(0, len(entries) - 1) | st.none()
    indices = draw(st.lists(places, min_size=rows, max_size=rows))
    index = draw(st.sampled_from([pa.int8(), pa.int32(), pa.uint16(), pa.int64()]))
    return pa.DictionaryArray.from_arrays(pa.array(indices, index), pa.array(entries, of_type))


@st.composite
def columns_of(draw, schema, rows):
    columns = {}
    for feature in schema.feature:
        shape = draw(st.sampled_from(["there"] * 6 + ["null", "absent"]))
        if shape == "absent":
            continue
        before, after = draw(st.integers(0, 3)), draw(st.integers(0, 2))
        count = before + rows + after
        if shape == "null":
            values = pa.nulls(count)
        elif feature.kind == "boolean":
            flags = st.lists(st.booleans() | st.none(), min_size=count, max_size=count)
            values = pa.array(draw(flags), pa.bool_())
        else:
            values = draw((texts if feature.is_category else numbers)(count))
        columns[feature.name] = values.slice(before, rows)
    return columns


def records(columns, rows):
    """What a client would send instead: of a decimal, the nearest float."""
    lists = {name: column.to_pylist() for name, column in columns.items()}
    return [
        {name: float(v[row]) if isinstance(v[row], decimal.Decimal) else v[row] for name, v in lists.items()}
        for row in range(rows)
    ]


def is_valid(scorer, record):
    try:
        scorer.validator.validate([record])
    except ValidationError:
        return False
    return True


def only(column, rows):
    """Those rows, each a slice: of views Arrow cannot choose."""
    return pa.concat_arrays([column.slice(0, 0), *(column.slice(row, 1) for row in rows)])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_columns_are_read_like_records(data):
    schema = data.draw(schemas())
    rows = data.draw(st.integers(1, 6))
    columns = data.draw(columns_of(schema, rows))
    scorer, reader = constant_scorer(schema), ColumnReader(schema)
    sent = records(columns, rows)
    expected = [is_valid(scorer, record) for record in sent]
    assert reader.read(columns, rows).valid.tolist() == expected

    kept = np.flatnonzero(expected)
    if not len(kept):
        return
    found = reader.read({name: only(column, kept) for name, column in columns.items()}, len(kept))
    customers = scorer.validator.validate([sent[row] for row in kept])
    assert found.all_valid
    assert repr(customers_of(schema, found)).replace("-0.0", "0.0") == repr(customers).replace("-0.0", "0.0")
    assert found.score(scorer).tolist() == scorer.score(customers)
    assert warning_lists(scorer, found).to_pylist() == [list(scorer.warnings(customer)) for customer in customers]
    for column, record in zip(found.inputs, scorer.columns(customers), strict=True):
        assert column.dtype == record.dtype
        np.testing.assert_array_equal(column, record)


@given(st.data())
@settings(max_examples=10, deadline=None)
def test_no_rows_are_read_as_none(data):
    schema = data.draw(schemas())
    found = ColumnReader(schema).read(data.draw(columns_of(schema, 0)), 0)
    assert found.all_valid
    assert customers_of(schema, found) == warning_lists(constant_scorer(schema), found).to_pylist() == []


def test_a_number_is_the_nearest_float_to_a_decimal():
    schema = parse_schema(
        b'version = 1\nname = "d"\n[target]\ncolumn = "left"\npositive = ["y"]\nnegative = ["n"]\n'
        b'[[feature]]\nname = "fee"\nkind = "number"\n',
        "d",
    )
    exact = [decimal.Decimal(text) for text in ("0.1", "0.3", "1.005", "123456789.000000000000000001", "-2.675")]
    found = ColumnReader(schema).read({"fee": pa.array(exact, pa.decimal128(38, 18))}, len(exact))
    assert found.numbers[0].tolist() == [float(number) for number in exact]


@pytest.mark.parametrize("value", [0.5, 2.0, -1.0, np.inf, np.nan])
def test_a_boolean_given_as_a_number_is_0_or_1(value):
    columns = {"get": pa.array([0.0, 1.0, value])}
    schema = parse_schema(
        b'version = 1\nname = "b"\n[target]\ncolumn = "left"\npositive = ["y"]\nnegative = ["n"]\n'
        b'[[feature]]\nname = "get"\nkind = "boolean"\n',
        "b",
    )
    assert ColumnReader(schema).read(columns, 3).valid.tolist() == [True, True, False]


@pytest.mark.parametrize("of_type", TEXTS)
def test_a_text_that_is_not_utf8_makes_its_row_invalid(of_type):
    broken = pa.array([b"A", b"\xff\xfe", None, b"B"], pa.binary()).view(pa.string())
    if of_type == pa.string_view():
        broken = pa.array([b"A", b"\xff\xfe", None, b"B"], pa.binary_view()).view(of_type)
    elif of_type == pa.large_string():
        broken = pa.array([b"A", b"\xff\xfe", None, b"B"], pa.large_binary()).view(of_type)
    columns = {"class": pa.array(["A"] * 4), "items": pa.array([1] * 4), "get": pa.array([True] * 4), "keys": broken}
    for column in (broken, broken.dictionary_encode()):
        assert ColumnReader(OTHER).read(columns | {"keys": column}, 4).valid.tolist() == [True, False, True, True]


def test_retired_fields_are_warned_of_last():
    columns = {"class": pa.array(["A", "new"]), "items": pa.array([1, 2]), "get": pa.array([True, False])}
    scorer = constant_scorer(OTHER)
    found = ColumnReader(OTHER).read(columns, 2)
    sent = [record | {"points": 1, "level": 2} for record in records(columns, 2)]
    expected = [list(scorer.warnings(customer)) for customer in scorer.validator.validate(sent)]
    assert warning_lists(scorer, found, OTHER.retired).to_pylist() == expected
    assert [len(warnings) for warnings in expected] == [4, 5]


def test_threads_share_a_reader():
    """Each has more texts than the reader remembers, so that each forgets all while the others look."""
    switch = sys.getswitchinterval()
    schema = bundled_schema()
    reader, problems = ColumnReader(schema), []

    def read(mark):
        regions = [f" {mark}{number} " for number in range(6_000)]
        rows = len(regions)
        columns = {
            "tenure_months": pa.array([1] * rows),
            "num_complaints": pa.array([1] * rows),
            "avg_session_minutes": pa.array([1.0] * rows),
            "plan_type": pa.array(["basic"] * rows),
            "region": pa.array(regions),
        }
        try:
            for _ in range(3):
                region = reader.read(columns, rows).texts[1]
                assert region.levels[region.codes].tolist() == [
                    schema.categories[1].category.uniform(t) for t in regions
                ]
        except BaseException as error:  # noqa: BLE001 - told to the test
            problems.append(error)

    threads = [threading.Thread(target=read, args=(mark,)) for mark in "pqr"]
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(switch)
    assert problems == []
