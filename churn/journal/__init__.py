"""Prediction journal: the one owner of its files and line format, written and read."""
