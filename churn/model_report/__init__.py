"""Model report: the figures of a model as a page, and two models beside each other."""
