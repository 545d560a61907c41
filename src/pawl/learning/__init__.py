"""Changing the policy: losses as pure functions, batches, the optimiser, and the one training loop."""
