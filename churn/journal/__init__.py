"""The prediction journal: the one owner of its line format, written and read."""
