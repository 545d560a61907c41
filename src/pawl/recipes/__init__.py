"""Whole experiments, a file each, read top to bottom."""
