"""`python -m churn.schema infer`: what it proposes for a file, and what it says of it."""

import csv
import io
from pathlib import Path

import duckdb
import numpy as np
import pytest

from churn.data.dataset import read_dataset
from churn.schema.__main__ import main
from churn.schema.reading import parse_schema

TELCO = Path(__file__).parents[3] / "shared" / "data" / "telco-customer-churn.csv"
ROWS = 400
RANDOM = np.random.default_rng(5)
CHURN = [bool(left) for left in RANDOM.random(ROWS) < 0.3]
YES_NO = ["Yes" if left else "No" for left in CHURN]


@pytest.fixture
def infer(tmp_path, capsysbinary):
    """Infer from columns by name, as a CSV file, or from a path; returns the schema, its text and what was said."""

    def run(source, *options, code=0, delimiter=",", usable=True):
        path = source
        if isinstance(source, dict):
            text = io.StringIO()
            writer = csv.writer(text, delimiter=delimiter)
            writer.writerow(source)
            writer.writerows(zip(*source.values(), strict=True))
            path = tmp_path / "my customers.csv"
            path.write_text(text.getvalue(), encoding="utf-8", newline="")
        found = main(["infer", str(path), *options])
        out, err = (stream.decode() for stream in capsysbinary.readouterr())
        assert found == code, err
        if code:
            return None, out, err
        schema = parse_schema(out.encode(), "out")
        if usable:  # then training takes the file by what was proposed for it
            assert read_dataset(path, schema).rows > 0
        return schema, out, err

    return run


def table(**columns):
    """A table with a feature that is beyond doubt, the columns, and a target."""
    return {"sound": [number * 7 % 50 for number in range(ROWS)], **columns, "Churn": YES_NO}


def feature(schema, name):
    return next((item for item in schema.feature if item.name == name), None)


@pytest.mark.skipif(not TELCO.exists(), reason=f"{TELCO} is not there")
def test_telco_needs_no_more_than_two_looks(infer):
    schema, toml, err = infer(TELCO)
    assert toml.count("# look:") <= 2
    assert (schema.target.column, schema.target.positive, schema.target.negative) == ("Churn", ("Yes",), ("No",))
    assert schema.identifier.column == "customerID"
    assert schema.name == "telco-customer-churn"
    assert len(schema.feature) == 19
    kinds = {item.name: item.kind for item in schema.numbers}
    assert kinds == dict.fromkeys(("SeniorCitizen", "tenure"), "integer") | dict.fromkeys(
        ("MonthlyCharges", "TotalCharges"), "number"
    )
    charges, senior, tenure = (feature(schema, name) for name in ("TotalCharges", "SeniorCitizen", "tenure"))
    assert (charges.missing, charges.minimum, charges.maximum) == ("impute", 0, 20_000)
    assert (senior.minimum, senior.maximum, tenure.minimum, tenure.maximum) == (0, 1, 0, 200)
    assert feature(schema, "Contract").example == "Month-to-month"
    assert sum(item.optional for item in schema.feature) == 1
    assert schema.file.missing == ("", " ")
    assert "7,043 rows, 21 columns" in err
    assert "target Churn, recognised by its name and its values: 'Yes' left (1,869 rows, 26.5%), 'No' stayed" in err
    assert "customerID: identifier" in err
    assert "TotalCharges: missing in 11 of 7,043 rows (0.2%, blank); imputed" in err


@pytest.mark.parametrize(
    ("column", "left", "stayed", "positive", "negative"),
    [
        ("churned", "1", "0", (1,), (0,)),
        ("Churn?", "True", "False", (True,), (False,)),
        ("Exited", "1.0", "0.0", (1,), (0,)),
        ("has_left", "y", "n", ("y",), ("n",)),
        ("Attrition_Flag", "Attrited Customer", "Existing Customer", ("Attrited Customer",), ("Existing Customer",)),
        ("Churn Label", "Churned", "Stayed", ("Churned",), ("Stayed",)),
        ("target", "1", "0", (1,), (0,)),
    ],
)
def test_the_target_is_recognised_by_name_and_values(infer, column, left, stayed, positive, negative):
    source = table(other=["a", "b"] * 200)
    del source["Churn"]
    schema, toml, err = infer(source | {column: [left if churn else stayed for churn in CHURN]})
    assert (schema.target.column, schema.target.positive, schema.target.negative) == (column, positive, negative)
    assert "# look:" not in toml
    assert f"target {column}, recognised by its name and its values: '{left}' left" in err


