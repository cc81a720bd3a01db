"""The record of a customer: fields, ranges, normal forms."""
