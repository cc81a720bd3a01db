"""Reasons: what each feature of a customer contributes to the log-odds of the prediction, exactly, with numpy alone."""
