"""Scoring: customers in, answers out. Requests of the service, and whole tables."""
