"""Modes, steps, clocks and measurements: how training is timed."""
