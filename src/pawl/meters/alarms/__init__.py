"""Alarms: what goes wrong in runs without an error, seen in what a generation wrote and in what was said of it."""
