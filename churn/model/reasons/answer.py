"""Reasons as an answer holds them."""

from typing import Any

from pydantic import BaseModel, Field


class Reason(BaseModel):
    """What one feature contributes."""

    feature: str
    value: Any = Field(description="The feature as the model saw it; null where nothing is known.")
    contribution: float = Field(description="In log-odds: above 0 it raises the risk, below 0 it lowers it.")


class Reasons(BaseModel):
    """Why a probability is what it is: `base` and all contributions add up to its logit, to 1e-5.

    A probability has 32 bits: near 1 its own rounding moves its logit by more, up to 1e-7 / (1 - probability).
    """

    base: float = Field(description="Log-odds of the mean customer of training.")
    features: list[Reason] = Field(description="All features, the largest contribution, whatever its sign, first.")
    summary: list[str] = Field(description="The up to three largest, in words.")
