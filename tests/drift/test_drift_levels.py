"""Categories of many levels: quiet where nothing changed, and changes that are found all the same."""

import numpy as np
import pytest

from churn.drift.charts import bars
from churn.drift.comparison import compare
from churn.drift.distribution import Categories, Numbers
from churn.drift.levels import pool, rare_or_new
from churn.drift.phrases import describe
from churn.drift.reference import Reference
from churn.settings import DriftSettings

PREDICTION = Numbers.of([0.1, 0.9] * 600)
NEW = 1_000_000


def counted(values) -> Categories:
    levels, counts = np.unique(values, return_counts=True)
    return Categories.of({f"L{level}": int(rows) for level, rows in zip(levels, counts, strict=True)})


def stored(sample: Categories) -> Categories:
    """As it comes back from `reference.json`."""
    return Categories.from_json(sample.as_json())


def draw(rng, levels, rows, power=1.0):
    """Levels whose frequency falls with a power of their rank; all are alike where it is 0."""
    weights = np.arange(1, levels + 1, dtype=float) ** -power
    return rng.choice(levels, rows, p=weights / weights.sum())


def judge(training, live):
    reference = Reference(training.rows, {"city": training}, PREDICTION)
    return compare(reference, {"city": live}, PREDICTION, DriftSettings()).features[0]


def count_alarms(levels, training_rows, power, rows, windows, references):
    rng = np.random.default_rng([levels, training_rows, rows])
    alarms = 0
    for _ in range(references):
        training = stored(counted(draw(rng, levels, training_rows, power)))
        alarms += sum(judge(training, counted(draw(rng, levels, rows, power))).drift for _ in range(windows))
    return alarms


SHAPES = pytest.mark.parametrize(
    ("levels", "training_rows", "power"),
    [(5000, 1200, 1), (5000, 20_000, 1), (5000, 20_000, 0), (900, 1200, 1), (900, 5000, 0), (300, 1200, 0)],
)


@SHAPES
def test_many_levels_do_not_alarm_where_nothing_changed(levels, training_rows, power):
    assert count_alarms(levels, training_rows, power, rows=500, windows=25, references=2) <= 1


@pytest.mark.slow
@SHAPES
@pytest.mark.parametrize("rows", [200, 500, 5000])
def test_without_drift_at_most_1_of_100_windows_of_many_levels_alarms(levels, training_rows, power, rows):
    assert count_alarms(levels, training_rows, power, rows, windows=40, references=20) <= 8


def some(rng, values, share, new):
    return np.where(rng.random(len(values)) < share, new, values)


CHANGES = {
    "every text is another one": lambda rng, values: values + NEW,
    "one new text": lambda rng, values: some(rng, values, 0.06, NEW),
    "one rare text becomes a default": lambda rng, values: some(rng, values, 0.1, 4990),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("training_rows", "power"), [(1200, 1), (20_000, 1), (20_000, 0)])
def test_a_change_of_a_column_of_many_levels_is_found(training_rows, power, change):
    rng = np.random.default_rng(7)
    training = stored(counted(draw(rng, 5000, training_rows, power)))
    found = sum(judge(training, counted(CHANGES[change](rng, draw(rng, 5000, 500, power)))).drift for _ in range(20))
    assert found >= 19


def test_a_shift_between_common_levels_is_found_though_there_are_thousands():
    rng = np.random.default_rng(9)
    training = stored(counted(draw(rng, 5000, 20_000)))
    live = draw(rng, 5000, 2000)
    live[(live < 5) & (rng.random(2000) < 0.7)] = 5
    assert "categories" in judge(training, counted(live)).failed


def test_both_samples_are_pooled_alike():
    training, live = Categories.of({"a": 800, "b": 390, "c": 6, "d": 4}), Categories.of({"a": 310, "b": 180, "e": 10})
    pooled = pool(training, live)
    assert (pooled.training.tolist(), pooled.live.tolist()) == ([800, 390, 10], [310, 180, 10])
    swapped = pool(live, training)
    assert (swapped.training.tolist(), swapped.live.tolist()) == (pooled.live.tolist(), pooled.training.tolist())
    assert pooled.grown[:3] == ("e", 0.0, 10 / 500)


def test_rare_rows_are_those_that_training_itself_lets_expect():
    """The share of rows of levels that a first sample lacks, over many second samples."""
    rng = np.random.default_rng(3)
    for training_rows in (1200, 20_000):
        expected, found = [], []
        for _ in range(40):
            training = stored(counted(draw(rng, 5000, training_rows)))
            share, expects, _ = rare_or_new(training, counted(draw(rng, 5000, 2000)))
            expected.append(expects)
            found.append(share)
        assert np.mean(found) > 0.05
        assert np.mean(found) == pytest.approx(np.mean(expected), abs=0.006)


def test_the_sentence_says_what_was_to_be_expected():
    rng = np.random.default_rng(5)
    live = draw(rng, 900, 500)
    live[:200] = NEW + np.arange(200)
    short = judge(stored(counted(draw(rng, 900, 1200))), counted(live))
    assert "of rows in categories that training did not see (L" in describe(short)
    assert describe(short).endswith("% expected")
    live = draw(rng, 5000, 500)
    live[:250] = NEW + np.arange(250)
    long = judge(stored(counted(draw(rng, 5000, 20_000))), counted(live))
    assert "of rows in categories that are rare in training or new" in describe(long)
    assert long.figures["unseen"] == 0


def test_a_category_that_the_reference_does_not_list_is_not_drawn_as_new():
    training = Categories(1200, 0, {"a": 700, "b": 400}, others=100)
    feature = judge(training, Categories.of({"a": 290, "b": 165, "z": 45}))
    assert [(bar.name, bar.live_share, bar.unseen) for bar in bars(feature)] == [
        ("a", "58%", False),
        ("b", "33%", False),
        ("not listed", "9%", False),
    ]


def test_a_long_category_is_cut_in_sentences():
    feature = judge(Categories.of({"a": 1200}), Categories.of({"x" * 1000: 500}))
    assert "x" * 40 + "..." in describe(feature)
    assert len(describe(feature)) < 200
