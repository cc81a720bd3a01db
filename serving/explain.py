"""Query parameter `explain`: whether reasons are asked for, and whether they can be given."""

from urllib.parse import parse_qs

from churn.errors import Problem
from churn.model.scorer import Scorer
from serving.messages import HttpError, Request

MAX_REASONS = 500_000
"""Contributions in one answer, at most: 40 MB of JSON, of which there are three copies for a moment."""
_EXPLAIN = {b"": False, b"explain=true": True, b"explain=1": True, b"explain=false": False, b"explain=0": False}


def asks_for_reasons(request: Request) -> bool:
    """Whether the query asks for reasons; other parameters are ignored.

    Raises:
        HttpError: 400, `explain` is something else than true or false.
    """
    query: bytes = request.scope["query_string"]
    if (explain := _EXPLAIN.get(query)) is not None:
        return explain
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("explain", ["false"])
    if len(values) > 1 or (explain := _EXPLAIN.get(b"explain=" + values[0].encode())) is None:
        message = "`explain` is true (or 1) or false (or 0), once"
        detail: list[Problem] = [{"loc": ["query", "explain"], "msg": message, "type": "invalid_query"}]
        raise HttpError(400, "invalid_query", "the query is not valid", detail)
    return explain


def require_reasons(scorer: Scorer) -> None:
    """Check that the model can give reasons.

    Raises:
        HttpError: 409, it was stored without them.
    """
    if scorer.explainer is None:
        raise HttpError(
            409,
            "no_reasons",
            f"the model in service, {scorer.tag}, was stored without reasons; train it anew, or ask without `explain`",
        )


def check_amount(customers: int, features: int) -> None:
    """Check that an answer with reasons is not too large.

    Raises:
        HttpError: 413, it has more than `MAX_REASONS` contributions.
    """
    if customers * features > MAX_REASONS:
        most = MAX_REASONS // features
        raise HttpError(413, "too_many_reasons", f"with reasons, send at most {most:,} customers of this table at once")
