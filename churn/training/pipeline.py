"""Training of the scikit-learn pipeline: selection, predictions for rows not seen, and the fit on all rows."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from churn import console
from churn.data.copies import number_customers
from churn.data.dataset import Dataset
from churn.decision import F1, Objective
from churn.evaluation import Predictions
from churn.training.encoding import FIT_ROWS, Inputs, fit_encoder
from churn.training.estimators import ESTIMATORS, Classifier, Estimator, Floats, Parameters
from churn.training.sample import Rows, Sample, Target
from churn.training.selection import Selection, count_folds, evaluate_out_of_fold, select

OUT_OF_FOLD_ROWS = 50_000
"""Up to this many rows, all are predicted out of fold; beyond, a held-out quarter is large enough."""
SELECTION_ROWS = 20_000
"""Regularisation and threshold are chosen on at most this many rows (stratified) of a larger set."""

OUT_OF_FOLD, QUARTER = "out-of-fold", "held-out quarter"
"""Sources of predictions for training rows; that of a holdout is the name of its file."""


@dataclass(frozen=True)
class TrainedModel:
    """A model fitted on all training rows, with predictions that say how good its way of training is.

    Attributes:
        estimator: the estimator's name, a key of `ESTIMATORS`.
        pipeline: takes a frame with the features of the schema as columns, gives [n, 2] probabilities.
        threshold: `probability >= threshold` predicts churn.
        parameters: the regularisation that cross-validation chose.
        predictions: predictions for rows that the models which made them have not seen.
        inputs: what of the training data decided the form of its inputs.
        objective: what the threshold was chosen for.

    """

    estimator: str
    pipeline: Pipeline
    threshold: float
    parameters: Parameters
    predictions: Predictions
    inputs: Inputs
    objective: Objective = F1


def train_model(
    dataset: Dataset, *, estimator: str, seed: int, holdout: Dataset | None = None, objective: Objective = F1
) -> TrainedModel:
    """Choose, fit and evaluate a model.

    Args:
        dataset: what to train on.
        estimator: a key of `ESTIMATORS`.
        seed: of every random choice; the same data and seed give the same model.
        holdout: rows to evaluate on instead of rows of `dataset`.
        objective: what the threshold is chosen for.

    Raises:
        TrainingError: there are too few rows of a class.

    """
    training = _Training(dataset, ESTIMATORS[estimator], objective, seed)
    if holdout is not None:
        selection, pipeline, predictions = training.fit_and_evaluate_holdout(holdout)
    elif dataset.rows > OUT_OF_FOLD_ROWS:
        selection, pipeline, predictions = training.fit_and_evaluate_quarter()
    else:
        selection, pipeline, predictions = training.fit_and_evaluate_out_of_fold()
    return TrainedModel(
        estimator, pipeline, selection.threshold, selection.parameters, predictions, training.inputs, objective
    )


type Trained = tuple[Selection, Pipeline, Predictions]


class _Training:
    """One training set with its categories and its random choices."""

    def __init__(self, dataset: Dataset, estimator: Estimator, objective: Objective, seed: int) -> None:
        with console.phase("preparing the training rows"):
            self.sample = _sample(dataset)
            self.sample.require_both_classes()
            self.inputs = Inputs.of(dataset.frame, dataset.schema)
        self.estimator = estimator
        self.objective = objective
        self.seed = seed

    def fit_and_evaluate_out_of_fold(self) -> Trained:
        """Select and fit on all rows; predict each by models of other folds."""
        sample, rows = self.sample, np.arange(len(self.sample.target))
        with self._folds(nested=True) as advance, _one_thread():
            selection = self._select(rows, advance)
            probability, decision = evaluate_out_of_fold(
                sample, self.inputs, self.estimator, self.objective, self.seed, advance
            )
        found = Predictions(OUT_OF_FOLD, sample.frame, sample.target, probability, decision, sample.customer)
        return selection, self._fit(selection), found

    def fit_and_evaluate_holdout(self, holdout: Dataset) -> Trained:
        """Select and fit on all rows; predict the holdout."""
        with self._folds() as advance:
            selection = self._select(np.arange(len(self.sample.target)), advance)
        pipeline = self._fit(selection)
        with console.phase("predicting the holdout"):
            probability = pipeline.predict_proba(holdout.frame)[:, 1]
            return selection, pipeline, _predictions(holdout.path.name, _sample(holdout), probability, selection)

    def fit_and_evaluate_quarter(self) -> Trained:
        """Select and fit on three quarters, predict the fourth, then fit on all rows with the same selection."""
        quarter, rest = self.sample.split(0.25, self.seed)
        with self._folds() as advance:
            selection = self._select(rest, advance)
        with console.phase("fitting to three quarters of the rows, to predict the fourth"):
            encoder = self._fit_encoder(rest)
            encoded, target = encoder.transform(self.sample.frame), self.sample.target
            classifier = self._fit_classifier(selection, encoded[rest], target[rest])
            probability = classifier.predict_proba(encoded[quarter])[:, 1]
        with console.phase("fitting the model to all rows"):
            classifier = self._fit_classifier(selection, encoded, target)
        predictions = _predictions(QUARTER, self.sample.take(quarter), probability, selection)
        return selection, Pipeline([("encoder", encoder), ("classifier", classifier)]), predictions

    def _folds(self, *, nested: bool = False) -> AbstractContextManager[console.Advance]:
        """Progress of the folds."""
        folds = count_folds(self.estimator, self.sample.customers, nested=nested)
        return console.working(f"training {self.estimator.name}", folds)

    def _select(self, rows: Rows, advance: console.Advance) -> Selection:
        if len(rows) > OUT_OF_FOLD_ROWS:
            rows = self._part(rows, SELECTION_ROWS)
        with _one_thread():
            return select(self.sample.take(rows), self.inputs, self.estimator, self.objective, self.seed, advance)

    def _fit(self, selection: Selection) -> Pipeline:
        with console.phase("fitting the model to all rows"):
            encoder = self._fit_encoder(np.arange(len(self.sample.target)))
            encoded = encoder.transform(self.sample.frame)
            return Pipeline(
                [("encoder", encoder), ("classifier", self._fit_classifier(selection, encoded, self.sample.target))]
            )

    def _part(self, rows: Rows, size: int) -> Rows:
        """About `size` of these rows, drawn by class."""
        part, _ = self.sample.take(rows).split(size / len(rows), self.seed)
        return rows[part]

    def _fit_encoder(self, rows: Rows) -> ColumnTransformer:
        if len(rows) > FIT_ROWS:
            rows = self._part(rows, FIT_ROWS)
        return fit_encoder(self.sample.frame.iloc[rows], self.inputs, scaled=self.estimator.scaled)

    def _fit_classifier(self, selection: Selection, encoded: Floats, target: Target) -> Classifier:
        return self.estimator.make(selection.parameters, self.seed, encoded.shape[1]).fit(encoded, target)


def _sample(dataset: Dataset) -> Sample:
    return Sample(dataset.frame, dataset.target, number_customers(dataset.digests))


def _predictions(source: str, sample: Sample, probability: Floats, selection: Selection) -> Predictions:
    decision = (probability >= selection.threshold).astype(np.int8)
    return Predictions(source, sample.frame, sample.target, probability, decision, sample.customer)


def _one_thread() -> threadpool_limits:
    """The folds are small: threads cost more than they bring, 15 times as much where another process has the cores."""
    return threadpool_limits(1)
