"""A table is scored like its rows one by one, in whatever form it comes."""

import json

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from constant_scorer import constant_scorer
from tables import Table, make_table

from churn.errors import DataError
from churn.scoring.stored_model import StoredModel
from churn.scoring.table import TableScorer, score_table
from churn.training.export import export_onnx
from churn.training.model_files import model_files
from churn.training.pipeline import train_model

ROWS = 300
OUTPUT = ["customer", "probability", "prediction", "model_version", "warnings"]


def _shop() -> Table:
    """Features of each kind, some of them optional, of other names in files; a field of an earlier schema; an id."""
    random = np.random.default_rng(15)
    visits, price = random.integers(0, 40, ROWS), random.normal(50, 10, ROWS).round(2)
    card, grade = random.random(ROWS) < 0.5, random.choice(["Gold", "Silver", "Bronze"], ROWS)
    town = random.choice(["Zürich", "Accra"], ROWS).astype(object)
    debt = np.where(random.random(ROWS) < 0.3, np.nan, random.normal(0, 5, ROWS).round(1))
    town[random.random(ROWS) < 0.2] = None
    table = make_table(
        {
            "grade": ('kind = "category"\nmax_length = 10', grade),
            "visits": ('kind = "integer"\nminimum = 0\nmaximum = 500', visits),
            "price": ('kind = "number"\nminimum = 0', price),
            "card": ('kind = "boolean"', card),
            "town": ('kind = "category"\ncase = "upper"\nmissing = "impute"', town),
            "debt": ('kind = "number"\nmissing = "impute"', debt),
        },
        2 - 0.1 * visits - 0.8 * card + 0.6 * (grade == "Bronze") + 0.1 * np.nan_to_num(debt, nan=10),
    )
    toml = table.toml.replace('name = "made"', 'name = "shop"\nretired = ["points"]')
    return Table(toml.replace("[target]", '[identifier]\ncolumn = "customer"\n[target]'), table.frame)


SHOP = _shop()


@pytest.fixture(scope="module")
def model() -> StoredModel:
    dataset = SHOP.dataset
    trained = train_model(dataset, estimator="logistic", seed=1)
    files = model_files(trained, export_onnx(trained), dataset, {"seed": 1})
    return StoredModel("shop:v1", files)


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """As pandas hands it over; some rows have a text that training did not see."""
    frame = SHOP.frame.assign(customer=[f"c{number}" for number in range(ROWS)], note="x")
    frame.loc[::7, "town"] = " Ouagadougou"
    return pa.Table.from_pandas(frame, preserve_index=False)


@pytest.fixture(scope="module")
def customers(model, table):
    names = model.scorer.schema.feature_names
    records = [{name: None if row[name] != row[name] else row[name] for name in names} for row in table.to_pylist()]
    return model.scorer.validator.validate(records)


def test_each_row_has_the_scores_of_its_record(model, table, customers):
    scored = score_table(table, model)
    scorer = model.scorer
    assert scored.column_names == OUTPUT
    assert scored["customer"].to_pylist() == [f"c{number}" for number in range(ROWS)]
    assert scored["probability"].to_pylist() == [scorer.score([customer])[0] for customer in customers]
    assert scored["prediction"].to_pylist() == [
        int(probability >= scorer.threshold) for probability in scorer.score(customers)
    ]
    assert set(scored["prediction"].to_pylist()) == {0, 1}
    assert set(scored["model_version"].to_pylist()) == {"shop:v1"}
    assert scored["warnings"].to_pylist() == [list(scorer.warnings(customer)) for customer in customers]
    assert "town 'OUAGADOUGOU' was not seen in training; scored as unknown" in scored["warnings"][0].as_py()


def test_reasons_are_those_of_the_record(model, table, customers):
    scored = score_table(table.slice(0, 40), model, explain=True)
    assert scored.column_names == [*OUTPUT, "summary", "reasons"]
    expected = [each.decode() for each in model.scorer.explain(customers[:40])]
    assert scored["reasons"].to_pylist() == expected
    assert scored["summary"].to_pylist() == [json.loads(each)["summary"] for each in expected]


