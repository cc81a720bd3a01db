"""Drift: whether what the service is asked still looks like what its model was trained on."""
