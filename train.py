"""Train, judge, save and promote a churn model: `python train.py --help`.

Exit codes: 0 promoted; 3 refused by the gate (the model is kept, the pointer untouched); 2 bad usage or bad
data; 1 only for a crash.
"""

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn.errors import ChurnError, RegistryFolderMissing
from churn.settings import Settings, read_settings

if TYPE_CHECKING:
    from churn.data.dataset import Dataset
    from churn.evaluation import Evaluation
    from churn.registry import Registry
    from churn.training.gate import Verdict

PROMOTED, BAD_INPUT, REFUSED = 0, 2, 3
ESTIMATORS = ("logistic", "hist-gradient-boosting")
MARGIN_HELP = "log loss that may be lost to the model in service (default: %(default)s)"
BUNDLED_DATA = Path(__file__).parent / "data" / "churn.csv"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parse(arguments)
    try:
        return _train(options, read_settings())
    except ChurnError as error:
        sys.stderr.write(f"train.py: {error}\n")
        return BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("train.py: interrupted; `python -m churn.registry list` says which model is current\n")
        return 130


def _train(options: argparse.Namespace, settings: Settings) -> int:
    # Imported here, so that `--help` and a wrong option answer at once.
    from churn.data.dataset import read_dataset
    from churn.registry import Registry

    registry = Registry(settings.home, settings.model_key, settings.model_name)
    registry.check_can_save(settings.model_name, options.version)
    dataset = read_dataset(options.data or _default_data(settings.home))
    holdout = _unseen(read_dataset(options.holdout), dataset) if options.holdout else None
    _say_copies(dataset)
    return _train_on(dataset, holdout, registry, options, settings)


def _say_copies(dataset: "Dataset") -> None:
    if copies := dataset.rows - dataset.customers:
        sys.stderr.write(
            f"train.py: {copies:,} of {dataset.rows:,} rows of {dataset.path} ({copies / dataset.rows:.1%}) repeat the "
            "features of another row: all rows of equal features are one customer, never divided between folds, and "
            "count as one in every interval\n"
        )


def _unseen(holdout: "Dataset", dataset: "Dataset") -> "Dataset":
    from churn.training.leakage import without_rows_of

    unseen = without_rows_of(dataset, holdout)
    if left_out := holdout.rows - unseen.rows:
        sys.stderr.write(
            f"train.py: {left_out:,} of {holdout.rows:,} rows of {holdout.path} are left out of the judgement: "
            f"{dataset.path} has the same customers\n"
        )
    return unseen


def _train_on(
    dataset: "Dataset", holdout: "Dataset | None", registry: "Registry", options: argparse.Namespace, settings: Settings
) -> int:
    # scikit-learn and the ONNX converter take over a second, which a file that cannot be used should not cost.
    from churn.evaluation import evaluate
    from churn.training import model_files as bundle
    from churn.training.champion import challenge_current, current_or_none
    from churn.training.export import check_parity, export_onnx
    from churn.training.gate import judge
    from churn.training.pipeline import train_model
    from churn.training.report import print_report

    model = train_model(dataset, estimator=options.model, seed=options.seed, holdout=holdout)
    onnx = export_onnx(model)
    check_parity(model, onnx)
    evaluation = evaluate(model.judgement, options.seed)

    def judged() -> "Verdict":
        challenge = challenge_current(registry, settings.model_name, model.judgement, options.seed)
        return judge(evaluation, options.gate_f1, challenge, options.margin)

    verdict = judged()
    facts = _facts(options, dataset, evaluation) | {"judged_on": model.judgement.how}
    files = bundle.model_files(model, onnx, dataset, facts)
    with _only_writer(registry):
        if current_or_none(registry) != verdict.challenge.tag:
            verdict = judged()  # another training was faster: its model is the champion now
        tag, promoted = _save(registry, options, settings, verdict, files, facts | {"threshold": model.threshold})
    print_report(tag, evaluation.metrics, verdict, promoted=promoted, forced=options.force_reason)
    return PROMOTED if promoted else REFUSED


@contextlib.contextmanager
def _only_writer(registry: "Registry") -> Iterator[None]:
    """Between the last look at the champion and the promotion, nobody else promotes."""
    registry.store.prepare()
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(RegistryFolderMissing):  # before the first model there is nothing to lock
            stack.enter_context(registry.lock())
        yield


def _save(
    registry: "Registry",
    options: argparse.Namespace,
    settings: Settings,
    verdict: "Verdict",
    files: Mapping[str, bytes],
    facts: Mapping[str, Any],
) -> tuple[str, bool]:
    """Save the model, and promote it if it may; its tag, and whether it was promoted."""
    from churn.training import model_files as bundle

    entry = {
        **facts,
        "gate": verdict.as_dict() | {"forced": options.force_reason},
        "passed_gate": verdict.passed,
        "library_versions": bundle.library_versions(),
    }
    tag = registry.save(settings.model_name, options.version, files, entry)
    promoted = verdict.passed or options.force_reason is not None
    if promoted:
        registry.promote(tag, reason=options.force_reason or "passed the gate", command="train.py")
    return tag, promoted


def _facts(options: argparse.Namespace, dataset: "Dataset", evaluation: "Evaluation") -> dict[str, Any]:
    metrics = evaluation.metrics
    return {
        "trained_at_utc": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "data_file": str(dataset.path),
        "data_sha256": dataset.sha256,
        "rows": dataset.rows,
        "customers": dataset.customers,
        "seed": options.seed,
        "metrics": {name: metric.value for name, metric in metrics.items()},
        "metric_intervals": {name: [metric.low, metric.high] for name, metric in metrics.items()},
    }


def _default_data(home: Path) -> Path:
    own = home / "data" / "churn.csv"
    return own if own.exists() else BUNDLED_DATA


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="train.py",
        description="Train a churn model, judge it at the quality gate, save it, and promote it if it passes.",
        epilog="exit codes: 0 promoted, 3 refused by the gate, 2 bad usage or data, 1 crash",
    )
    option = parser.add_argument
    option("--data", type=Path, metavar="FILE", help="CSV or Parquet to train on (default: the bundled churn.csv)")
    option("--holdout", type=Path, metavar="FILE", help="judge on this file instead of out of fold")
    option("--model", choices=ESTIMATORS, default="logistic", help="estimator (default: %(default)s)")
    option("--version", metavar="v1", help="version of the stored model (default: the next free one)")
    option("--seed", type=_seed, default=42, help="of every random choice (default: %(default)s)")
    option("--gate-f1", type=_share, default=0.60, metavar="F1", help="F1 to reach (default: %(default).2f)")
    option("--margin", type=_share, default=0.002, metavar="NATS", help=MARGIN_HELP)
    option("--force-reason", type=_reason, metavar="TEXT", help="promote against the verdict; the reason is recorded")
    return parser.parse_args(arguments)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 4294967295")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = float("nan")
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return share


def _reason(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the reason is empty; say why the verdict is overruled")
    return text.strip()


if __name__ == "__main__":
    sys.exit(main())