def test_columns_are_carried_along_as_they_are(model, table):
    scored = score_table(table, model, keep=["note", "town", "customer", "note"])
    assert scored.column_names == ["customer", "note", "town", *OUTPUT[1:]]
    assert scored.select(["note", "town"]).equals(table.select(["note", "town"]).combine_chunks())


def test_without_the_identifier_there_is_none(model, table):
    assert score_table(table.drop_columns(["customer"]), model).column_names == OUTPUT[1:]


def shuffled(table):
    return table.select(table.column_names[::-1])


def chunked(table):
    """Rows in pieces of 1, 2, 3 ... and an empty one between."""
    ends = np.cumsum(np.arange(1, 40))
    pieces = [table.slice(end - size, size) for size, end in enumerate(ends, 1)]
    return pa.concat_tables([*pieces[:5], table.slice(0, 0), *pieces[5:]])


def sliced(table):
    return pa.concat_tables([table.slice(7, 5), table, table.slice(0, 9)]).combine_chunks().slice(5, ROWS)


def cast(table, of_type, names=("grade", "town", "customer", "note")):
    for name in names:
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].cast(of_type))
    return table


def views(table):
    return cast(table, pa.string_view())


def large(table):
    return cast(table, pa.large_string())


def dictionaries(table):
    """Each chunk has a dictionary of its own."""
    pieces = [table.slice(start, 60) for start in range(0, ROWS, 60)]
    return pa.concat_tables(
        [cast(piece.combine_chunks(), pa.dictionary(pa.int8(), pa.string()), ["grade", "town"]) for piece in pieces]
    )


def decimals(table):
    return cast(cast(table, pa.decimal128(12, 2), ["price"]), pa.uint16(), ["visits"])


def zeros_and_ones(table):
    return cast(table, pa.int8(), ["card"])


def through_duckdb(table):
    return duckdb.from_arrow(table).to_arrow_table()


def through_pandas(table):
    frame = table.to_pandas()
    return pa.Table.from_pandas(frame.astype({"grade": "category", "town": "string", "visits": "Int64"}))


FORMS = [
    shuffled,
    chunked,
    sliced,
    views,
    large,
    dictionaries,
    decimals,
    zeros_and_ones,
    through_duckdb,
    through_pandas,
]


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_a_table_makes_no_difference(form, model, table):
    assert score_table(form(table), model).to_pydict() == score_table(table, model).to_pydict()


def test_an_empty_table_has_no_scores(model, table):
    for empty in (table.slice(0, 0), table.schema.empty_table(), pa.Table.from_batches([], table.schema)):
        scored = score_table(empty, model, keep=["note"], explain=True)
        assert scored.num_rows == 0
        assert scored.column_names == ["customer", "note", *OUTPUT[1:], "summary", "reasons"]


def test_a_field_of_an_earlier_schema_is_warned_of(model, table):
    scored = score_table(table.append_column("points", pa.array([1] * ROWS)), model)
    assert scored["warnings"][1].as_py()[-1] == "points is a field of an earlier schema; ignored"


def with_values(table, name, values):
    """The values of some rows, by number."""
    found = table[name].to_pylist()
    for row, value in values.items():
        found[row] = value
    return table.set_column(table.schema.get_field_index(name), name, pa.array(found))


def refusal(table, model, **options):
    with pytest.raises(DataError) as refused:
        score_table(table, model, **options)
    return str(refused.value)


def test_the_first_invalid_rows_are_named(model, table):
    bad = with_values(table, "visits", {1: 501, 3: None})
    bad = with_values(bad, "grade", {2: "x" * 11, 250: "a\nb", 251: "", 252: " ", 299: None})
    pieces = pa.concat_tables([bad.slice(0, 2), bad.slice(2, 100), bad.slice(102)])
    assert refusal(pieces, model).splitlines() == [
        "the table cannot be scored:",
        "  row 2, column visits: '501' is out of range; allowed: whole numbers from 0 to 500",
        "  row 3, column grade: 'xxxxxxxxxxx' is too long (11 characters); allowed: 1 to 10 printable characters",
        "  row 4, column visits: '' is a missing value, and the schema refuses that",
        "  row 251, column grade: 'a\\nb' holds a control character; allowed: 1 to 10 printable characters",
        "  row 252, column grade: '' is a missing value, and the schema refuses that",
    ]


