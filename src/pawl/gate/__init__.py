"""What may pass: exact statistics of a paired contest, and the decision they lead to."""
