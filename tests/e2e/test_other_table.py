"""A service that runs a model of another table: its records, its documents, BentoML's client; and swaps between two."""

import asyncio
import json
import sys

import bentoml
import httpx
import pytest
from conftest import LEAVING, SAFE, start_server, wait_until
from other_table import BUNDLED, OTHER, make_two_models, promote, shop
from test_openapi import check_every_route

from churn.registry import Registry

pytestmark = pytest.mark.slow

SHOPPER = {"class": "Gold", "items": 3, "copy": 51.25, "get": True, "town": "ACCRA", "debt": -1.5}
OWES = {"class": "Bronze", "items": 1, "copy": 20.0, "get": False, "town": None, "debt": None}
RECORDS = {BUNDLED: [SAFE, LEAVING], OTHER: [SHOPPER, OWES]}
REQUIRED = {"class", "items", "copy", "get"}
MISSING = ["town is missing; scored as missing", "debt is missing; scored as missing"]


@pytest.fixture(scope="module")
def models(tmp_path_factory, trained_home):
    return make_two_models(tmp_path_factory.mktemp("two"), trained_home)


@pytest.fixture(scope="module")
def server(models):
    running = start_server(models)
    yield running
    running.stop()


@pytest.fixture
def of_the_shop(server):
    """The server, which serves the shop's model."""
    return serving(server, OTHER)


def serving(server, tag):
    if server.home.pointer.read_text().strip() != tag:
        promote(server.home, tag)
    wait_until(lambda: httpx.get(f"{server.url}/ready").json()["current_model"] == tag, server.log.read_text)
    return server


def ask(server, record):
    return httpx.post(f"{server.url}/predict", json=record)


def documents(server):
    return (httpx.get(f"{server.url}/{name}.json").json() for name in ("docs", "schema"))


def test_its_records_are_answered(of_the_shop):
    answer = ask(of_the_shop, SHOPPER | {"request_id": "mine", "items": 3.0, "town": " accra"}).json()
    assert (answer["model_version"], answer["request_id"]) == (OTHER, "mine")
    assert (answer["features"], list(answer["features"])) == (SHOPPER, list(SHOPPER))
    assert answer["warnings"] == []
    assert json.loads(of_the_shop.home.journal_lines()[-1]) == answer | {"schema_version": 1}


def test_optional_features_may_be_null_or_absent_and_retired_ones_are_ignored(of_the_shop):
    null, absent = OWES, {name: OWES[name] for name in REQUIRED}
    answers = [ask(of_the_shop, record).json() for record in (null, absent, null | {"points": [1]})]
    assert [answer["features"] for answer in answers] == [OWES] * 3
    assert len({answer["probability"] for answer in answers}) == 1
    retired = "points is a field of an earlier schema; ignored"
    assert [answer["warnings"] for answer in answers] == [MISSING, MISSING, [*MISSING, retired]]
    assert answers[0]["probability"] != ask(of_the_shop, OWES | {"debt": 0.0}).json()["probability"]


def test_a_record_of_the_bundled_table_is_refused_and_each_field_is_named(of_the_shop):
    single = ask(of_the_shop, SAFE)
    batch = httpx.post(f"{of_the_shop.url}/predict/batch", json={"customers": [SAFE] * 500})
    assert (single.status_code, batch.status_code) == (400, 400)
    named = {(problem["loc"][0], problem["type"]) for problem in single.json()["detail"]}
    assert named == {(name, "missing") for name in REQUIRED} | {(name, "extra_forbidden") for name in SAFE}
    places = [["customers", row, *p["loc"]] for row in range(12) for p in single.json()["detail"]]
    assert [problem["loc"] for problem in batch.json()["detail"]] == places[:100]


