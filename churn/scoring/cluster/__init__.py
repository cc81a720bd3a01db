"""Tables of customers in files that many machines reach: found, cut into units of work, scored unit by unit."""
