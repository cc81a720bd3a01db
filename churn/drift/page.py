"""HTML form of the drift report: one page without script, font or picture from elsewhere."""

from pathlib import Path

from churn.drift.charts import HEIGHT, WIDTH, bars, histogram
from churn.drift.comparison import FeatureDrift
from churn.drift.distribution import Numbers
from churn.drift.phrases import describe, outline
from churn.drift.report import Report
from churn.journal.moments import format_moment
from churn.page.template import page_environment

_LABELS = {
    "z": "distance of means, in training sd",
    "wasserstein": "Wasserstein distance, in training sd",
    "psi": "population stability index",
    "jensen_shannon": "Jensen-Shannon distance, beyond chance",
    "out_of_range": "rows outside the training range",
    "unseen": "rows of unseen or rare categories, beyond what is expected",
    "grown": "rows of one rare category, beyond training",
    "missing": "rows without a value, beyond training",
}


def render_page(report: Report) -> bytes:
    """The page, UTF-8. Whatever clients have sent (categories) is escaped."""
    environment = page_environment(Path(__file__).parent)
    environment.filters |= {"moment": _to_seconds, "p": "{:.2g}".format}
    features = sorted(report.comparison.features, key=lambda feature: (not feature.drift, -feature.score))
    text = environment.get_template("page.html.jinja").render(
        report=report,
        document=report.as_json(),
        cards=[_card(feature) for feature in features],
        prediction=_card(report.comparison.prediction),
        width=WIDTH,
        height=HEIGHT,
        labels=_LABELS,
    )
    return text.encode()


def _to_seconds(moment: int) -> str:
    return format_moment(moment - moment % 1_000_000).replace("T", " ").replace("Z", " UTC")


def _card(feature: FeatureDrift) -> dict[str, object]:
    both = isinstance(feature.training, Numbers) and isinstance(feature.live, Numbers)
    drawable = both and feature.training.rows > feature.training.missing and feature.live.rows > feature.live.missing
    return {
        "feature": feature,
        "what": describe(feature),
        "training": outline(feature.training),
        "live": outline(feature.live, feature.training),
        "histogram": histogram(feature.training, feature.live) if drawable else None,  # type: ignore[arg-type]  # both are Numbers
        "bars": bars(feature),
    }
