"""Champion: the model in service, with which a candidate is compared."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.copies import Customers, number_customers
from churn.errors import ChurnError, ModelInvalid, PointerMissing, RegistryFolderMissing
from churn.evaluation import Predictions
from churn.metrics import Floats, log_losses
from churn.model.scorer import Scorer
from churn.registry import Registry
from churn.schema.definition import Schema
from churn.training.export import score_frame
from churn.training.leakage import FILE_NAME, TrainingRows
from churn.training.paired_bootstrap import (
    MAX_ROWS,
    MIN_CUSTOMERS,
    ChampionComparison,
    paired_differences,
    segment_differences,
)


@dataclass(frozen=True)
class Champion:
    """A loaded champion and the rows that it was fitted on."""

    scorer: Scorer
    fitted_on: TrainingRows

    def probability(self, frame: pd.DataFrame) -> Floats:
        """[n] probabilities of churn of [n] customers."""
        return score_frame(self.scorer, frame)


def compare_with_current(
    registry: Registry, model_name: str, predictions: Predictions, seed: int, schema: Schema
) -> ChampionComparison:
    """Compare an evaluated candidate with the current model of that name, if there is one that can be compared.

    Args:
        registry: where the champion is.
        model_name: what is trained; a current model of another name is no champion.
        predictions: the candidate's predictions for rows that it has not seen.
        seed: of the bootstrap, and of the choice among very many rows.
        schema: of the rows; a champion that needs other features cannot be compared.

    """
    try:
        tag = registry.current()
    except (PointerMissing, RegistryFolderMissing):
        return ChampionComparison()
    except ChurnError as error:
        return ChampionComparison(problem=str(error))
    if tag.partition(":")[0] != model_name:
        return ChampionComparison(tag, f"the current model is {tag}, this is {model_name}: nothing to compare with")
    try:
        champion = load_champion(registry, tag)
    except ChurnError as error:
        return ChampionComparison(tag, str(error))
    if problem := _needs_other_features(champion.scorer.schema, schema):
        return ChampionComparison(tag, f"the schema of {tag} differs: {problem}")
    return compare(champion, predictions, seed)


def _needs_other_features(champions: Schema, ours: Schema) -> str | None:
    there = {feature.name: (feature.kind, feature.category) for feature in ours.feature}
    for feature in champions.feature:
        if feature.name not in there:
            return f"it needs {feature.name}, which is not in the rows"
        if there[feature.name] != (feature.kind, feature.category):
            return f"its {feature.name} is of another kind"
    return None


def current_or_none(registry: Registry) -> str | None:
    """The tag of the current model; None where there is none, or the pointer cannot be read."""
    try:
        return registry.current()
    except ChurnError:
        return None


def load_champion(registry: Registry, tag: str) -> Champion:
    """Load a model and what it was fitted on.

    Raises:
        ChurnError: it cannot be loaded, has another schema version, or does not say what it was fitted on.
    """
    folder = registry.fetch(tag)
    scorer = Scorer.load(tag, folder)
    try:
        content = (folder / FILE_NAME).read_bytes()
    except OSError as error:
        raise ModelInvalid(f"model {tag} does not say which rows it was fitted on ({error})") from None
    return Champion(scorer, TrainingRows.from_bytes(content))


def compare(champion: Champion, predictions: Predictions, seed: int) -> ChampionComparison:
    """Compare an evaluated candidate with a champion, on the rows evaluated that the champion was not fitted on.

    Arguments as `compare_with_current`.
    """
    unseen = champion.fitted_on.absent(predictions.frame)
    rows = np.flatnonzero(unseen)
    found = ChampionComparison(champion.scorer.tag, rows=len(rows), left_out=len(unseen) - len(rows))
    if (
        _customers(predictions, rows).max(initial=-1) + 1 < MIN_CUSTOMERS
        or len(np.unique(predictions.target[rows])) < 2
    ):
        return replace(found, problem=_too_few(found, len(unseen)))
    if len(rows) > MAX_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MAX_ROWS, replace=False))
    frame, target, customer = predictions.frame.iloc[rows], predictions.target[rows], _customers(predictions, rows)
    theirs, ours = champion.probability(frame), predictions.probability[rows]
    log_loss, roc_auc = paired_differences(target, theirs, ours, seed, customer)
    segments = segment_differences(frame, log_losses(target, ours) - log_losses(target, theirs), customer)
    return replace(found, rows=len(rows), log_loss=log_loss, roc_auc=roc_auc, segments=segments)


def _customers(predictions: Predictions, rows: npt.NDArray[np.intp]) -> Customers:
    return number_customers(rows if predictions.customer is None else predictions.customer[rows])


def _too_few(found: ChampionComparison, evaluated: int) -> str:
    has = f"there are {evaluated:,} evaluated rows"
    if found.left_out:
        part = f"{found.left_out:,} of the {evaluated:,}" if found.rows else f"all {evaluated:,}"
        has = f"{found.tag} was, or may have been, fitted on {part} evaluated rows"
    return (
        f"{has}, and a comparison needs at least {MIN_CUSTOMERS} different customers, of both classes, that it has not "
        "seen; give newer rows, or --holdout"
    )
