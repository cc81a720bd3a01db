"""Drift detection and evaluation of past predictions, from the journal and the model's own reference."""
