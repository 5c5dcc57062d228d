"""Where output goes: answers to stdout or a file, progress and notes to stderr."""

import contextlib
import io
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gpubench import codec
from gpubench.errors import UnwritableOutput

if TYPE_CHECKING:
    from rich.console import Console

PAPER = 100
"""Columns where no terminal tells how many it has."""


def answer(text: str, output: Path | None = None) -> None:
    """Write an answer to ``output``, or to stdout."""
    text = text if text.endswith("\n") else text + "\n"
    if output is None:
        _to_stdout(text)
    else:
        codec.write_text(output, text)


def _to_stdout(text: str) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal of another encoding shows "?"
        sys.stdout.reconfigure(errors="replace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as problem:  # a full disk; what is still buffered must not be tried again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise UnwritableOutput.of("stdout", problem) from None


def columns() -> int:
    """How wide answers may be: the terminal's width, or that of paper where there is none."""
    return shutil.get_terminal_size((PAPER, 24)).columns if sys.stdout.isatty() else PAPER


def drawn(text: str) -> str:
    """A picture in characters, as far as the terminal has them."""
    from gpubench.render.chart_text import in_ascii

    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return in_ascii(text)
    return text


def note(text: str) -> None:
    """Say something beside the answer, on stderr."""
    sys.stderr.write(f"gpubench: {text}\n")


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end the work as Ctrl-C does: children ended, folders removed.

    What was told to ignore a signal (nohup) goes on ignoring it.
    """
    before = {}
    for name in (signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(ValueError):  # not the main thread: nothing to set there
            if signal.getsignal(name) is not signal.SIG_IGN:
                before[name] = signal.signal(name, _interrupt)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def status(text: str) -> Iterator[Callable[[str], None] | None]:
    """A line on stderr that says what is being done; None, and no line, where it is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.text import Text

    with console(stderr=True).status(Text(plain(text))) as line:
        yield lambda words: line.update(Text(plain(words)))


def console(*, stderr: bool = False) -> "Console":
    """A rich console; colour only on a terminal, and never where NO_COLOR is set."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def plain(text: str) -> str:
    """The text without characters that a terminal would obey instead of showing."""
    return "".join(character if character.isprintable() else "�" for character in text)
