"""Schema files: what is in them, and each problem with its line."""

import pytest

from churn.errors import SchemaError
from churn.schema.reading import BUNDLED, bundled_schema, default_schema, parse_schema, read_schema

HEAD = 'version = 1\nname = "t"\n\n[target]\ncolumn = "left"\n\n[[feature]]\nname = "age"\n'


def message(toml):
    with pytest.raises(SchemaError) as refused:
        parse_schema(toml if isinstance(toml, bytes) else toml.encode(), "t.toml")
    return str(refused.value)


def test_the_bundled_schema_is_of_the_bundled_table():
    schema = bundled_schema()
    assert schema.source == BUNDLED.read_bytes()
    assert [(f.name, f.kind, f.low, f.high) for f in schema.numbers] == [
        ("tenure_months", "integer", 0, 200),
        ("num_complaints", "integer", 0, 50),
        ("avg_session_minutes", "number", 0, 500),
    ]
    assert [(f.name, f.case, f.max_length) for f in schema.categories] == [
        ("plan_type", "lower", 32),
        ("region", "upper", 32),
    ]
    assert (schema.gate.f1, schema.file.missing, schema.identifier) == (0.60, ("",), None)


def test_the_schema_of_the_home_comes_before_the_bundled_one(tmp_path):
    assert default_schema(tmp_path) == BUNDLED
    (tmp_path / "schema.toml").write_bytes(BUNDLED.read_bytes())
    assert read_schema(default_schema(tmp_path)).digest == bundled_schema().digest


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ('kind = "int"\n', "line 9, feature age, kind: Input should be 'integer', 'number', 'category' or 'boolean'"),
        ('kind = "integer"\nminimun = 0\n', "line 10, feature age, minimun: there is no such key"),
        ("", "line 7, feature age, kind: it is missing"),
        ('kind = "integer"\nminimum = "0"\n', "line 10, feature age, minimum: Input should be a valid number"),
        ('kind = "integer"\nminimum = 3\nmaximum = 2\n', "line 7, feature age: minimum 3 is above maximum 2"),
        ('kind = "category"\nminimum = 0\n', "line 7, feature age: a category has no minimum"),
        ('kind = "integer"\ncase = "lower"\n', "line 7, feature age: a integer has no case"),
        ('kind = "integer"\nexample = 4.5\n', "line 7, feature age: the example 4.5 is not a whole number"),
        ('kind = "number"\nmaximum = 2e15\n', "minimum and maximum go from -1e+15 to 1e+15"),
        ('kind = "number"\n[[feature]]\nname = "Age"\nkind = "number"\n', "the feature 'age' is there twice"),
        (
            'kind = "number"\n[[feature]]\nname = "a b"\nkind = "number"\n',
            "line 11, feature a b, name: a name is",
        ),
        ('kind = "number"\n[[feature]]\nname = "request_id"\nkind = "number"\n', "line 11, feature request_id, name:"),
        ('kind = "number"\n[[feature]]\nname = "x"\ncolumn = "left"\nkind = "number"\n', "the column 'left' is there"),
        ('kind = "number"\n[fil]\nmissing = [""]\n', "line 10, fil: there is no such key"),
    ],
)
def test_a_problem_is_named_with_its_line(rest, problem):
    assert problem in message(HEAD + rest)


def test_a_file_that_is_no_schema():
    assert "t.toml is not TOML: " in message("a = \n")
    assert "byte 0 is not UTF-8; save it as UTF-8" in message(b"\xff\xfea\0")
    assert "feature: it is missing" in message('version = 1\nname = "t"\n[target]\ncolumn = "left"\n')
    assert "version: " in message(HEAD.replace("version = 1", "version = 2") + 'kind = "number"\n')
    both = HEAD.replace('"left"', '"left"\npositive = ["1.0"]\nnegative = [1]') + 'kind = "number"\n'
    assert "'1.0' cannot be both positive and negative" in message(both)


def test_many_problems_are_counted():
    features = "".join(f'[[feature]]\nname = "f{number}"\nkind = "none"\n' for number in range(14))
    text = message(HEAD.partition("[[feature]]")[0] + features)
    assert text.count("\n") == 11
    assert text.endswith("... and 4 more")


def test_the_digest_is_of_what_is_said_not_of_how_it_is_written():
    one = parse_schema((HEAD + 'kind = "number"\n').encode(), "t")
    same = parse_schema((HEAD.replace("\n\n", "\n# a comment\n") + 'kind = "number"\n').encode(), "t")
    other = parse_schema((HEAD + 'kind = "integer"\n').encode(), "t")
    assert one.digest == same.digest != other.digest


@pytest.mark.parametrize(
    ("text", "label"), [("Yes", 1), (" Yes ", 1), ("No", 0), ("yes", None), ("maybe", None), ("1.0", 1), ("0", 0)]
)
def test_targets_are_told_from_their_texts(text, label):
    toml = HEAD.replace('"left"', '"left"\npositive = ["Yes", 1]\nnegative = ["No", 0]') + 'kind = "number"\n'
    assert parse_schema(toml.encode(), "t").target.label(text) == label
