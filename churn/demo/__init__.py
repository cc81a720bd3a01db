"""The demonstration `churn demo`: a user's commands, each in a process of its own, in a temporary folder."""
