"""How a body is encoded and how its numbers are spelled, over real HTTP, on both routes alike."""

import asyncio
import gzip
import json
import zlib

import bentoml
import httpx
import pytest
from conftest import SAFE
from hypothesis import example, given, settings
from hypothesis import strategies as st

from churn.errors import RecordError
from churn.schema.reading import bundled_schema
from churn.schema.record import RecordValidator
from churn.scoring.batch import parse_batch

GOOD = {"/predict": json.dumps(SAFE).encode(), "/predict/batch": json.dumps({"customers": [SAFE]}).encode()}
MARK = b"\xef\xbb\xbf"
VALIDATOR = RecordValidator(bundled_schema())
both_routes = pytest.mark.parametrize("path", GOOD)


@pytest.fixture(scope="module")
def http(server):
    with httpx.Client(base_url=server.url) as client:
        yield client


def post(http, path, body, *headers):
    return http.post(path, content=body, headers=[("content-type", "application/json"), *headers])


def with_tenure(path, literal):
    return GOOD[path].replace(b'"tenure_months": 48', f'"tenure_months": {literal}'.encode())


@both_routes
@pytest.mark.parametrize(
    ("encodings", "named"),
    [
        (["gzip"], "gzip"),
        (["GZip"], "gzip"),
        (["deflate"], "deflate"),
        (["br"], "br"),
        (["zstd"], "zstd"),
        (["gzip, br"], "gzip, br"),
        (["identity, x-gzip"], "x-gzip"),
        (["identity", "gzip"], "gzip"),
        (["g" * 500], "g" * 64 + ";"),
    ],
)
def test_an_encoded_body_is_415_and_its_encoding_is_named(http, path, encodings, named):
    bodies = {"gzip": gzip.compress, "deflate": zlib.compress}
    body = bodies.get(encodings[0], bytes)(GOOD[path])
    answer = post(http, path, body, *(("content-encoding", value) for value in encodings))
    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "identity"
    assert f"encoded as {named}" in answer.json()["error"]
    assert answer.json()["detail"][0]["type"] == "unsupported_content_encoding"
    assert len(answer.content) < 1000


@both_routes
@pytest.mark.parametrize("encoding", ["identity", "Identity", "identity, identity", "", ", identity"])
def test_a_body_encoded_as_itself_is_taken(http, path, encoding):
    assert post(http, path, GOOD[path], ("content-encoding", encoding)).status_code == 200


def test_415_for_another_type_does_not_speak_of_encodings(http):
    answer = http.post("/predict", content=GOOD["/predict"], headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    assert "accept-encoding" not in answer.headers


@both_routes
def test_a_byte_order_mark_is_ignored(http, path):
    assert post(http, path, MARK + GOOD[path]).status_code == 200
    for body in (MARK * 2 + GOOD[path], b" " + MARK + GOOD[path], MARK):
        assert post(http, path, body).status_code == 400


@both_routes
@pytest.mark.parametrize(
    ("codec", "named"),
    [
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("utf-32-le", "UTF-32"),
        ("utf-32-be", "UTF-32"),
    ],
)
def test_a_body_of_another_encoding_is_400_and_its_encoding_is_named(http, path, codec, named):
    answer = post(http, path, GOOD[path].decode().encode(codec))
    assert answer.status_code == 400
    assert answer.json()["error"] == f"the body is not valid JSON: it is {named}; send it as UTF-8"
    assert answer.json()["detail"][0]["type"] == "json_invalid"


@both_routes
def test_a_compressed_body_that_does_not_say_so_is_named(http, path):
    answer = post(http, path, gzip.compress(GOOD[path]))
    assert (answer.status_code, "gzip" in answer.json()["error"]) == (400, True)


@both_routes
@pytest.mark.parametrize("literal", ["48.0", "4.8e1", "480E-1", "48.000"])
def test_an_integer_may_have_a_fraction_of_zero(http, server, path, literal):
    answer = post(http, path, with_tenure(path, literal))
    assert answer.status_code == 200
    features = b'"features":{"tenure_months":48,"num_complaints":0,'
    assert features in server.home.journal_lines()[-1].encode()
    if path == "/predict":
        assert features in answer.content


@both_routes
@pytest.mark.parametrize("literal", ["48.5", "200.5", "201.0", "-1.0", "1e400", "9e18", "1e19", "true", '"48"', "null"])
def test_a_number_that_is_no_integer_in_range_is_400(http, path, literal):
    answer = post(http, path, with_tenure(path, literal))
    assert answer.status_code == 400
    assert answer.json()["detail"][0]["loc"][-1] == "tenure_months"


def test_minus_zero_is_zero(http):
    body = GOOD["/predict"].replace(b'"num_complaints": 0', b'"num_complaints": -0.0')
    answer = post(http, "/predict", body)
    assert b'"num_complaints":0,' in answer.content


_digits = st.text("0123456789", min_size=1, max_size=25)
_literals = st.one_of(
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "-", "+"]),
        _digits | st.sampled_from(["0", "48", "480", "200", "9" * 308]),
        st.just("") | _digits.map(".{}".format) | st.sampled_from([".0", ".", ".0000000000000000000001"]),
        st.just("") | st.builds("{}{}".format, st.sampled_from(["e", "E", "e-", "e+"]), st.integers(0, 400) | _digits),
    ),
    st.floats().map(json.dumps),
    st.integers().map(str),
    st.sampled_from(["true", "false", "null", '"48"', "NaN", "Infinity", "-Infinity", "[48]", "0x30", "4_8", "48 "]),
)


def judged(parse, body, field):
    """The value that it is read as, with its type, or what is wrong and with which field."""
    try:
        return repr(parse(body).features[field])
    except RecordError as error:
        (problem,) = error.problems
        return problem["type"], problem["loc"][-1:]


@settings(max_examples=600, deadline=None)
@given(_literals, st.sampled_from(["tenure_months", "num_complaints", "avg_session_minutes"]))
@example("48.0", "tenure_months")
@example("-0.0", "num_complaints")
@example("1e400", "tenure_months")
def test_both_routes_judge_a_number_alike_however_it_is_spelled(literal, field):
    record = json.dumps(SAFE | {field: "here"}).replace('"here"', literal).encode()
    single = judged(VALIDATOR.parse, record, field)
    batch = judged(lambda body: asyncio.run(parse_batch(body, VALIDATOR))[0], b'{"customers":[%s]}' % record, field)
    assert single == batch


@pytest.mark.parametrize("digits", [309, 4300, 4301])
@pytest.mark.parametrize("field", ["tenure_months", "avg_session_minutes"])
def test_both_routes_refuse_an_integer_that_no_double_holds(digits, field):
    """With other words where it is for a float, so it is not among the literals above."""
    record = json.dumps(SAFE | {field: "here"}).replace('"here"', "9" * digits).encode()
    with pytest.raises(RecordError):
        VALIDATOR.parse(record)
    with pytest.raises(RecordError):
        asyncio.run(parse_batch(b'{"customers":[%s]}' % record, VALIDATOR))


def test_bentomls_clients_may_send_a_fraction_of_zero(server):
    record = SAFE | {"tenure_months": 48.0}
    with bentoml.SyncHTTPClient(server.url) as client:
        features = client.predict(record)["features"]
        (item,) = client.predict_batch({"customers": [record]})["predictions"]
    assert json.dumps(features).startswith('{"tenure_months": 48, "num_complaints": 0,')
    assert item["prediction"] == 0
