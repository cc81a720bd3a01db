"""Files of customers, scored in bounded memory: sources, scores, rejected rows, summary."""
