"""Sentences about drift: for the summary, the table, the page and the alert."""

from churn.drift.comparison import Comparison, FeatureDrift
from churn.drift.distribution import Categories, Numbers, Summary
from churn.drift.levels import align, pool
from churn.drift.window import Window
from churn.page.words import number, percent, shorten

_LISTED = 3
FEATURES = 5
"""So many features are described in a sentence; the table has all."""


def summarise(comparison: Comparison, model: str, rows: int) -> str:
    """One sentence: what happened, and what to do next."""
    window = f"the last {rows:,} predictions of {model}"
    if comparison.drifted:
        what = "; ".join(f"{feature.name}: {describe(feature)}" for feature in comparison.drifted[:FEATURES])
        if more := len(comparison.drifted[FEATURES:]):
            what += f"; and {more} more"
        return f"Drift in {window} ({what}): {'; '.join(advice(comparison))}."
    if comparison.prediction.drift:
        return (
            f"Drift in {window} (probabilities: {describe(comparison.prediction)}), though no single feature "
            f"drifted: {'; '.join(advice(comparison))}."
        )
    return f"No drift: {window} look like its training data; {'; '.join(advice(comparison))}."


def count_drifted(comparison: Comparison) -> str:
    """How many features drifted, of how many."""
    drifted, features = len(comparison.drifted), len(comparison.features)
    return f"{drifted or 'None'} of {features} feature{'s' if features != 1 else ''} drifted"


def advice(comparison: Comparison) -> tuple[str, ...]:
    """What to do next, a clause each."""
    if not comparison.drift:
        return ("nothing to do",)
    if not comparison.drifted:
        return (
            "look for features that changed together",
            "train anew once labels are there (`churn drift performance --labels FILE` says how the model does)",
        )
    source = {"missing", "unseen", "grown", "range"}
    if any(source & set(feature.failed) for feature in comparison.drifted):
        return (
            "find out first whether the sender changed its units, codes or defaults",
            "if the change is real, train on newer data (`churn train --data FILE`)",
        )
    return (
        "look for a cause in what customers do and in what is sent",
        "if it lasts, train on newer data (`churn train --data FILE`)",
    )


def left_out(window: Window) -> list[str]:
    """What a window leaves out of the journal, in a few words each."""
    parts = [f"{rows:,} of {tag}" for tag, rows in window.others.items()]
    parts += [f"{window.broken:,} broken line{'s' if window.broken > 1 else ''}"] if window.broken else []
    return parts + ([str(window.future)] if window.future.rows else [])


def describe(feature: FeatureDrift) -> str:
    """What changed in a feature that drifted, in a few words; the gravest first."""
    parts = [_PHRASES[name](feature) for name in _PHRASES if name in feature.failed]
    return ", ".join(part for part in dict.fromkeys(parts) if part)


def outline(summary: Summary, like: Summary | None = None) -> str:
    """A distribution in a few words; categories in the order of another distribution, if one is given."""
    if summary.rows == summary.missing:
        return "no values"
    if isinstance(summary, Numbers):
        return f"{number(summary.mean)} ± {number(summary.std)}"
    order = [*(like.counts if isinstance(like, Categories) else ()), *summary.counts]
    names = list(dict.fromkeys(order))[:_LISTED]
    shares = [f"{shorten(name)} {percent(summary.counts.get(name, 0) / max(summary.rows, 1))}" for name in names]
    return ", ".join(shares) + (", ..." if len(summary.counts) > _LISTED else "")


def _missing(feature: FeatureDrift) -> str:
    before = feature.figures["training_missing"]
    usual = f", {percent(before)} in training" if before else ""
    return f"{percent(feature.figures['live_missing'])} of rows without a value{usual}"


def _unseen(feature: FeatureDrift) -> str:
    if not isinstance(feature.live, Categories) or not isinstance(feature.training, Categories):
        return ""
    share, expected = feature.figures["rare"], feature.figures["rare_expected"]
    usual = f", {percent(expected)} expected" if expected else ""
    if feature.training.others:
        return f"{percent(share)} of rows in categories that are rare in training or new{usual}"
    names = [shorten(name) for name in feature.live.counts if name not in feature.training.counts]
    shown = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
    return f"{percent(share)} of rows in categories that training did not see ({shown}){usual}"


def _grown(feature: FeatureDrift) -> str:
    if not isinstance(feature.live, Categories) or not isinstance(feature.training, Categories):
        return ""
    name, before, now, _ = pool(feature.training, feature.live).grown
    if "unseen" in feature.failed and not feature.training.others and name not in feature.training.counts:
        return ""  # that is said already
    return f"{shorten(name)} {percent(before)} → {percent(now)}"


def _range(feature: FeatureDrift) -> str:
    return f"{percent(feature.figures['out_of_range'])} of rows outside the training range"


def _mean(feature: FeatureDrift) -> str:
    figures = feature.figures
    return (
        f"mean {'↑' if figures['z'] > 0 else '↓'} {number(figures['training_mean'])} → {number(figures['live_mean'])}, "
        f"{number(abs(figures['z']))} training standard deviations"
    )


def _shape(feature: FeatureDrift) -> str:
    if "mean" in feature.failed:
        return _mean(feature)
    figures = feature.figures
    before, now = number(figures["training_std"]), number(figures["live_std"])
    return f"distribution changed, standard deviation {before} → {now}"


def _categories(feature: FeatureDrift) -> str:
    if "unseen" in feature.failed:  # that is the change already
        return ""
    if not isinstance(feature.live, Categories) or not isinstance(feature.training, Categories):
        return ""
    before, now, _ = align(feature.training, feature.live)
    names = [*feature.training.counts, "others"]
    shares = [
        (now_rows / max(sum(now), 1), rows / max(sum(before), 1), name)
        for name, rows, now_rows in zip(names, before, now, strict=True)
    ]
    live, training, name = max(shares, key=lambda share: abs(share[0] - share[1]))
    return f"{shorten(name)} {percent(training)} → {percent(live)}"


_PHRASES = {
    "missing": _missing,
    "unseen": _unseen,
    "grown": _grown,
    "range": _range,
    "mean": _mean,
    "shape": _shape,
    "categories": _categories,
}
"""Check -> phrase, the gravest first."""
