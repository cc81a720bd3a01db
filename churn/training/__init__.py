"""Training: choose, evaluate, gate and save a model."""
