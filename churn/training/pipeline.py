"""Training of the scikit-learn pipeline: selection, predictions for rows not seen, and the fit on all rows."""

from dataclasses import dataclass

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from churn import console
from churn.data.copies import number_customers
from churn.data.dataset import Dataset
from churn.evaluation import Predictions
from churn.training.encoding import FIT_ROWS, Inputs, fit_encoder
from churn.training.estimators import ESTIMATORS, Classifier, Estimator, Floats, Parameters
from churn.training.sample import Rows, Sample, Target
from churn.training.selection import Selection, count_folds, evaluate_out_of_fold, select

OUT_OF_FOLD_ROWS = 50_000
"""Up to this many rows, all are predicted out of fold; beyond, a held-out quarter is large enough."""
SELECTION_ROWS = 20_000
"""Regularisation and threshold are chosen on at most this many rows (stratified) of a larger set."""


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

    """

    estimator: str
    pipeline: Pipeline
    threshold: float
    parameters: Parameters
    predictions: Predictions
    inputs: Inputs


def train_model(dataset: Dataset, *, estimator: str, seed: int, holdout: Dataset | None = None) -> TrainedModel:
    """Choose, fit and evaluate a model.

    Args:
        dataset: what to train on.
        estimator: a key of `ESTIMATORS`.
        seed: of every random choice; the same data and seed give the same model.
        holdout: rows to evaluate on instead of rows of `dataset`.

    Raises:
        TrainingError: there are too few rows of a class.

    """
    training = _Training(dataset, ESTIMATORS[estimator], seed)
    large = holdout is None and dataset.rows > OUT_OF_FOLD_ROWS
    folds = count_folds(training.estimator, training.sample.customers, nested=holdout is None and not large)
    with console.working(f"training {estimator}", folds) as training.advance:
        selection, pipeline, predictions = training.fit_and_evaluate_quarter() if large else training.fit(holdout)
    return TrainedModel(estimator, pipeline, selection.threshold, selection.parameters, predictions, training.inputs)


class _Training:
    """One training set with its categories and its random choices."""

    def __init__(self, dataset: Dataset, estimator: Estimator, seed: int) -> None:
        self.sample = _sample(dataset)
        self.sample.require_both_classes()
        self.estimator = estimator
        self.advance: console.Advance = console.ignore
        self.seed = seed
        self.inputs = Inputs.of(dataset.frame, dataset.schema)

    def fit(self, holdout: Dataset | None) -> tuple[Selection, Pipeline, Predictions]:
        """Select and fit on all rows; predict the holdout, or without one all rows, each by models of other folds."""
        sample, rows = self.sample, np.arange(len(self.sample.target))
        selection, encoder = self._select(rows), self._fit_encoder(rows)
        classifier = self._fit_classifier(selection, encoder.transform(sample.frame), sample.target)
        pipeline = Pipeline([("encoder", encoder), ("classifier", classifier)])
        if holdout is not None:
            probability = pipeline.predict_proba(holdout.frame)[:, 1]
            return selection, pipeline, _predictions(holdout.path.name, _sample(holdout), probability, selection)
        with _one_thread():
            probability, decision = evaluate_out_of_fold(sample, self.inputs, self.estimator, self.seed, self.advance)
        found = Predictions("out-of-fold", sample.frame, sample.target, probability, decision, sample.customer)
        return selection, pipeline, found

    def fit_and_evaluate_quarter(self) -> tuple[Selection, Pipeline, Predictions]:
        """Select and fit on three quarters, predict the fourth, then fit on all rows with the same selection."""
        quarter, rest = self.sample.split(0.25, self.seed)
        selection, encoder = self._select(rest), self._fit_encoder(rest)
        encoded, target = encoder.transform(self.sample.frame), self.sample.target
        probability = self._fit_classifier(selection, encoded[rest], target[rest]).predict_proba(encoded[quarter])[:, 1]
        classifier = self._fit_classifier(selection, encoded, target)
        predictions = _predictions("held-out quarter", self.sample.take(quarter), probability, selection)
        return selection, Pipeline([("encoder", encoder), ("classifier", classifier)]), predictions

    def _select(self, rows: Rows) -> Selection:
        if len(rows) > OUT_OF_FOLD_ROWS:
            rows = self._part(rows, SELECTION_ROWS)
        with _one_thread():
            return select(self.sample.take(rows), self.inputs, self.estimator, self.seed, self.advance)

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
