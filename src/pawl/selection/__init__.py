"""Which problems are attempted, which attempts become examples, and what real data stands beside them."""
