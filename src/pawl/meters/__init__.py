"""Is it real: measurements of a run that no part of the loop optimises."""
