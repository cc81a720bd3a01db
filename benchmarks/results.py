"""Figures of a comparison as they are stored, and what is derived from them: medians, ranges, ratios."""

import dataclasses
import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Spread:
    """The median of some rounds with the lowest and the highest."""

    median: float
    low: float
    high: float


def spread(values: list[float]) -> Spread:
    """Of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Measured:
    """One server.

    Attributes:
        name: as the contestants have it.
        version: of its framework, such as `kserve 0.21.0`.
        ready_s: from its start to its first answer, in seconds.
        pss_mib: memory of all its processes after the load.
        rounds: what `load` says, a round.
        own_rps: requests/s of our service in the same rounds.

    """

    name: str
    version: str
    ready_s: float
    pss_mib: float
    rounds: list[dict[str, float]] = field(default_factory=list)
    own_rps: list[float] = field(default_factory=list)

    def spread(self, figure: str) -> Spread:
        """Over the rounds."""
        return spread([figures[figure] for figures in self.rounds])

    def ratio(self) -> Spread:
        """Our requests/s over its own, round by round."""
        return spread([own / figures["rps"] for own, figures in zip(self.own_rps, self.rounds, strict=True)])

    def faulty(self) -> bool:
        """Whether an answer was an error or had a wrong probability, or none came."""
        return any(figures["errors"] or figures["wrong"] or not figures["rps"] for figures in self.rounds)


@dataclass(frozen=True)
class TableResults:
    """All servers on one table; the first is ours, the last the limit."""

    name: str
    features: int
    servers: list[Measured]
    batch: dict[str, float]

    @property
    def title(self) -> str:
        """Its name and width."""
        return f"{self.name}, {self.features} features"


@dataclass(frozen=True)
class Results:
    """One run: when, on what, how, and what came out of it."""

    date: str
    machine: dict[str, Any]
    rounds: int
    seconds: int
    tables: list[TableResults]
    empty_service: Measured
    two_workers: dict[str, Any]

    def faulty(self) -> list[str]:
        """Servers whose figures prove nothing."""
        return [server.name for table in self.tables for server in table.servers if server.faulty()]

    def conditions(self) -> str:
        """Date, machine and procedure, in one line."""
        machine = self.machine
        return (
            f"{self.date}, {machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, Python {machine['python']}"
            f", load {machine['load_before']:.2f} before; medians of {self.rounds} rounds of {self.seconds} s "
            "(lowest-highest)"
        )


def write(results: Results, path: Path) -> None:
    """As JSON, figures to six digits."""
    path.write_text(json.dumps(_rounded(dataclasses.asdict(results)), indent=1) + "\n")


def read(path: Path) -> Results:
    """What `write` has written."""
    content = json.loads(path.read_text())
    tables = [
        TableResults(**{**table, "servers": [Measured(**server) for server in table["servers"]]})
        for table in content["tables"]
    ]
    return Results(**{**content, "tables": tables, "empty_service": Measured(**content["empty_service"])})


def _rounded(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
