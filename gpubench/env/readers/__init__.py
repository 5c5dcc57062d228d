"""Reads pasted reports into snapshots: one file per kind of report, one line in the registry."""
