"""The training flow: the data is read here; `candidate.py` makes a model of it, gates it, saves and promotes it."""

from pathlib import Path

from churn import bundled, console
from churn.cli import DONE, FOUND, called_as, tell
from churn.data.dataset import Dataset, read_dataset
from churn.errors import DataError
from churn.registry import Registry
from churn.schema.reading import default_schema, read_schema
from churn.settings import Settings
from churn.stored_files import HomeFile
from churn.training.leakage import without_rows_of
from churn.training.options import Options


def run(options: Options, settings: Settings) -> int:
    """Train as asked; returns 0 where the model was promoted, 3 where the gate refused it.

    Raises:
        ChurnError: the data, the registry or an option cannot be used; nothing was promoted.
    """
    _check_report(options)
    registry = Registry(settings.home, settings.model_key, settings.model_name)
    registry.check_can_save(settings.model_name, options.version)
    schema = read_schema(options.schema or default_schema(settings.home))
    dataset = read_dataset(options.data or _default_data(settings.home), schema, _tell)
    holdout = _unseen(read_dataset(options.holdout, schema, _tell), dataset) if options.holdout else None
    _report_copies(dataset)
    # scikit-learn and the ONNX converter take 1.3 s to import, which a file that cannot be used should not cost.
    with console.phase("loading scikit-learn and the ONNX converter"):
        from churn.training.candidate import train_candidate

    promoted = train_candidate(dataset, holdout, registry, options, settings.model_name)
    return DONE if promoted else FOUND


def _check_report(options: Options) -> None:
    for name, path in (("--data", options.data), ("--schema", options.schema), ("--holdout", options.holdout)):
        if options.report and path and options.report.exists() and path.exists() and options.report.samefile(path):
            raise DataError(f"--report {options.report} would replace the file of {name}; choose another name")


def _tell(text: str) -> None:
    tell(called_as(), text)


def _default_data(home: Path) -> Path:
    own = HomeFile.DATA.under(home)
    return own if own.exists() else bundled.DATA


def _unseen(holdout: Dataset, dataset: Dataset) -> Dataset:
    with console.phase("looking for customers that both files have"):
        unseen = without_rows_of(dataset, holdout)
    if left_out := holdout.rows - unseen.rows:
        _tell(
            f"{left_out:,} of {holdout.rows:,} rows of {holdout.path} are left out of the evaluation: "
            f"{dataset.path} has the same customers"
        )
    return unseen


def _report_copies(dataset: Dataset) -> None:
    with console.phase("looking for rows that repeat"):
        copies = dataset.rows - dataset.customers
    if copies:
        _tell(
            f"{copies:,} of {dataset.rows:,} rows of {dataset.path} ({copies / dataset.rows:.1%}) repeat the "
            "features of another row: all rows of equal features are one customer, never divided between folds, and "
            "count as one in every interval"
        )
