"""Batches of customers as Arrow IPC streams: read, checked, answered and journalled for whole columns at a time."""
