"""A pasted text as a snapshot."""

from gpubench.env.readers.registry import read_report
from gpubench.env.snapshot import Snapshot


def read(text: str | bytes) -> Snapshot:
    return read_report(text.encode() if isinstance(text, str) else text, "paste")
