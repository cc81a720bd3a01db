"""A hundred promotions under full load. What they do to the delay is measured by benchmarks/swap.py."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from conftest import LEAVING, SAFE, wait_until
from test_hot_swap import GOOD, NEXT, copy_home, events, models, served  # noqa: F401 - fixtures among them

pytestmark = pytest.mark.slow

PROMOTIONS = 100
POLL = 0.2

SWAP = """
import pathlib, sys, time
from churn.registry import Registry
registry = Registry(pathlib.Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    with registry.writing() as writer:
        writer.promote(("churn_model_v1:v2", "churn_model_v1:v1")[number % 2])
    time.sleep(0.6)
"""
POST = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '%s'
"""


def start_wrk(server, folder, seconds):
    script = folder / "post.lua"
    script.write_text(POST % json.dumps(LEAVING))
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", "-s", str(script), f"{server.url}/predict"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class Checker:
    """Clients that ask until told to stop, and check that each probability is that of the model that is named."""

    def __init__(self, url, expected):
        self.url, self.expected = url, expected
        self.answers, self.wrong, self.stop = 0, [], False

    async def ask(self):
        async with httpx.AsyncClient(base_url=self.url) as client:
            while not self.stop:
                for name, customer in (("safe", SAFE), ("leaving", LEAVING)):
                    answer = await client.post("/predict", json=customer)
                    found = answer.json()
                    self.answers += 1
                    if answer.status_code != 200 or self.expected[found["model_version"], name] != found["probability"]:
                        self.wrong.append(answer.text)
                batch = (await client.post("/predict/batch", json={"customers": [SAFE, LEAVING]})).json()
                given = [item["probability"] for item in batch["predictions"]]
                if given != [self.expected[batch["model_version"], name] for name in ("safe", "leaving")]:
                    self.wrong.append(json.dumps(batch))

    async def beside(self, command):
        """Ask with four clients while a command runs; its exit code."""
        clients = [asyncio.create_task(self.ask()) for _ in range(4)]
        process = await asyncio.create_subprocess_exec(*command)
        code = await process.wait()
        self.stop = True
        await asyncio.gather(*clients)
        return code


def resident_mib(server):
    """Memory of each worker."""
    status = [Path(f"/proc/{pid}/status").read_text(encoding="utf-8") for pid in server.worker_pids()]
    return [int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) / 1024 for text in status]


def probabilities_of_both(server, home):
    """What each model answers, asked of the service with nothing else going on."""
    expected = {}
    for tag in (NEXT, GOOD):
        home.run("-m", "churn.registry", "promote", tag)
        wait_until(lambda tag=tag: all(served(server) == tag for _ in range(40)), server.log.read_text)
        for name, customer in (("safe", SAFE), ("leaving", LEAVING)):
            expected[tag, name] = httpx.post(f"{server.url}/predict", json=customer).json()["probability"]
    assert len(set(expected.values())) == 4
    return expected


def seconds_to_serve(server, history):
    """For each promotion, how long until each of the two workers had it in service."""
    swaps = [(datetime.fromisoformat(event["ts"]), event["model_tag"]) for event in events(server, "model in service")]
    for promotion in history:
        at = datetime.fromisoformat(promotion["when"])
        delays = [(when - at).total_seconds() for when, tag in swaps if tag == promotion["to"] and when >= at]
        yield sorted(delays)[:2]


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk, the load generator, is missing: apt-get install wrk")
@pytest.mark.timeout(400)
def test_a_hundred_promotions_under_full_load_lose_no_request_and_mix_no_answer(models, tmp_path, serve):  # noqa: F811
    home = copy_home(models, tmp_path)
    server = serve(home, CHURN_WORKERS="2")
    checker = Checker(server.url, probabilities_of_both(server, home))
    memory = resident_mib(server)
    command = [sys.executable, "-c", SWAP, str(home.path), str(PROMOTIONS)]
    before = len((home.registry / "promotions.jsonl").read_text().splitlines())
    wrk = start_wrk(server, tmp_path, 65)
    assert asyncio.run(checker.beside(command)) == 0
    assert checker.answers > 1000
    assert checker.wrong == []
    grown = [after - earlier for earlier, after in zip(memory, resident_mib(server), strict=True)]
    assert max(grown) < 40, "a model that was replaced should be let go"
    history = [json.loads(line) for line in (home.registry / "promotions.jsonl").read_text().splitlines()][before:]
    assert len(history) == PROMOTIONS
    delays = list(seconds_to_serve(server, history))
    assert all(len(of_both) == 2 for of_both in delays)
    assert max(map(max, delays)) < POLL + 1
    report = wrk.communicate()[0]
    assert "Non-2xx" not in report
    assert "Socket errors" not in report
    sys.stderr.write(
        f"\nslowest swap {max(map(max, delays)):.2f} s after; workers grew by {max(grown):.0f} MiB\n{report}"
    )
