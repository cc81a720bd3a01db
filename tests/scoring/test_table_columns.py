import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from churn.data.columns import Columns
from churn.errors import DataError
from churn.schema.reading import parse_schema
from churn.scoring.columns.table import TableColumns

SCHEMA = """
version = 1
name = "made"
retired = ["old_plan"]
[target]
column = "left"
positive = ["yes"]
negative = ["no"]
[identifier]
column = "id"
[file]
missing = {missing}
ignore = ["amounts"]
[[feature]]
name = "months"
kind = "integer"
minimum = -5
maximum = 500
[[feature]]
name = "amount"
kind = "number"
missing = "impute"
[[feature]]
name = "plan"
kind = "category"
case = "lower"
max_length = 8
[[feature]]
name = "active"
kind = "boolean"
missing = "impute"
"""
NUMBERS = ["1", "-1", "+3", " 7 ", "\t7\n", "4.0", "4,0", "4.5", "4,5", ".5", ",5", "5.", "1e2", "1E+2", "1e"]
NUMBERS += ["nan", "NaN", "inf", "-Infinity", "1_0", "0x1", "\u0661", "1.234,5", "1,234.5", "1 000", "-", "--1"]
NUMBERS += ["1e15", "2e15", "1e400", "0.1000000000000000055511151231257827021181583404541015625"]
WORDS = [
    "basic",
    " Premium",
    "a" * 9,
    "tab\there",
    "NA",
    "007",
    "é",
    "yes",
    "Y",
    "FALSE",
    "1.0",
    "0.5",
    "true ",
    "",
    " ",
]
CELLS = st.sampled_from([*NUMBERS, *WORDS]) | st.text("0123456789.,eE+- ", max_size=8)
NAMES = ["months", "amount", "plan", "active"]


def schema(missing=("", " ")):
    return parse_schema(SCHEMA.replace("{missing}", str(list(missing))).encode(), "schema.toml")


def expected(rules: Columns, row, decimal: str) -> list[str]:
    """The columns with a problem, cell by cell."""
    swap = str.maketrans(".,", ",.") if decimal == "," else {}
    found = []
    for name, text in zip(NAMES, row, strict=True):
        feature = rules.features[name]
        as_number = text.translate(swap) if feature.kind in ("integer", "number") else text
        refused = not feature.optional if text in rules.missing else rules.field_problem(name, as_number) is not None
        found += [name] * refused
    return found


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=8),
    st.sampled_from([".", ","]),
    st.sampled_from([("", " "), ("", "nan"), ("", "-1", "NA")]),
    st.booleans(),
)
@example([("1", "1", "basic", "")], ",", ("",), False)
@example([("1", "nan", "basic", "")], ".", ("",), False)
def test_a_row_of_texts_is_refused_exactly_for_its_cells(rows, decimal, missing, coded):
    made = schema(missing)
    text = pa.dictionary(pa.int32(), pa.string()) if coded else pa.string()
    arrays = [pa.array([row[place] for row in rows], pa.string()).cast(text) for place in range(4)]
    batch = pa.RecordBatch.from_arrays(arrays, NAMES)
    columns = TableColumns(pa.schema([(name, pa.string()) for name in NAMES]), made, decimal=decimal)

    found = columns.read(batch)

    rules = Columns(made)
    assert [[name for name, _ in columns.problems(batch, row)] for row in range(len(rows))] == [
        expected(rules, row, decimal) for row in rows
    ]
    assert found.valid.tolist() == [not expected(rules, row, decimal) for row in rows]
    for row, (_, amount, *_) in enumerate(rows):
        if found.valid[row]:
            number = math.nan if amount in rules.missing else float(amount.replace(decimal, "."))
            assert np.array_equal(found.numbers[1][row], number, equal_nan=True)


MONTHS = st.sampled_from([1, -1, -5, 500, 501, -6, None])
TYPED = [
    (pa.int64(), MONTHS),
    (pa.int16(), MONTHS),
    (pa.float64(), st.sampled_from([1.0, 1.5, -1.0, math.nan, math.inf, 501.0, None, 1e300])),
    (pa.float32(), st.sampled_from([1.0, 0.1, math.nan, -math.inf, None])),
    (
        pa.decimal128(10, 2),
        st.sampled_from([Decimal("1.00"), Decimal("0.10"), Decimal("-1.00"), Decimal("501.00"), None]),
    ),
    (pa.null(), st.none()),
]
BOOLEANS = [
    (pa.bool_(), st.sampled_from([True, False, None])),
    (pa.int8(), st.sampled_from([0, 1, 2, -1, None])),
    (pa.float64(), st.sampled_from([0.0, 1.0, 0.5, math.nan, None])),
    (pa.string(), st.sampled_from(["yes", "No", "maybe", "", " ", "-1", None])),
]
PLANS = [
    (pa.string(), st.sampled_from(["basic", "", " ", "-1", "a" * 9, None])),
    (pa.large_string(), st.sampled_from(["basic", None])),
    (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["basic", "", None])),
    (pa.int32(), st.sampled_from([1, 2, -1, 999999999, None])),
]


