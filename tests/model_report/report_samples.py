"""Report documents of made-up models, as `churn/training/model_report.py` writes them: figures that belong together."""

import numpy as np

LONG = "a level with a name that goes on and on, as names of offers do <b>&amp;</b>"
CONTRACTS = ("month-to-month", "one year", "two years", LONG)


def make_document(rows=2000, features=6, estimator="logistic", objective="f1", seed=1, passed=True):
    """A report document; half of the features are categories, and of `objective` cost there is a profit curve."""
    rng = np.random.default_rng(seed)
    probability = np.sort(rng.beta(1.2, 2.6, rows))[::-1].round(4)
    target = rng.random(rows) < probability
    threshold = 0.41
    drivers = _drivers(rng, features, estimator)
    document = {
        "format": 1,
        "tag": f"churn_model_v1:v{seed + 2}",
        "card": _card(rows, estimator, objective, threshold, seed),
        "gate": _gate(passed),
        "metrics": _metrics(probability, target, threshold),
        "evaluated": {"rows": rows, "customers": rows - 3, "churners": int(target.sum())},
        "roc": _roc(probability, target),
        "precision_recall": _precision_recall(probability, target),
        "calibration": _calibration(probability, target),
        "tenths": _tenths(target),
        "histogram": _histogram(probability, target),
        "thresholds": [
            _decisions(probability, target, value, objective)
            for value in sorted([*(np.arange(1, 20) / 20).round(2).tolist(), threshold])
        ],
        "confusion": _decisions(probability, target, threshold, objective),
        "profit": _profit(probability, target) if objective == "cost" else None,
        "drivers": drivers,
        "segments": [
            {"feature": effect["feature"], "level": level, "rows": 100 + 7 * at, "churn_rate": 0.1 + 0.05 * at,
             "mean_probability": 0.11 + 0.05 * at, "log_loss": 0.4 + 0.01 * at, "roc_auc": None if at == 2 else 0.7}
            for effect in drivers["partial_effects"] if effect["kind"] == "category"
            for at, level in enumerate(effect["values"][:4])
        ],
        "data": _data(drivers["partial_effects"], rows),
    }  # fmt: skip
    return document | {"segments": document["segments"][:60], "segments_found": len(document["segments"])}


def _card(rows, estimator, objective, threshold, seed):
    more = {
        "f1": {},
        "cost": {
            "contact_cost": 5.0,
            "customer_value": 120.0,
            "success_rate": 0.3,
            "expected_profit": {"value": 4.123, "low": 3.2, "high": 5.1},
        },
        "top": {"share": 0.1},
    }[objective]
    return {
        "trained_at_utc": "2026-11-28T01:02:03Z",
        "data_file": "churn.csv",
        "data_sha256": "0123456789abcdef" * 4,
        "rows": rows,
        "customers": rows - 3,
        "estimator": estimator,
        "parameters": {"C": 0.5},
        "schema": {"name": "churn", "digest": "fedcba9876543210" * 4},
        "seed": seed,
        "threshold": threshold,
        "decision": {"objective": objective, **more},
        "judged_on": "out-of-fold",
        "evaluated_sha256": "89abcdef" * 8,
        "target": {"column": "churn", "positive": ["yes"]},
    }


def _gate(passed):
    rules = {
        "f1": (0.62, 0.6, passed),
        "f1_gain_upper_bound": (0.12, 0.0, True),
        "log_loss_gain_lower_bound": (0.0712, 0.0, True),
        "roc_auc_lower_bound": (0.801, 0.5, True),
        "calibration_error": (0.0213, 0.068, True),
        "champion_log_loss_lower_bound": (-0.0091, 0.002, True),
        "champion_roc_auc_upper_bound": (0.0101, -0.005, True),
        "champion_segments_lower_bound": (-0.004, 0.002, True),
    }
    return {
        "passed": passed,
        "checks": [
            {"rule": rule, "figure": figure, "limit": limit, "passed": kept, "reason": f"reason of {rule}"}
            for rule, (figure, limit, kept) in rules.items()
        ],
        "champion": {
            "tag": "churn_model_v1:v2",
            "problem": None,
            "rows": 1800,
            "left_out": 200,
            "log_loss": {"champion": 0.4512, "candidate": 0.4471, "low": -0.0091, "high": 0.0008},
            "roc_auc": {"champion": 0.8312, "candidate": 0.8345, "low": -0.002, "high": 0.0101},
            "segments": [
                {"feature": "plan", "category": LONG, "rows": 300, "difference": 0.002, "low": -0.004},
                {"feature": "plan", "category": "basic", "rows": 900, "difference": -0.004, "low": -0.009},
            ],
        },
    }


def _metrics(probability, target, threshold):
    decided = probability >= threshold
    hits, rate = (target & decided).sum(), target.mean()
    precision, recall = hits / decided.sum(), hits / target.sum()
    values = {
        "accuracy": (target == decided).mean(),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall),
        "roc_auc": np.mean(probability[target][:, None] > probability[~target]),
        "average_precision": 0.61234,
        "lift_top_tenth": target[: len(target) // 10].mean() / rate,
        "log_loss": 0.5021,
        "brier": ((probability - target) ** 2).mean(),
        "calibration_error": 0.0213,
        "baseline_f1": 2 * rate / (1 + rate),
        "baseline_log_loss": 0.62,
    }
    return {
        name: {"value": float(value), "low": float(value) * 0.95, "high": float(value) * 1.05}
        for name, value in values.items()
    }