def test_a_target_of_another_name_is_asked_for(infer):
    source = table(member=["1", "0"] * 200)
    source["gone"] = source.pop("Churn")
    _, out, err = infer(source, code=2)
    assert out == ""
    assert "which column says who left? Name it with --target COLUMN; candidates: 'member' (0, 1)" in err
    assert "'gone' (No, Yes)" in err
    schema, _, err = infer(source, "--target", "gone")
    assert (schema.target.column, schema.target.positive) == ("gone", ("Yes",))
    assert "target gone, recognised by --target" in err


def test_two_targets_that_disagree_are_asked_for_and_two_that_agree_are_not(infer):
    other = [not left for left in CHURN]
    _, _, err = infer(table(Exited=[int(left) for left in other]), code=2)
    assert "candidates: 'Churn'" in err
    assert "'Exited'" in err
    schema, _, err = infer({"Churn Value": [int(left) for left in CHURN]} | table())
    assert schema.target.column == "Churn"
    assert schema.file.ignore == ("Churn Value",)
    assert "Churn Value: ignored; it says the same as the target" in err


def test_texts_of_a_target_that_nobody_knows_are_for_a_person(infer):
    source = table(state=["here" if left else "away" for left in CHURN])
    del source["Churn"]
    schema, toml, err = infer(source, "--target", "state")
    assert (schema.target.positive, schema.target.negative) == (("here",), ("away",))
    doubt = "which of 'away' and 'here' means that the customer left? The rarer was taken"
    assert f"# look: {doubt}" in toml
    assert doubt in err
    states = [
        ("Churned", "Joined", "Stayed")[2 * (not left) - (number % 9 == 0 and not left)]
        for number, left in enumerate(CHURN)
    ]
    schema, toml, _ = infer(source | {"state": states}, "--target", "state")
    assert schema.target.positive == ("Churned",)
    assert set(schema.target.negative) == {"Stayed", "Joined"}
    assert "# look: 'Joined' taken for stayed" in toml


def test_a_target_that_is_none_is_refused(infer):
    _, _, err = infer(table(), "--target", "sound", code=2)
    assert "column 'sound' has 50 different values; a target says left or stayed" in err
    _, _, err = infer(table(all=["Yes"] * ROWS), "--target", "all", code=2)
    assert "column 'all' has one value ('Yes' in 400 rows)" in err
    _, _, err = infer(table(), "--target", "churn", code=2)
    assert "has no column 'churn'; did you mean 'Churn'?" in err


def test_keys_are_the_identifier_or_ignored(infer):
    keys = table(
        RowNumber=range(1, ROWS + 1),
        customerID=[f"{number:04}-X" for number in range(ROWS)],
        account_no=[10_000 + 3 * number for number in range(ROWS)],
    )
    schema, toml, err = infer({"": range(ROWS)} | keys)
    assert schema.identifier.column == "customerID"
    assert set(schema.file.ignore) == {"", "RowNumber", "account_no"}
    assert schema.feature_names == ("sound",)
    assert "# look" not in toml
    assert "RowNumber: ignored; it numbers the rows" in err
    assert "'': ignored; it numbers the rows" in err
    assert "account_no: ignored; a different whole number in every row" in err
    assert "customerID: identifier; a different text in every row" in err
    schema, _, _ = infer(table(id=range(1, ROWS + 1)))
    assert schema.identifier.column == "id"


def test_what_a_model_cannot_use_is_ignored_with_what_to_do(infer):
    words = ["the", "a", "of", "bill", "late", "service", "call", "again", "never", "rude", "slow", "price"]
    schema, _, err = infer(
        table(
            company=["ACME"] * ROWS,
            nothing=[""] * ROWS,
            joined=[f"{2015 + n % 9}-0{1 + n % 9}-{10 + n % 19}" for n in range(ROWS)],
            updated=[f"{1 + n % 28}/{1 + n % 12}/2020 10:00" for n in range(ROWS)],
            day=[20200101 + 100 * (n % 12) + n % 28 for n in range(ROWS)],
            remark=[" ".join(RANDOM.choice(words, 6)) for _ in range(ROWS)],
            price=[f"{1 + n % 9},{100 + n % 900}.50" for n in range(ROWS)],
            fee=[f"${n % 90}.50" for n in range(ROWS)],
            card=[4_000_000_000_000_000 + n % 90 for n in range(ROWS)],
        )
    )
    assert schema.feature_names == ("sound",)
    assert set(schema.file.ignore) == {
        "company",
        "nothing",
        "joined",
        "updated",
        "day",
        "remark",
        "price",
        "fee",
        "card",
    }
    for said in (
        "company: ignored; it is constant: 'ACME' in every row",
        "nothing: ignored; it is empty",
        "instead, give the time since then as a number",
        "remark: ignored; free text; instead, derive categories or numbers from it",
        "price: ignored; numbers such as '1,",
        "fee: ignored; numbers such as '$",
        "write digits and a decimal mark only",
        "card: ignored; numbers beyond 1e+14",
    ):
        assert said in err
    for name in ("joined", "updated", "day"):
        assert f"{name}: ignored; dates such as" in err


