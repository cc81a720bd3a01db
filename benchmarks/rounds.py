"""Interleaved rounds of load on the servers of one table."""

import contextlib
import json

import machine
from batch import measure_batch
from contestants import contestants, installed
from load import load
from preparation import prepare
from results import Measured, TableResults
from running import Contestant, Running, post, start
from stage import Stage

WARM_UP_SECONDS = 1


def measure(stage: Stage, rounds: int, seconds: int) -> TableResults:
    """Start every server once, ask all of them in turns, and restless ones after the others, with ours alone."""
    prepare(stage)
    found = [contestant for contestant in contestants(stage) if installed(contestant)]
    with contextlib.ExitStack() as stack:
        running = [enter(stack, contestant, stage) for contestant in found if not contestant.restless]
        course = _Course(stage, rounds, seconds, expected_digits(running[0]))
        measured = course.run(running)
        batch = measure_batch(running[0])
        for contestant in (contestant for contestant in found if contestant.restless):
            with contextlib.ExitStack() as brief:
                measured |= course.run_beside(running[0], enter(brief, contestant, stage))
    ordered = [measured[contestant.name] for contestant in found]
    return TableResults(stage.table.name, len(stage.table.record), ordered, batch)


def enter(stack: contextlib.ExitStack, contestant: Contestant, stage: Stage) -> Running:
    """Start a server; the stack ends it."""
    server = start(contestant, stage.folder / f"{contestant.package}.log")
    print(f"{stage.table.name}: {contestant.name} is ready after {server.ready_seconds:.1f} s", flush=True)
    stack.callback(server.stop)
    return server


def expected_digits(server: Running) -> str:
    """The first digits of the record's probability, which every scored answer must contain."""
    answer = json.loads(post(server.url, json.dumps(server.contestant.body).encode()))
    probability = float(answer["probability"])
    for length in (7, 6, 5):  # fewer where the probability lies at a rounding edge
        digits = {f"{probability + shift:.12f}"[:length] for shift in (-1e-6, 0.0, 1e-6)}
        if len(digits) == 1:
            return digits.pop()
    raise SystemExit("the record's probability lies at a rounding edge; choose another record")


class _Course:
    def __init__(self, stage: Stage, rounds: int, seconds: int, expected: str) -> None:
        self.stage, self.rounds, self.seconds, self.expected = stage, rounds, seconds, expected

    def run(self, servers: list[Running]) -> dict[str, Measured]:
        """All in turns; the first is ours."""
        for server in servers:
            load(server, WARM_UP_SECONDS, self.expected, self.stage.folder)
        figures = [[self._load(server) for server in servers] for _ in range(self.rounds)]
        own = [turn[0]["rps"] for turn in figures]
        return {
            server.contestant.name: _measured(server, [turn[place] for turn in figures], own)
            for place, server in enumerate(servers)
        }

    def run_beside(self, own: Running, server: Running) -> dict[str, Measured]:
        """A restless server and ours in turns."""
        load(server, WARM_UP_SECONDS, self.expected, self.stage.folder)
        figures, rates = [], []
        for _ in range(self.rounds):
            with server.held():
                rates.append(self._load(own)["rps"])
            figures.append(self._load(server))
        return {server.contestant.name: _measured(server, figures, rates)}

    def _load(self, server: Running) -> dict[str, float]:
        figures = load(server, self.seconds, self.expected, self.stage.folder)
        print(f"{self.stage.table.name}: {server.contestant.name} {figures['rps']:,.0f} requests/s", flush=True)
        return figures


def _measured(server: Running, figures: list[dict[str, float]], own: list[float]) -> Measured:
    contestant = server.contestant
    release = machine.version(contestant.python, contestant.package)
    return Measured(contestant.name, release, server.ready_seconds, server.pss_mib(), figures, own)
