"""Every reader, in the order a paste is offered to them, and the snapshot that comes of it."""

import dataclasses
import re
from collections.abc import Callable

from gpubench.env.readers import (
    collect_env,
    console,
    deepspeed_env,
    library_env,
    mmcv_env,
    nvidia_smi,
    nvidia_smi_q,
    nvidia_smi_xml,
    packages,
    questions,
)
from gpubench.env.readers.draft import Draft
from gpubench.env.readers.finish import finish
from gpubench.env.readers.pasted import Pasted, decode, is_text
from gpubench.env.readers.said import said_lines
from gpubench.env.snapshot import Snapshot
from gpubench.errors import UnreadableInput


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One kind of report: takes its lines out of a paste and adds what they say to a draft."""

    kind: str
    read: Callable[[Pasted, Draft], bool]


READERS = (
    Reader(kind="nvidia_smi_xml", read=nvidia_smi_xml.read),
    Reader(kind="nvidia_smi_q", read=nvidia_smi_q.read),
    Reader(kind="nvidia_smi", read=nvidia_smi.read),
    Reader(kind="collect_env", read=collect_env.read),
    Reader(kind="library_env", read=library_env.read),
    Reader(kind="mmcv_env", read=mmcv_env.read),
    Reader(kind="deepspeed_env", read=deepspeed_env.read),
    Reader(kind="packages", read=packages.read),
    Reader(kind="questions", read=questions.read),
    Reader(kind="console", read=console.read),
)
"""The stricter a form, the earlier: a line belongs to the first reader that knows it."""


def read_report(content: bytes, name: str) -> Snapshot:
    """The snapshot that a pasted report describes; UnreadableInput where nothing was recognised.

    What the report does not say is None, and what it says it could not read is in ``unread``.
    """
    text = decode(content)
    if not is_text(text):
        raise UnreadableInput(f"{name}: not text")
    pasted, draft = Pasted(text), Draft()
    kinds = tuple(reader.kind for reader in READERS if reader.read(pasted, draft))
    said = said_lines(pasted)
    is_cut = bool(draft.paste.pop("is_cut", False)) or pasted.is_cut
    if not kinds and not said:
        raise UnreadableInput(f"{name}: {_nothing_in(pasted)}")
    finish(draft)
    return draft.snapshot(
        kinds or ("log",),
        {
            "line_count": pasted.line_count,
            "unread_line_count": pasted.free_count,
            "said": said,
            "is_cut": is_cut,
        },
    )


def _nothing_in(pasted: Pasted) -> str:
    if not pasted.line_count:
        return "it is empty"
    known = ", ".join(re.sub("_", " ", reader.kind) for reader in READERS)
    return f"no line of it was recognised; what can be read: a gpubench snapshot, {known}, an error"