def test_the_document_and_the_record_that_its_page_offers_are_those_of_the_model(of_the_shop):
    document, _ = documents(of_the_shop)
    assert document["info"]["x-model-version"] == OTHER
    assert document["info"]["x-schema"]["name"] == "shop"
    record = document["components"]["schemas"]["Customer"]
    assert list(record["properties"]) == [*SHOPPER, "points", "request_id"]
    assert record["properties"]["items"] == {"type": "integer", "minimum": 0, "maximum": 500, "examples": [19]}
    assert record["properties"]["town"]["type"] == ["string", "null"]
    assert record["properties"]["class"]["description"] == "Grade of the card."
    assert record["properties"]["town"]["description"] == "Characters are counted in upper case and NFC."
    assert set(record["required"]) == REQUIRED
    for path in ("/predict", "/predict/batch"):
        offered = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        answer = httpx.post(of_the_shop.url + path, json=offered)
        assert answer.status_code == 200, answer.text
        assert answer.json().get("warnings", []) == []
    assert answer.json()["predictions"][0]["request_id"] == "req-safe"


def test_answers_fit_the_document(of_the_shop):
    jsonschema = pytest.importorskip("jsonschema")
    document, _ = documents(of_the_shop)
    for record in (SHOPPER, OWES):
        prediction = {"$ref": "#/components/schemas/Prediction", "components": document["components"]}
        jsonschema.validate(ask(of_the_shop, record).json(), prediction, jsonschema.Draft202012Validator)


def test_bentomls_client_sends_what_the_model_in_service_takes_also_after_a_swap(server):
    serving(server, BUNDLED)
    with bentoml.SyncHTTPClient(server.url) as client:  # which reads `/schema.json` now, and not again
        for tag in (BUNDLED, OTHER):
            serving(server, tag)
            for record in RECORDS[tag]:
                assert client.predict(record)["features"] == record
            batch = client.predict_batch({"customers": RECORDS[tag]})
            assert batch["model_version"] == tag
            assert [item["probability"] for item in batch["predictions"]] == [
                pytest.approx(client.predict(record)["probability"], abs=1e-6) for record in RECORDS[tag]
            ]
        with pytest.raises(bentoml.exceptions.BentoMLException) as refused:
            client.predict(SAFE)
        assert json.loads(str(refused.value)) == ask(server, SAFE).json()


def test_what_the_client_reads_has_the_records_of_the_model(of_the_shop):
    document, schema = documents(of_the_shop)
    single, batch = (route["input"]["allOf"][0] for route in schema["routes"])
    record = document["components"]["schemas"]["Customer"]
    assert (single, batch["properties"]["customers"]["items"]) == (record, record)
    assert schema["name"] == "churn-api"


def test_a_call_in_process_takes_a_plain_record(of_the_shop):
    code = (
        "import asyncio, json, sys; from serving import service; from churn.scoring.batch import Batch\n"
        "records = json.loads(sys.argv[1]); service._worker().models.poll(); api = service.ChurnApi()\n"
        "async def run():\n"
        "    batch = await api.predict_batch(Batch(customers=records))\n"
        "    return [await api.predict(record) for record in records], batch\n"
        "singles, batch = asyncio.run(run())\n"
        "print(json.dumps([[one.model_dump() for one in singles], batch.model_dump()]))"
    )
    done = of_the_shop.home.run("-c", code, json.dumps([SHOPPER, OWES]))
    assert done.returncode == 0, done.stderr
    singles, batch = json.loads(done.stdout)
    assert [answer["features"] for answer in singles] == [SHOPPER, OWES]
    assert [answer["probability"] for answer in singles] == [
        ask(of_the_shop, record).json()["probability"] for record in (SHOPPER, OWES)
    ]
    assert len(batch["predictions"]) == 2


def test_without_a_model_the_documents_are_of_the_schema_that_training_would_use(home, serve):
    server = serve(home)
    own = home.path / "schema.toml"

    def fields():
        document, schema = documents(server)
        assert schema["routes"][0]["input"]["allOf"] == [document["components"]["schemas"]["Customer"]]
        return list(document["components"]["schemas"]["Customer"]["properties"])

    assert fields() == [*SAFE, "request_id"]
    own.write_text(shop().toml, encoding="utf-8")
    assert fields() == [*SHOPPER, "points", "request_id"]
    assert ask(server, SHOPPER).status_code == 503
    for damage in (b'version = 1\nname = "x"', b"\xff", b""):
        own.write_bytes(damage)
        assert [fields(), fields()] == [[*SAFE, "request_id"]] * 2
    own.unlink()
    own.mkdir()
    assert fields() == [*SAFE, "request_id"]
    said = [row for row in server.log.read_text().splitlines() if "the bundled one is shown" in row]
    assert len(said) == 4  # once for each damage


