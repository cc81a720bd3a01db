"""Customers as columns of Arrow: many at once, by the rules of a single record."""
