"""Inference of a schema from a file of customers."""