def test_valid_rows_among_invalid_ones_are_scored_in_order(model, table):
    """Whatever type the columns have that are carried along: of string views Arrow can choose none."""
    bad = with_values(table, "visits", {1: 501, 3: None}).combine_chunks()
    nested = pa.array([["x", None]] * ROWS)
    bad = views(bad).append_column("list", nested).append_column("bytes", pa.array([b"x"] * ROWS, pa.binary_view()))
    scorer = TableScorer(model.scorer, bad.schema, keep=["note", "list", "bytes"])
    scored = scorer.score(bad.to_batches()[0])
    kept = [row for row in range(ROWS) if row not in (1, 3)]
    assert np.flatnonzero(scored.valid).tolist() == kept
    assert scored.scores.schema == scorer.output
    assert scored.scores["customer"].to_pylist() == [f"c{row}" for row in kept]
    expected = score_table(table.take(kept), model)
    assert scored.scores["probability"].to_pylist() == scored.probabilities.tolist()
    assert scored.scores["probability"].to_pylist() == expected["probability"].to_pylist()
    assert scored.scores["warnings"].to_pylist() == expected["warnings"].to_pylist()


def test_a_batch_without_a_valid_row_has_no_scores(model, table):
    bad = with_values(table.slice(0, 3), "visits", dict.fromkeys(range(3), -1)).combine_chunks()
    scored = TableScorer(model.scorer, bad.schema, explain=True).score(bad.to_batches()[0])
    assert (scored.scores.num_rows, scored.probabilities.tolist(), scored.valid.tolist()) == (0, [], [False] * 3)


def test_columns_that_cannot_be_scored_are_named(model, table):
    renamed = table.rename_columns({"visits": "Visits", "debt": "debts"})
    renamed = renamed.set_column(0, "grade", pa.array([1.5] * ROWS)).append_column("price", table["price"])
    lines = refusal(renamed, model).splitlines()
    assert "  column 'visits' is missing; did you mean 'Visits'?" in lines
    assert any(line.startswith("  column 'debt' is missing; did you mean 'debts'? If it is") for line in lines)
    assert any(line.startswith("  column 'price' is ") for line in lines)  # there twice
    assert "  column grade: it holds double; allowed: text or whole numbers" in lines


def test_what_cannot_be_carried_along_is_named(model, table):
    assert refusal(table, model, keep=["nope"]).startswith(
        "column 'nope' cannot be carried along: it is not there; did you mean 'note'?"
    )
    taken = table.append_column("probability", pa.array([1.0] * ROWS))
    assert score_table(taken, model).column_names == OUTPUT
    assert "'probability' cannot be carried along" in refusal(taken, model, keep=["probability"])
    twice = table.append_column("note", table["note"])
    assert score_table(twice, model).column_names == OUTPUT
    assert "column 'note' cannot be carried along: it is there twice" in refusal(twice, model, keep=["note"])


def test_a_model_without_reasons_says_so(table):
    with pytest.raises(DataError, match="was stored without reasons; train it anew"):
        TableScorer(constant_scorer(SHOP.schema), table.schema, explain=True)


def test_one_row_is_scored_as_among_many(model, table):
    expected = score_table(table, model)["probability"].to_pylist()
    assert [score_table(table.slice(row, 1), model)["probability"][0].as_py() for row in range(50)] == expected[:50]


def test_no_optional_column_need_be_there(model, table):
    fewer = table.drop_columns(["town", "debt"])
    absent = table.set_column(table.schema.get_field_index("town"), "town", pa.nulls(ROWS))
    absent = absent.set_column(table.schema.get_field_index("debt"), "debt", pa.nulls(ROWS, pa.float32()))
    assert score_table(fewer, model).equals(score_table(absent, model))
    assert pd.Series(score_table(fewer, model)["warnings"].to_pylist()).map(len).eq(2).all()
