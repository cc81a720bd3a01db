"""What `/metrics` says of the process, the model and the report, in both of its formats."""

import os
import signal
import time
from datetime import datetime

import httpx
import pytest
from conftest import SAFE, start_workers, wait_until
from prometheus_client import openmetrics, parser
from prometheus_client.openmetrics import parser as openmetrics_parser

OPENMETRICS = {"accept": "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}


def scraped(url, **headers):
    """Each sample of a scrape: (name, labels) -> value."""
    answer = httpx.get(f"{url}/metrics", headers=headers)
    parse = openmetrics_parser if "openmetrics" in answer.headers["content-type"] else parser
    families = parse.text_string_to_metric_families(answer.text)
    samples = (sample for family in families for sample in family.samples)
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}


def of(samples, name):
    return {labels: value for (found, labels), value in samples.items() if found == name}


def test_openmetrics_is_valid_and_says_what_the_older_format_says(server):
    httpx.post(f"{server.url}/predict", json=SAFE)
    httpx.get(f"{server.url}/livez")
    # The one that comes last: of a look at the journal's folder, after its first line.
    last = ("churn_journal_oldest_timestamp_seconds", ())
    wait_until(lambda: last in scraped(server.url), server.log.read_text)
    answer = httpx.get(f"{server.url}/metrics", headers=OPENMETRICS)
    assert answer.headers["content-type"] == openmetrics.exposition.CONTENT_TYPE_LATEST
    assert answer.headers["vary"] == "accept"
    assert answer.text.endswith("# EOF\n")
    older = httpx.get(f"{server.url}/metrics")
    assert older.headers["content-type"].startswith("text/plain; version=0.0.4")
    new, old = scraped(server.url, **OPENMETRICS), scraped(server.url)
    assert set(new) == set(old)
    assert of(new, "churn_predictions_total")
    assert of(new, "bentoml_service_request_total")


@pytest.mark.parametrize("accept", ["application/openmetrics-text; version=1.x", "application/openmetrics-textual", ""])
def test_whatever_is_asked_for_is_answered_in_a_known_format(server, accept):
    answer = httpx.get(f"{server.url}/metrics", headers={"accept": accept})
    assert answer.status_code == 200
    assert "1.x" not in answer.headers["content-type"]


def test_head_answers_like_get_without_the_text(server):
    head = httpx.head(f"{server.url}/metrics", headers=OPENMETRICS)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == openmetrics.exposition.CONTENT_TYPE_LATEST


def test_the_process_the_release_and_the_age_of_the_model_are_there(server):
    samples = scraped(server.url)
    (pid,) = server.worker_pids()
    (start,) = of(samples, "process_start_time_seconds").items()
    assert start[0] == (("pid", str(pid)),)
    assert 0 < time.time() - start[1] < 3600
    assert 50e6 < of(samples, "process_resident_memory_bytes")[start[0]] < 1e9
    assert of(samples, "process_cpu_seconds_total")[start[0]] > 0
    assert 0 < of(samples, "process_open_fds")[start[0]] <= of(samples, "process_max_fds")[start[0]]
    ((labels, one),) = of(samples, "churn_build_info").items()
    assert one == 1
    assert {name for name, _ in labels} == {"version", "bentoml_version", "python_version"}
    card = httpx.get(f"{server.url}/model").json()
    trained = datetime.fromisoformat(card["trained_at_utc"]).timestamp()
    assert of(samples, "churn_model_trained_timestamp_seconds") == {(): trained}


@pytest.mark.slow
def test_a_worker_that_was_replaced_leaves_no_process_behind(home_with_model):
    server = start_workers(home_with_model, "2")
    try:
        first = {str(pid) for pid in server.worker_pids()}
        assert {dict(labels)["pid"] for labels in of(scraped(server.url), "process_open_fds")} == first
        os.kill(server.worker_pids()[0], signal.SIGKILL)

        def seen():
            return {dict(labels)["pid"] for labels in of(scraped(server.url), "process_open_fds")}

        wait_until(lambda: len(seen()) == 2 and seen() != first, server.log.read_text)
        assert seen() == {str(pid) for pid in server.worker_pids()}
        assert of(scraped(server.url), "churn_model_trained_timestamp_seconds")
    finally:
        server.stop()
