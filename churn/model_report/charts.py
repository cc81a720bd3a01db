"""Charts of a model report, for the page's template.

Each chart takes one report document, or two for a comparison: the class `a` is the first document's, `b` the second's.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from churn.page.chart import Box, Chart
from churn.page.scales import Scale, numbers, round_numbers, shares

type Document = Mapping[str, Any]

_SMALL = 190.0, 100.0
_SERIES = ("a", "b", "c")


def roc(*documents: Document) -> Chart:
    """ROC curve: share of the churners flagged over share of the stayers flagged."""
    x, y = shares("stayers flagged (false positive rate)"), shares("leavers flagged (true positive rate)")
    box = Box(x, y)
    paths = [("guide", box.line([(0, 0), (1, 1)]))]
    for series, document in zip(_SERIES, documents, strict=False):
        curve = document["roc"]
        points = zip(curve["false_positive_rate"], curve["true_positive_rate"], strict=True)
        paths.append((f"stroke {series}", box.line(points)))
        if at := _served(document):
            stayers = at["false_positives"] + at["true_negatives"]
            place = (at["false_positives"] / max(stayers, 1), at["recall"])
            paths.append((f"dots {series}", box.dots([place])))
    return Chart(f"ROC curve, {_metric('roc_auc', documents)}", x, y, tuple(paths))


def precision_recall(*documents: Document) -> Chart:
    """Precision over recall, beside the precision of flagging everybody."""
    x, y = shares("leavers flagged (recall)"), shares("flagged who leave (precision)")
    box = Box(x, y)
    paths = [("guide", box.line([(0, rate), (1, rate)])) for rate in sorted({_rate(item) for item in documents})]
    for series, document in zip(_SERIES, documents, strict=False):
        curve = document["precision_recall"]
        points = sorted(zip(curve["recall"], curve["precision"], strict=True), key=lambda point: point[0])
        paths.append((f"stroke {series}", box.line(points)))
        if at := _served(document):
            paths.append((f"dots {series}", box.dots([(at["recall"], at["precision"])])))
    return Chart(f"Precision-recall curve, {_metric('average_precision', documents)}", x, y, tuple(paths))


def calibration(*documents: Document) -> Chart:
    """Churn rate over mean probability of bins, with 95 % intervals."""
    bins = [part for document in documents for part in document["calibration"]]
    top = max((max(part["high"], part["mean_probability"]) for part in bins), default=1.0)
    x, y = shares("mean probability given", top), shares("customers who left", top)
    box = Box(x, y)
    paths = [("guide", box.line([(0, 0), (x.high, x.high)]))]
    for series, document in zip(_SERIES, documents, strict=False):
        parts = document["calibration"]
        bars = ((part["mean_probability"], part["low"], part["high"]) for part in parts)
        paths.append((f"whisker {series}", box.whiskers(bars)))
        paths.append(
            (f"dots {series}", box.dots((part["mean_probability"], part["churn_rate"]) for part in parts))
        )  # fmt: skip
    return Chart(f"Calibration, {_metric('calibration_error', documents)}", x, y, tuple(paths))


def gains(*documents: Document) -> Chart:
    """Share of the churners found over share of the customers contacted, the highest probabilities first."""
    x, y = shares("customers contacted, riskiest first"), shares("leavers reached")
    box = Box(x, y)
    paths = [("guide", box.line([(0, 0), (1, 1)]))]
    for series, document in zip(_SERIES, documents, strict=False):
        captured = [0.0, *(tenth["captured"] for tenth in document["tenths"])]
        points = [(at / 10, share) for at, share in enumerate(captured)]
        paths += [(f"stroke {series}", box.line(points)), (f"dots {series}", box.dots(points[1:]))]
    return Chart("Gains: leavers reached by share of customers contacted", x, y, tuple(paths))


def tenths(document: Document) -> Chart:
    """Churn rate of each tenth of the customers, the highest probabilities first."""
    rates = [tenth["churn_rate"] for tenth in document["tenths"]]
    count = len(rates)
    x = Scale(
        "tenth of the customers, riskiest first", 0.5, count + 0.5, tuple((at, str(at)) for at in range(1, count + 1))
    )
    y = shares("customers who left", max(rates, default=1.0))
    box, rate = Box(x, y), _rate(document)
    bars = "".join(box.bar(at - 0.4, at + 0.4, value) for at, value in enumerate(rates, 1))
    notes = [box.note(at, value, f"{value:.0%}", up=5) for at, value in enumerate(rates, 1)]
    line = box.line([(x.low, rate), (x.high, rate)])
    return Chart("Churn rate by tenth of the customers", x, y, (("bars-of", bars), ("guide", line)), tuple(notes))


def histogram(document: Document) -> Chart:
    """Probabilities of those who left and of those who stayed, each as shares of their group."""
    found = document["histogram"]
    groups = [[count / (sum(found[name]) or 1) for count in found[name]] for name in ("stayers", "churners")]
    x, y = shares("probability of leaving"), shares("share of the group", max(map(max, groups)))
    box = Box(x, y)
    line, note = box.upright(document["card"]["threshold"], _threshold(document))
    paths = [(name, box.steps(found["edges"], heights)) for name, heights in zip(("was", "now"), groups, strict=True)]
    return Chart("Histogram of the probabilities by outcome", x, y, (*paths, line), (note,))


def trade_off(document: Document) -> Chart:
    """Precision, recall and F1 over thresholds."""
    x, y = shares("threshold"), shares("")
    box = Box(x, y)
    line, note = box.upright(document["card"]["threshold"], _threshold(document))
    rows = [row for row in document["thresholds"] if row["contacted"]]  # of nobody flagged there is no precision
    paths = [
        (f"stroke {series}", box.line((row["threshold"], row[name]) for row in rows))
        for series, name in zip(_SERIES, ("precision", "recall", "f1"), strict=True)
    ]
    return Chart("Precision, recall and F1 at each threshold", x, y, (line, *paths), (note,))


def profit(document: Document) -> Chart:
    """Expected profit per customer over the share of customers contacted, with its 95 % band."""
    curve = document["profit"]
    x = shares("customers contacted, riskiest first")
    y = round_numbers("profit per customer", min(curve["low"]), max(curve["high"]))
    box = Box(x, y)
    low, middle, high = (list(zip(curve["contacted"], curve[name], strict=True)) for name in ("low", "profit", "high"))
    paths = [("band", box.area(low, high)), ("guide", box.line([(0, 0), (1, 0)])), ("stroke a", box.line(middle))]
    notes = []
    if at := _served(document):
        line, note = box.upright(at["contacted"] / document["evaluated"]["rows"], _threshold(document))
        paths.append(line)
        notes.append(note)
    return Chart("Expected profit per customer by share contacted", x, y, tuple(paths), tuple(notes))


def effect(found: Mapping[str, Any], y: Scale) -> Chart:
    """Mean probability over the values of a number."""
    width, height = _SMALL
    values = found["values"]
    x = numbers(found["feature"], min(values), max(values))
    box = Box(x, y, width, height)
    line = box.line(zip(values, found["probability"], strict=True))
    return Chart(f"Effect of {found['feature']} on the probability", x, y, (("stroke a", line),), (), width, height)


def _served(document: Document) -> Mapping[str, Any] | None:
    """The decisions at the threshold in service, on the curves' own predictions."""
    served = document["card"]["threshold"]
    return next((row for row in document["thresholds"] if row["threshold"] == served), None)


def _rate(document: Document) -> float:
    evaluated = document["evaluated"]
    return float(evaluated["churners"] / max(evaluated["rows"], 1))


def _threshold(document: Document) -> str:
    return f"threshold {document['card']['threshold']:.3g}"


def _metric(name: str, documents: Iterable[Document]) -> str:
    return f"{name} " + " and ".join(f"{document['metrics'][name]['value']:.3f}" for document in documents)
