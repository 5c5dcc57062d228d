"""What ``--from`` reads: a snapshot of ours, the doctor JSON that holds one, a pasted report."""

import sys
from pathlib import Path
from typing import Any

from gpubench import codec
from gpubench.env.readers.registry import read_report
from gpubench.env.redact import clean, clean_plain
from gpubench.env.snapshot import SCHEMA, Snapshot
from gpubench.errors import UnknownSchema, UnreadableInput

MAX_BYTES = 10 * 2**20
DOCTOR_SCHEMA = "gpubench.doctor/1"


def read_snapshot(source: str, *, reports: bool = True) -> Snapshot:
    """The snapshot in the file ``source``, or on stdin for ``-``; UnreadableInput otherwise.

    ``reports``: a pasted report will do as well.
    """
    name = "stdin" if source == "-" else clean(source)
    content = _stdin() if source == "-" else codec.read_bytes(Path(source), MAX_BYTES)
    if reports and not _is_json(content):
        return read_report(content, name)
    try:
        plain = _snapshot_in(codec.parse_json(content, name), name)
        return codec.from_plain(Snapshot, clean_plain(plain), name)
    except RecursionError:
        raise UnreadableInput(f"{name}: nested deeper than any snapshot") from None


def _is_json(content: bytes) -> bool:
    """True for what begins as a JSON object; no report of another tool does."""
    return content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def _stdin() -> bytes:
    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UnreadableInput(f"stdin: larger than {MAX_BYTES} bytes")
    return content


def _snapshot_in(plain: Any, name: str) -> dict[str, Any]:
    """The snapshot itself, or the one inside a doctor's report."""
    if isinstance(plain, dict) and plain.get("schema") == DOCTOR_SCHEMA:
        plain = plain.get("snapshot")
    if not isinstance(plain, dict) or "schema" not in plain:
        raise UnreadableInput(
            f"{name}: neither a gpubench snapshot nor the JSON of gpubench doctor"
        )
    if plain["schema"] != SCHEMA:
        raise UnknownSchema(name, plain["schema"], f"{SCHEMA} or {DOCTOR_SCHEMA}")
    return plain
