"""The scikit-learn pipeline: chosen, judged on rows it has not seen, then fitted on all of them."""

from dataclasses import dataclass

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from churn.data.copies import number_customers
from churn.data.dataset import Dataset
from churn.evaluation import Judgement
from churn.training.encoding import FIT_ROWS, Categories, encode, fit_encoder, known_categories
from churn.training.estimators import ESTIMATORS, Classifier, Estimator, Floats, Parameters
from churn.training.sample import Rows, Sample, Target
from churn.training.selection import Selection, judge_out_of_fold, select

OUT_OF_FOLD_ROWS = 50_000
"""Up to this many rows, all are judged out of fold; beyond, a held-out quarter is large enough."""
SELECTION_ROWS = 20_000
"""Regularisation and threshold are chosen on at most this many rows (stratified) of a larger set."""


@dataclass(frozen=True)
class TrainedModel:
    """A model fitted on all training rows, and the judgement of its way of training.

    Attributes:
        estimator: name of the estimator.
        pipeline: takes a frame with the columns `FEATURE_NAMES`, gives [n, 2] probabilities.
        threshold: `probability >= threshold` predicts churn.
        parameters: what cross-validation chose.
        judgement: predictions for rows not seen.
        categories: those that training saw, by feature.

    """

    estimator: str
    pipeline: Pipeline
    threshold: float
    parameters: Parameters
    judgement: Judgement
    categories: Categories


def train_model(dataset: Dataset, *, estimator: str, seed: int, holdout: Dataset | None = None) -> TrainedModel:
    """Choose, judge and fit a model.

    Args:
        dataset: what to train on.
        estimator: a key of `ESTIMATORS`.
        seed: of every random choice; the same data and seed give the same model.
        holdout: judge on these rows instead of on rows of `dataset`.

    Raises:
        TrainingError: there are too few rows of a class.

    """
    training = _Training(dataset, ESTIMATORS[estimator], seed)
    if holdout is not None:
        selection, pipeline = training.fit()
        judgement = training.judge(pipeline, selection, holdout)
    elif dataset.rows <= OUT_OF_FOLD_ROWS:
        selection, pipeline = training.fit()
        judgement = training.judge_out_of_fold()
    else:
        selection, pipeline, judgement = training.fit_and_judge_quarter()
    return TrainedModel(estimator, pipeline, selection.threshold, selection.parameters, judgement, training.categories)


class _Training:
    """One training set with its categories and its random choices."""

    def __init__(self, dataset: Dataset, estimator: Estimator, seed: int) -> None:
        self.sample = Sample(dataset.frame, dataset.target, number_customers(dataset.digests))
        self.sample.require_both_classes()
        self.frame, self.target = dataset.frame, dataset.target
        self.estimator = estimator
        self.seed = seed
        self.categories = known_categories(dataset.frame)

    def fit(self) -> tuple[Selection, Pipeline]:
        """Select and fit on all rows."""
        rows = np.arange(len(self.target))
        selection, encoder = self._select(rows), self._fit_encoder(rows)
        encoded = encode(encoder, self.frame, self.categories)
        return selection, _pipeline(encoder, self._fit_classifier(selection, encoded, self.target))

    def judge(self, pipeline: Pipeline, selection: Selection, holdout: Dataset) -> Judgement:
        """Judge a fitted pipeline on rows that it has not seen."""
        encoded = encode(pipeline["encoder"], holdout.frame, self.categories)
        probability = pipeline["classifier"].predict_proba(encoded)[:, 1]
        sample = Sample(holdout.frame, holdout.target, number_customers(holdout.digests))
        return _judgement(holdout.path.name, sample, probability, selection)

    def judge_out_of_fold(self) -> Judgement:
        """Judge the way of training on every row, by nested cross-validation."""
        with _one_thread():
            probability, decision = judge_out_of_fold(self.sample, self.categories, self.estimator, self.seed)
        return Judgement("out-of-fold", self.frame, self.target, probability, decision, self.sample.customer)

    def fit_and_judge_quarter(self) -> tuple[Selection, Pipeline, Judgement]:
        """Select and fit on three quarters, judge on the fourth, then fit on everything with the same selection."""
        quarter, rest = self.sample.split(0.25, self.seed)
        selection, encoder = self._select(rest), self._fit_encoder(rest)
        encoded = encode(encoder, self.frame, self.categories)
        judged = self._fit_classifier(selection, encoded[rest], self.target[rest])
        probability = judged.predict_proba(encoded[quarter])[:, 1]
        judgement = _judgement("held-out quarter", self.sample.take(quarter), probability, selection)
        return selection, _pipeline(encoder, self._fit_classifier(selection, encoded, self.target)), judgement

    def _select(self, rows: Rows) -> Selection:
        if len(rows) > OUT_OF_FOLD_ROWS:
            rows = self._part(rows, SELECTION_ROWS)
        with _one_thread():
            return select(self.sample.take(rows), self.categories, self.estimator, self.seed)

    def _part(self, rows: Rows, size: int) -> Rows:
        """About `size` of these rows, drawn by class."""
        part, _ = self.sample.take(rows).split(size / len(rows), self.seed)
        return rows[part]

    def _fit_encoder(self, rows: Rows) -> ColumnTransformer:
        if len(rows) > FIT_ROWS:
            rows = self._part(rows, FIT_ROWS)
        return fit_encoder(self.frame.iloc[rows], self.categories, scaled=self.estimator.scaled)

    def _fit_classifier(self, selection: Selection, encoded: Floats, target: Target) -> Classifier:
        classifier: Classifier = self.estimator.make(selection.parameters, self.seed).fit(encoded, target)
        return classifier


def _pipeline(encoder: ColumnTransformer, classifier: Classifier) -> Pipeline:
    return Pipeline([("encoder", encoder), ("classifier", classifier)])


def _judgement(how: str, sample: Sample, probability: Floats, selection: Selection) -> Judgement:
    decision = (probability >= selection.threshold).astype(np.int8)
    return Judgement(how, sample.frame, sample.target, probability, decision, sample.customer)


def _one_thread() -> threadpool_limits:
    """The folds are small: threads cost more than they bring, 15 times as much where another process has the cores."""
    return threadpool_limits(1)
