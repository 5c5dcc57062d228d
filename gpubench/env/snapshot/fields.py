"""What is said of a field of the snapshot beside its type."""

VOLATILE = {"volatile": True}
"""Marks a field that changes from minute to minute and stays out of the digest."""