@st.composite
def typed_batches(draw):
    kinds = [draw(st.sampled_from(choice)) for choice in (TYPED, TYPED, PLANS, BOOLEANS)]
    rows = draw(st.integers(0, 6))
    arrays = [pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), kind) for kind, values in kinds]
    return pa.RecordBatch.from_arrays(arrays, NAMES)


@settings(max_examples=300, deadline=None)
@given(typed_batches(), st.sampled_from([("", " "), ("", "-1"), ("", "nan")]))
def test_a_row_of_typed_values_has_problems_exactly_where_it_is_refused(batch, missing):
    columns = TableColumns(batch.schema, schema(missing))

    valid = columns.read(batch).valid.tolist()

    assert [not columns.problems(batch, row) for row in range(batch.num_rows)] == valid


def message(names, toml=SCHEMA, **options) -> str:
    made = parse_schema(toml.replace("{missing}", '[""]').encode(), "schema.toml")
    with pytest.raises(DataError) as raised:
        TableColumns(pa.schema([(name, pa.string()) for name in names]), made, decimal=".", **options)
    return str(raised.value)


def test_columns_that_are_missing_or_twice_are_refused_by_name():
    assert "column 'months' is missing; did you mean 'Month'?" in message(["Month", "amount", "plan", "active"])
    assert "column 'plan' is there twice" in message(["months", "plan", "plan"])
    # An optional one may be absent, but not under a name that is nearly its own.
    assert "column 'amount' is missing; did you mean 'Amount '?" in message(["months", "Amount ", "plan"])


def test_of_many_columns_that_are_missing_the_first_ones_are_named():
    head = 'version = 1\nname = "wide"\n[target]\ncolumn = "left"\npositive = [1]\nnegative = [0]\n'
    features = "".join(f'[[feature]]\nname = "f{number}"\nkind = "number"\n' for number in range(300))
    wide = parse_schema((head + features).encode(), "schema.toml")
    with pytest.raises(DataError) as refused:
        TableColumns(pa.schema([("a", pa.string())]), wide)
    first, *others, more, found = str(refused.value).splitlines()
    assert (first, len(others)) == ("the table cannot be scored:", 10)
    assert (others[-1], more, found) == ("  column 'f9' is missing", "  and 290 more like this", "  found: 'a'")


def test_an_optional_column_may_be_absent_beside_columns_whose_names_are_known():
    names = ["id", "months", "plan", "amounts", "old_plan", "left", "street"]  # `amounts` is ignored by the schema
    columns = TableColumns(pa.schema([(name, pa.string()) for name in names]), schema(), decimal=".")

    assert columns.names == ["months", "plan"]
    assert columns.notes == [
        "columns that the model does not use: street",
        "column amount is not there: scored as missing",
        "column active is not there: scored as missing",
    ]


TELCO = ["customerID", "gender", "SeniorCitizen", "Partner", "Dependents", "tenure", "PhoneService"]
TELCO += [
    "MultipleLines",
    "InternetService",
    "OnlineSecurity",
    "OnlineBackup",
    "DeviceProtection",
    "TechSupport",
    "StreamingTV",
]
TELCO += ["StreamingMovies", "Contract", "PaperlessBilling", "PaymentMethod", "MonthlyCharges", "TotalCharges", "Churn"]


@pytest.mark.parametrize("absent", TELCO[1:-1])
def test_no_column_of_the_telco_table_is_taken_for_another_that_is_absent(absent):
    features = "".join(f'[[feature]]\nname = "{name}"\nkind = "category"\nmissing = "impute"\n' for name in TELCO[1:-1])
    head = 'version = 1\nname = "telco"\n[target]\ncolumn = "Churn"\npositive = ["Yes"]\nnegative = ["No"]\n'
    made = parse_schema((head + '[identifier]\ncolumn = "customerID"\n' + features).encode(), "schema.toml")

    columns = TableColumns(pa.schema([(name, pa.string()) for name in TELCO if name != absent]), made, decimal=".")

    assert columns.notes == [f"column {absent} is not there: scored as missing"]


def test_texts_not_in_utf_8_have_their_words():
    wrong = pa.array([b"basic", b"b\xe4sic"]).cast(pa.string(), safe=False)
    batch = pa.RecordBatch.from_arrays([pa.array([1, 1]), wrong], ["months", "plan"])
    columns = TableColumns(batch.schema, schema())

    assert columns.read(batch).valid.tolist() == [True, False]
    assert columns.problems(batch, 1) == [("plan", r"'b\\xe4sic' is not UTF-8 text")]