def _roc(probability, target):
    at = np.linspace(0, len(target), 150).astype(int)
    positives, negatives = np.cumsum(target), np.cumsum(~target)
    found = np.concatenate([[0], positives])[at] / positives[-1]
    alarms = np.concatenate([[0], negatives])[at] / negatives[-1]
    thresholds = [None, *probability[at[1:] - 1].tolist()]
    return {"false_positive_rate": alarms.tolist(), "true_positive_rate": found.tolist(), "threshold": thresholds}


def _precision_recall(probability, target):
    at = np.linspace(1, len(target), 150).astype(int)
    hits = np.cumsum(target)[at - 1]
    return {
        "recall": (hits / target.sum()).tolist(),
        "precision": (hits / at).tolist(),
        "threshold": probability[at - 1].tolist(),
    }


def _calibration(probability, target):
    parts = zip(np.array_split(probability, 10), np.array_split(target, 10), strict=True)
    return [
        {
            "rows": len(kept),
            "mean_probability": float(promised.mean()),
            "churn_rate": float(kept.mean()),
            "low": max(float(kept.mean()) - 0.06, 0.0),
            "high": min(float(kept.mean()) + 0.06, 1.0),
        }
        for promised, kept in reversed(list(parts))
        if len(kept)
    ]


def _tenths(target):
    captured, found = 0.0, []
    for part in np.array_split(target, 10):
        captured += float(part.sum() / target.sum())
        rate = float(part.mean())
        found.append(
            {
                "rows": len(part),
                "churners": int(part.sum()),
                "churn_rate": rate,
                "lift": rate / float(target.mean()),
                "captured": captured,
            }
        )
    return found


def _histogram(probability, target):
    edges = np.linspace(0, 1, 21)
    return {
        "edges": edges.round(2).tolist(),
        "churners": np.histogram(probability[target], edges)[0].tolist(),
        "stayers": np.histogram(probability[~target], edges)[0].tolist(),
    }


def _decisions(probability, target, threshold, objective):
    decided = probability >= threshold
    hits, alarms = int((decided & target).sum()), int((decided & ~target).sum())
    missed, left_alone = int((~decided & target).sum()), int((~decided & ~target).sum())
    profit = (hits * 36.0 - decided.sum() * 5.0) / len(target)
    return {
        "threshold": threshold,
        "contacted": int(decided.sum()),
        "true_positives": hits,
        "false_positives": alarms,
        "false_negatives": missed,
        "true_negatives": left_alone,
        "precision": hits / max(hits + alarms, 1),
        "recall": hits / (hits + missed),
        "f1": 2 * hits / (2 * hits + alarms + missed),
        "profit": float(profit) if objective == "cost" else None,
    }


def _profit(probability, target):
    contacted = np.linspace(1, len(target), 100).astype(int)
    profit = (np.cumsum(target)[contacted - 1] * 36.0 - contacted * 5.0) / len(target)
    return {
        "contacted": (contacted / len(target)).tolist(),
        "threshold": [None, *probability[contacted[1:] - 1].tolist()],
        "profit": profit.tolist(),
        "low": (profit - 0.6).tolist(),
        "high": (profit + 0.6).tolist(),
    }


def _drivers(rng, features, estimator):
    effects, ratios = [], []
    for at in range(features):
        name = f"feature_{at}" if at else "months_since_the_customer_signed_the_contract"
        if at % 2:
            effects.append(
                {"feature": name, "kind": "category", "values": list(CONTRACTS), "probability": [0.4, 0.2, 0.1, 0.31]}
            )
            others = zip(CONTRACTS[1:], (0.4, 0.15, 0.9), strict=True)
            ratios += [_ratio(name, level, CONTRACTS[0], ratio) for level, ratio in others]
        else:
            values = np.linspace(0, 72 + at, 15)
            effects.append(
                {
                    "feature": name,
                    "kind": "number",
                    "values": values.tolist(),
                    "probability": (0.5 * np.exp(-values / 30) + 0.05).tolist(),
                }
            )
            ratios.append(_ratio(name, None, "1 sd = 24 more", 1.8))
    sizes = np.sort(rng.exponential(0.02, features))[::-1].tolist()
    importance = [
        {"feature": effect["feature"], "log_loss": size, "log_loss_sd": size / 8, "roc_auc": size / 2}
        for effect, size in zip(effects, sizes, strict=True)
    ]
    return {
        "odds_ratios": ratios if estimator == "logistic" else None,
        "partial_effects": effects,
        "permutation_importance": importance,
        "importance_on": "held-out fifth",
    }


def _ratio(feature, level, against, ratio):
    return {
        "feature": feature,
        "level": level,
        "against": against,
        "ratio": ratio,
        "low": ratio * 0.7,
        "high": ratio * 1.5,
    }


def _data(effects, rows):
    numbers = {"minimum": 0.0, "maximum": 72.0, "mean": 32.4211}
    top = [[level, 0.25] for level in CONTRACTS]
    return [
        {"feature": effect["feature"], "kind": effect["kind"], "missing": at % 3 * rows // 100}
        | ({"levels": 4, "top": top} if effect["kind"] == "category" else numbers)
        for at, effect in enumerate(effects)
    ]
