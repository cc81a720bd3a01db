"""A loaded model: what a stored model is to whoever scores with it."""
