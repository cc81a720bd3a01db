"""A category has one form, whatever its letter case, its composition, and the way by which it comes."""

import json
import sys
import unicodedata
from functools import cache
from typing import Annotated

import duckdb
import pandas as pd
import pytest
from dataset_files import HEADER, LINE_AFTER, RECORD, VALID, csv, message
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import StringConstraints, TypeAdapter

from churn.data.dataset import read_dataset
from churn.errors import RecordError
from churn.schema.category import Category, Remembered
from churn.schema.reading import bundled_schema
from churn.schema.record import RecordValidator

SCHEMA = bundled_schema()
VALIDATOR = RecordValidator(SCHEMA)
PLAN, REGION = SCHEMA.categories
CHARACTERS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
LATIN, LAMBDA = "\u00dc", "\u019b"  # the latter has an upper case since Unicode 16 only


def rust(**constraint):
    return TypeAdapter(Annotated[str, StringConstraints(**constraint)]).validate_python


@cache
def doubtful():
    """Characters that Python and pydantic's validator change differently, and those that NFC changes."""
    lower, upper = rust(to_lower=True), rust(to_upper=True)
    return [
        character
        for character in CHARACTERS
        if unicodedata.normalize("NFC", character) != character
        or lower(character) != character.lower()
        or upper(character) != character.upper()
    ]


def served(text):
    customer = VALIDATOR.parse(json.dumps(RECORD | dict.fromkeys(SCHEMA.category_names, text)).encode())
    return tuple(customer.features[name] for name in SCHEMA.category_names)


def served_in_a_batch(texts):
    customers = VALIDATOR.validate([RECORD | dict.fromkeys(SCHEMA.category_names, text) for text in texts])
    return [tuple(customer.features[name] for name in SCHEMA.category_names) for customer in customers]


def trained(text):
    """The form that training takes; `test_both_kinds_of_files_are_read_so` reads it from files."""
    return PLAN.category.uniform(text), REGION.category.uniform(text)


def test_every_doubtful_letter_is_known_when_served():
    texts = [form for character in doubtful() for form in (f"{character}.", f"a{character}\u0301")]
    assert len(texts) > 2 * 1200
    forms = [trained(text) for text in texts]
    assert forms == [served(text) for text in texts]
    assert forms == served_in_a_batch(texts)
    parts = [[unicodedata.normalize("NFD", text) for text in row] for row in forms]
    assert forms == [(served(plan)[0], served(region)[1]) for plan, region in parts]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_both_kinds_of_files_are_read_so(tmp_path, suffix):
    texts = [LAMBDA, *doubtful()[200::50]]
    rows = [(1, 1, 1.0, text, text, number % 2) for number, text in enumerate(texts)]
    frame = pd.DataFrame(rows, columns=HEADER.strip().split(","))
    path = tmp_path / f"letters{suffix}"
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        duckdb.from_df(frame).write_parquet(str(path))
    read = read_dataset(path, SCHEMA).frame[list(SCHEMA.category_names)].itertuples(index=False, name=None)
    assert list(read) == [served(text) for text in texts]


def test_a_letter_and_its_parts_are_one_category():
    forms = [LATIN, LATIN.lower(), "U\u0308", "u\u0308", f" {LATIN}\u2003"]
    assert {served(text) for text in forms} == {(LATIN.lower(), LATIN)}
    # An upper case that comes in parts where the lower one is whole, and the other way round.
    assert served("\u01f0") == ("\u01f0", "J\u030c")
    assert served("J\u030c")[0] == "\u01f0"


def test_training_trims_what_a_request_trims():
    """`str.strip` takes U+001C to U+001F too, which no text may hold."""
    strange = [c for c in CHARACTERS if c.isspace() or unicodedata.category(c) in ("Cc", "Cf", "Zs", "Zl", "Zp")]
    for character in strange:
        text = f"{character}eu{character}"
        try:
            known = served(text)
        except RecordError:
            with pytest.raises(ValueError, match="String should"):
                trained(text)
        else:
            assert known == trained(text), ascii(text)
            assert known == ("eu", "EU") or character in known[0]


marks = st.sampled_from(["\u0301", "\u0308", "\u0345", "\u0323", "\u3099", "\u030c"])
letters = st.one_of(
    marks, st.sampled_from("aJ\u03a3\u03b1\u0130\u00df\u1fb7\u0958\ufb03\uac00\u1100\u1161 "), st.characters()
)


@settings(max_examples=300, deadline=None)
@given(st.text(letters, min_size=1, max_size=40))
def test_the_form_of_a_form_is_itself_and_within_the_limit(text):
    for feature in SCHEMA.categories:
        try:
            form = feature.category.uniform(text)
        except ValueError:
            continue
        assert 1 <= len(form) <= feature.max_length
        assert feature.category.uniform(form) == form
        assert feature.category.uniform(unicodedata.normalize("NFD", text)) == form
        VALIDATOR.validate([RECORD | {feature.name: form}])


def test_the_length_that_counts_is_that_of_the_form():
    assert served("e\u0301" * 32) == ("\u00e9" * 32, "\u00c9" * 32)
    assert served("\u1f82" * 16)[0] == "\u1f82" * 16
    with pytest.raises(RecordError) as refused:
        served("\u00df" * 17)
    (problem,) = refused.value.problems
    assert (problem["loc"], problem["type"]) == (["region"], "string_too_long")
    assert problem["msg"] == "String should have at most 32 characters, counted in upper case and NFC"


def test_a_text_that_grows_beyond_the_limit_is_named_with_its_line(tmp_path):
    """In upper case, these 20 letters are 40."""
    text = message(csv(tmp_path, f"{VALID}1,1,1,a,{'\u00df' * 20},1\n"))
    assert (
        f"line {LINE_AFTER}, column region: '{'\u00df' * 20}' is too long (40 characters in upper case and NFC)" in text
    )
    text = message(csv(tmp_path, f"{VALID}1,1,1,{'\u0958' * 17},EU,1\n"))
    assert f"line {LINE_AFTER}, column plan_type: " in text
    assert "is too long (34 characters in lower case and NFC)" in text


def test_a_long_run_of_marks_is_refused_at_once():
    """Putting marks in order takes a time that grows with the square of their number."""
    with pytest.raises(RecordError):
        served("a" + "\u0301\u0323" * 15_000)


def test_few_and_short_texts_are_remembered():
    remembered = Remembered(Category("upper", 32))
    assert remembered[" " * 50_000 + "eu"] == "EU"
    assert len(remembered) == 0
    assert [remembered[f"region {number}"] for number in range(5000)][-1] == "REGION 4999"
    assert 0 < len(remembered) <= 4096
