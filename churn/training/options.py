"""Options of a training."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from churn.decision import F1, Campaign, Objective
from churn.errors import SettingsError

CAMPAIGN = ("contact_cost", "customer_value", "success_rate")


@dataclass(frozen=True)
class Options:
    """Options of a training: those of `churn train`, of which some make up the objective.

    Attributes:
        data: CSV or Parquet file to train on; None takes `$CHURN_HOME/data/churn.csv`, or else the bundled set.
        schema: schema file; None takes `$CHURN_HOME/schema.toml`, or else the bundled one.
        holdout: file to evaluate the candidate on; None evaluates on rows of `data` that it has not seen.
        estimator: `logistic` or `hist-gradient-boosting`.
        version: of the stored model; None takes the next free one of v1, v2, ...
        seed: of every random choice.
        objective: what the threshold is chosen for.
        gate_f1: F1 that the candidate must reach, 0 to 1; None takes that of the schema, if it has one.
        margin: log loss, in nats, that it may lose to the model in service, 0 to 1.
        force_reason: why it is promoted whatever the gate says; None where it is not.
        accept_schema_change: why it may refuse requests that the model in service accepts; None: it may not.
        report: where to write the page of the model's report too; None: nowhere else.

    """

    data: Path | None
    schema: Path | None
    holdout: Path | None
    estimator: str
    version: str | None
    seed: int
    objective: Objective
    gate_f1: float | None
    margin: float
    force_reason: str | None
    accept_schema_change: str | None
    report: Path | None


def read_objective(given: Mapping[str, Any]) -> Objective:
    """The objective that the options `threshold`, `contact_cost`, `customer_value`, `success_rate` and `top` ask for.

    Raises:
        SettingsError: they do not go together, with each other or with `gate_f1`.
    """
    name = given["threshold"]
    _check_together(name, given)
    if name == "cost":
        return Objective("cost", campaign=_campaign(*(given[option] for option in CAMPAIGN)))
    if name == "top":
        return Objective("top", share=_share(given["top"]))
    return F1


def _check_together(name: str, given: Mapping[str, Any]) -> None:
    for needs, options in (("cost", CAMPAIGN), ("top", ("top",))):
        shown = {option: f"--{option.replace('_', '-')}" for option in options}
        absent = [shown[option] for option in options if given[option] is None]
        if name == needs and absent:
            raise SettingsError(f"--threshold {name} needs {' and '.join(absent)} too")
        if name != needs and len(absent) < len(options):
            found = next(shown[option] for option in options if given[option] is not None)
            raise SettingsError(f"{found} goes with --threshold {needs} only; this is --threshold {name}")
    if given["gate_f1"] is not None and name != "f1":
        raise SettingsError(f"--gate-f1 asks for F1, which --threshold {name} does not aim at; leave one of them out")


def _campaign(contact_cost: float, customer_value: float, success_rate: float) -> Campaign:
    if customer_value == 0:
        raise SettingsError("--customer-value 0 is not allowed; allowed: above 0")
    if success_rate == 0:
        raise SettingsError("--success-rate 0 is not allowed; allowed: above 0, up to 1")
    if contact_cost >= success_rate * customer_value:
        raise SettingsError(
            f"no contact can pay: it costs {contact_cost:,.12g} and brings at most --success-rate x --customer-value = "
            f"{success_rate * customer_value:,.12g}"
        )
    return Campaign(contact_cost, customer_value, success_rate)


def _share(top: float) -> float:
    if top in (0, 1):
        raise SettingsError(f"--top {top:g} is not allowed; allowed: a share between 0 and 1, such as 0.1")
    return top
