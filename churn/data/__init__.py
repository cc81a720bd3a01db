"""Training files: read, checked, counted, and simulated."""
