"""Scoring: a loaded model, and what turns customers into answers."""
