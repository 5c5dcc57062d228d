"""One machine and one Python environment: the snapshot, and the probes that take it."""
