"""HTML form of the drift report: one page without script, font or picture from elsewhere."""

from pathlib import Path

from churn.drift.charts import LETTERS, Histogram, bars, histogram
from churn.drift.comparison import Effect, FeatureDrift
from churn.drift.distribution import Numbers, Summary
from churn.drift.phrases import FEATURES, advice, count_drifted, describe, left_out, outline
from churn.drift.report import Report
from churn.drift.terms import EFFECTS, TERMS
from churn.journal.moments import format_moment
from churn.page.template import page_environment
from churn.page.words import number, percent

_IN_SD, _PLAIN = {"z", "wasserstein"}, {"psi", "jensen_shannon"}
_SHORT_NAME = 14
"""Letters of a category that stand beside its bar; where one is longer, all stand above."""


def render_page(report: Report) -> bytes:
    """The page, UTF-8. Whatever clients have sent (categories) is escaped."""
    environment = page_environment(Path(__file__).parent)
    environment.filters |= {"second": _second, "describe": describe, "size": _size}
    comparison = report.comparison
    features = sorted(comparison.features, key=lambda feature: -feature.score)
    drifted, quiet = (
        [_card(feature, report.descriptions.get(feature.name, "")) for feature in features if feature.drift == drift]
        for drift in (True, False)
    )
    text = environment.get_template("page.html.jinja").render(
        report=report,
        document=report.as_json(),
        counted=count_drifted(comparison),
        most=FEATURES,
        advice=[f"{clause[0].upper()}{clause[1:]}." for clause in advice(comparison)],
        left_out=left_out(report.window),
        drifted=drifted,
        quiet=quiet,
        prediction=_card(comparison.prediction, "Probability of leaving that the model gave.") | {"place": "answers"},
        terms=TERMS,
        effects=EFFECTS,
    )
    return text.encode()


def _second(moment: int) -> str:
    return format_moment(moment - moment % 1_000_000)


def _size(effect: Effect, value: float) -> str:
    """A value or limit of an effect, with its unit."""
    if effect.statistic in _PLAIN:
        return number(value)
    return f"{number(value)} sd" if effect.statistic in _IN_SD else percent(value)


def _card(feature: FeatureDrift, what: str) -> dict[str, object]:
    axis = what.strip().rstrip(".") or feature.name
    drawn, listed = _histogram(feature, axis), bars(feature)
    return {
        "feature": feature,
        "place": f"feature-{feature.name}",
        "what": "" if drawn and len(axis) <= LETTERS else what,
        "training": _side(feature.training),
        "live": _side(feature.live),
        "histogram": drawn,
        "bars": listed,
        "long_names": any(len(bar.name) > _SHORT_NAME for bar in listed),
    }


def _histogram(feature: FeatureDrift, what: str) -> Histogram | None:
    """None of categories, and where one side has no values."""
    training, live = feature.training, feature.live
    if not isinstance(training, Numbers) or not isinstance(live, Numbers) or not training.present or not live.present:
        return None
    label = f"Distribution of {feature.name}: training {outline(training)}, live {outline(live)}"
    return histogram(training, live, label, what)


def _side(summary: Summary) -> str:
    """A key of the chart: what one of its sides is."""
    if summary.rows == summary.missing:
        return outline(summary)
    parts = [f"mean {number(summary.mean)}, sd {number(summary.std)}"] if isinstance(summary, Numbers) else []
    if summary.missing:
        parts.append(f"{percent(summary.missing / summary.rows)} without a value")
    return ", ".join(parts)
