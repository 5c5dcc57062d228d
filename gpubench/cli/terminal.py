"""Where output goes: answers to stdout or a file, progress and notes to stderr."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gpubench import codec

if TYPE_CHECKING:
    from rich.console import Console


def answer(text: str, output: Path | None = None) -> None:
    """Write an answer to ``output``, or to stdout."""
    text = text if text.endswith("\n") else text + "\n"
    if output is None:
        if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal of another encoding shows "?"
            sys.stdout.reconfigure(errors="replace")
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        codec.write_text(output, text)


def note(text: str) -> None:
    """Say something beside the answer, on stderr."""
    sys.stderr.write(f"gpubench: {text}\n")


def console(*, stderr: bool = False) -> "Console":
    """A rich console; colour only on a terminal, and never where NO_COLOR is set."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)
