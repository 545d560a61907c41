"""Spending compute to improve on the first answer."""