def test_every_route_does_what_the_document_of_this_model_says(models, tmp_path, serve):
    check_every_route(serving(serve(models, MONITORING_TOKEN="monitoring-secret"), OTHER), tmp_path)


class Clients:
    """They ask with the records of both tables until told to stop, and check who answers what."""

    def __init__(self, url, expected):
        self.url, self.expected = url, expected
        self.answers = dict.fromkeys([*expected, 400], 0)
        self.wrong, self.stop = [], False

    def check(self, response, tag, records, given):
        """An answer of the model of these records, or a refusal that names fields of the other's."""
        if response.status_code == 400:
            self.answers[400] += 1
            expected = set(RECORDS[BUNDLED if tag == OTHER else OTHER][0])
            named = {problem["loc"][-1] for problem in response.json()["detail"]}
            correct = named <= set(SAFE) | set(SHOPPER) and named & expected
        else:
            self.answers[tag] += 1
            body = response.json()
            values = [self.expected[tag][RECORDS[tag].index(record)] for record in records]
            correct = response.status_code == 200 and body["model_version"] == tag
            correct = correct and given(body) == pytest.approx(values, abs=1e-6)
            correct = correct and body.get("features", records[0]) == records[0]
        if not correct:
            self.wrong.append((tag, response.status_code, response.text[:500]))

    async def ask(self, tag):
        records = RECORDS[tag]
        rows = records * 300  # more than are validated or scored at once
        async with httpx.AsyncClient(base_url=self.url, timeout=30) as client:
            while not self.stop:
                for record in records * 5:
                    response = await client.post("/predict", json=record)
                    self.check(response, tag, [record], lambda body: [body["probability"]])
                response = await client.post("/predict/batch", json={"customers": rows})
                self.check(response, tag, rows, lambda body: [item["probability"] for item in body["predictions"]])

    async def read(self):
        """Documents are of one model, too."""
        async with httpx.AsyncClient(base_url=self.url, timeout=30) as client:
            while not self.stop:
                document = (await client.get("/docs.json")).json()
                fields = set(document["components"]["schemas"]["Customer"]["properties"])
                if not fields > set(RECORDS[document["info"]["x-model-version"]][0]):
                    self.wrong.append(document)
                await asyncio.sleep(0.02)

    async def beside(self, command):
        """Ask while a command runs; its exit code."""
        asking = [asyncio.create_task(self.ask(tag)) for tag in (BUNDLED, OTHER) * 2]
        asking.append(asyncio.create_task(self.read()))
        process = await asyncio.create_subprocess_exec(*command)
        code = await process.wait()
        self.stop = True
        await asyncio.gather(*asking)
        return code


SWAPS = 20
SWAP = """
import pathlib, sys, time
from churn.registry import Registry
registry = Registry(pathlib.Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    with registry.writing() as writer:
        writer.promote(("churn_model_v1:v1", "churn_model_v1:v2")[number % 2], schema_change="for the test")
    time.sleep(0.6)
"""


def test_twenty_swaps_between_two_tables_under_load_mix_nothing(server):
    expected = {}
    for tag, records in RECORDS.items():
        serving(server, tag)
        expected[tag] = [ask(server, record).json()["probability"] for record in records]
    lines = len(server.home.journal_lines())
    clients = Clients(server.url, expected)
    command = [sys.executable, "-c", SWAP, str(server.home.path), str(SWAPS)]
    assert asyncio.run(clients.beside(command)) == 0
    assert clients.wrong == []
    assert min(clients.answers.values()) > 100, clients.answers
    log = server.log.read_text()
    assert log.count("model in service") >= SWAPS
    assert "Traceback" not in log
    for line in map(json.loads, server.home.journal_lines()[lines:]):
        assert set(line["features"]) == set(RECORDS[line["model_version"]][0])
    assert Registry(server.home.path).current() == OTHER