def test_amounts_are_no_dates(infer):
    """`3535.48` has the form of a month of the year 3535."""
    schema, _, err = infer(table(amount=[f"{1000 + 37 * n % 9000}.{n % 90 + 10}" for n in range(ROWS)]))
    assert [(feature.name, feature.kind) for feature in schema.feature if feature.name == "amount"] == [
        ("amount", "number")
    ]
    assert "amount:" not in err


def test_leakage_suspects_are_ignored_and_must_be_looked_at(infer):
    random = np.random.default_rng(6)
    noise = random.random(ROWS).tolist()
    schema, toml, err = infer(
        table(
            refund=[left * 5 + number for left, number in zip(CHURN, noise, strict=True)],
            score=[left * 0.9 + number for left, number in zip(CHURN, noise, strict=True)],
            useful=[left * 0.4 + number for left, number in zip(CHURN, noise, strict=True)],
            reason=[random.choice(["price", "moved", "other"]) if left else "" for left in CHURN],
            stage=["closing" if left else random.choice(["a", "b"]) for left in CHURN],
        )
    )
    assert schema.feature_names == ("sound", "useful")
    assert set(schema.file.ignore) == {"refund", "score", "reason", "stage"}
    assert toml.count("# look:") == 4
    assert "refund: ignored; it says the same as the target; was it filled only after customers had left?" in err
    assert "score: ignored; by itself it tells who left (ROC AUC 0.99" in err
    assert "reason: ignored; it is filled only where the customer left" in err
    assert "stage: ignored; it says the same as the target" in err


def test_kinds_ranges_and_examples(infer):
    schema, _, _ = infer(
        table(
            flag=[n % 2 for n in range(ROWS)],
            active=["True", "FALSE"] * 200,
            share=[n / ROWS for n in range(ROWS)],
            balance=[-50 + n / 2 for n in range(ROWS)],
            floats=[f"{n % 30}.0" for n in range(ROWS)],
            plan=["basic", "Basic ", "premium", "basic"] * 100,
            zip=[f"0{n % 5}501" for n in range(ROWS)],
            long=["x" * 60, "y"] * 200,
        )
    )
    flag, active, share, balance, floats, plan, code, long = schema.feature[1:]
    assert (flag.kind, flag.minimum, flag.maximum) == ("integer", 0, 1)
    assert (active.kind, active.example) == ("boolean", False)
    assert (share.kind, share.minimum, share.maximum) == ("number", 0, 1)
    assert (balance.kind, balance.minimum, balance.maximum) == ("number", -100, 500)
    assert (floats.kind, floats.maximum, floats.example) == ("integer", 50, 14)
    assert (plan.kind, plan.case, plan.example) == ("category", "lower", "basic")
    assert (code.kind, code.case, code.max_length) == ("category", "keep", 64)
    assert long.max_length == 128


def test_texts_that_differ_in_case_become_one_and_it_is_said(infer):
    _, _, err = infer(table(plan=["basic", "Basic "] * 200))
    assert "plan: 'Basic' and 'basic' become one: case is lower" in err


def test_missing_values_are_found_with_their_marks(infer):
    schema, _, err = infer(
        table(
            minutes=["12", " ", "N/A", "3.5", "", "7", "8", "?"] * 50,
            region=["EU", "N/A", "AF", "AS"] * 100,
            plan=["a", "  ", "b", "a"] * 100,
        )
    )
    assert schema.file.missing == ("", " ", "  ", "?", "N/A")
    minutes, region, plan = schema.feature[1:]
    assert (minutes.kind, minutes.missing, minutes.example) == ("number", "impute", 7)
    assert region.missing == plan.missing == "impute"  # among texts too: `missing` is of the file
    assert "minutes: missing in 200 of 400 rows (50.0%, blank or '?', 'N/A'); imputed" in err
    assert "region: missing in 100 of 400 rows (25.0%, blank or 'N/A')" in err
    assert "plan: missing in 100 of 400 rows (25.0%, blank)" in err


def test_na_among_texts_alone_is_a_region(infer):
    schema, _, _ = infer(table(region=["EU", "NA", "AF", "AS"] * 100))
    assert not feature(schema, "region").optional
    assert schema.file.missing == ("",)


def test_a_few_texts_among_numbers_are_for_a_person(infer):
    schema, toml, err = infer(table(age=[n % 60 if n % 50 else "young" for n in range(ROWS)]), usable=False)
    assert feature(schema, "age").kind == "integer"
    said = "8 fields are no numbers: 'young'; correct them, or add them to `missing` of [file]"
    assert f"# look: {said}" in toml
    assert f"age: {said}" in err


def test_many_levels_are_said(infer):
    schema, toml, err = infer(
        table(city=[f"c{n % 60}" for n in range(ROWS)], shop=[f"s{n % 150}" for n in range(ROWS)])
    )
    assert feature(schema, "city").kind == feature(schema, "shop").kind == "category"
    assert "city: 60 levels, of which training takes the rare ones together" in err
    assert toml.count("# look:") == 1


def test_names_are_words_and_columns_stay(infer):
    columns = ["Call  Failure", "call_failure", "2G usage", "request_id", "Größe (cm)", "Ärger"]
    schema, _, _ = infer(table(**{name: [(n + k) % 9 for n in range(ROWS)] for k, name in enumerate(columns)}))
    assert [(item.name, item.in_files) for item in schema.feature[1:]] == [
        ("call_failure", "Call  Failure"),
        ("call_failure_2", "call_failure"),
        ("x_2g_usage", "2G usage"),
        ("request_id_2", "request_id"),
        ("größe_cm", "Größe (cm)"),
        ("Ärger", "Ärger"),
    ]
    assert schema.name == "my-customers"


def test_texts_that_toml_must_escape(infer):
    strange = 'a "b" \\ c\x7f'
    schema, _, _ = infer(table(**{strange: ["x\\", '"y"'] * 200}))
    assert schema.feature[1].in_files == strange
    assert schema.feature[1].example in ("x\\", '"y"')


def test_semicolons_and_decimal_commas(infer):
    source = table(amount=[f"{n % 90},{n % 10}5" for n in range(ROWS)])
    schema, _, err = infer(source, delimiter=";")
    amount = feature(schema, "amount")
    assert (amount.kind, amount.maximum) == ("number", 200)
    assert amount.example == 39.95
    assert "fields separated by ';', decimal comma" in err


def write_parquet(path, select):
    path.parent.mkdir(exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path


SELECT = (
    "SELECT i % 60 AS tenure, (i % 3 = 0)::BOOLEAN AS active, (i % 7)::DECIMAL(9, 2) / 4 AS fee, "
    "DATE '2020-01-01' + i::INT AS joined, [i] AS list, if(i % 9 = 0, 'nan'::DOUBLE, i / 8) AS minutes, "
    "hash(i) % 3 = 0 AS churn FROM range(300) t(i)"
)


def test_parquet_and_a_folder_of_it(infer, tmp_path):
    one, _, err = infer(write_parquet(tmp_path / "customers.parquet", SELECT))
    assert {item.name: item.kind for item in one.feature} == {
        "tenure": "integer",
        "active": "boolean",
        "fee": "number",
        "minutes": "number",
    }
    assert feature(one, "minutes").optional
    assert one.file.missing == ("",)
    assert one.target.positive == (True,)
    assert set(one.file.ignore) == {"joined", "list"}
    assert "list: ignored; it holds lists, structs or bytes" in err
    folder = tmp_path / "customers"
    for part in range(2):
        write_parquet(folder / f"part-{part}.parquet", f"{SELECT} WHERE i % 2 = {part}")
    (folder / "_SUCCESS").touch()
    many, _, err = infer(folder)
    assert "300 rows, 7 columns" in err
    assert many.model_dump() == one.model_dump()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; expected a header and rows"),
        (b"a,Churn\n", "there are columns, but no row of data"),
        (b"a,Churn\n1,Yes\n2\n", "line 3, 1 field instead of 2: '2'"),
        (b"a,Churn\n1,Yes\n\xff,No\n", "line 3, byte 14: 0xff is not UTF-8"),
        (b"a,a,Churn\n1,1,Yes\n2,2,No\n", "column 'a' is there 2 times"),
        (b"a,Churn\n1,Yes\n1,No\n", "no column is left for a feature\n  column 'a': it is constant: '1' in every row"),
    ],
)
def test_files_that_cannot_be_used(infer, tmp_path, content, said):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    _, out, err = infer(path, code=2)
    assert out == ""
    assert err.startswith("churn.schema infer: ")
    assert said in err


def test_no_file_and_no_parquet(infer, tmp_path):
    assert "none.csv cannot be read: No such file or directory" in infer(tmp_path / "none.csv", code=2)[2]
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and no more")
    assert "is a damaged Parquet file" in infer(tmp_path / "x.parquet", code=2)[2]
    (tmp_path / "y.parquet").write_text("a,b")
    assert "is not a Parquet file" in infer(tmp_path / "y.parquet", code=2)[2]
    (tmp_path / "folder").mkdir()
    assert "it is a folder without a file *.parquet" in infer(tmp_path / "folder", code=2)[2]
