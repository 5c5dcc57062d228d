"""Where the outside world is met: files below a root, variables, and child processes."""

import contextlib
import dataclasses
import itertools
import os
import resource
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from gpubench.env.children import children_here, end_group
from gpubench.env.places import HERE, Folders, Place, Program, Start
from gpubench.env.redact import clean
from gpubench.units import Seconds

NO_TIME = Seconds(0.0)
HALF_OUTPUT_BYTES = 8 * 2**20
"""What is kept of a child's stdout from its start, and from its end.

The largest honest answer is 0.2 MiB; a hook of the interpreter may print much before it."""
MAX_ERROR_BYTES = 64 * 2**10
"""What is kept of a child's stderr, from its end."""
LONGEST_LINE = 2**20
"""Bytes of a line that a watcher may be told."""
LAST_WORDS = 8
"""Lines of a child's stderr that are kept as its last words."""
CALLS = 3
"""Of these, the innermost calls of a Python that crashed or hung."""
ENDING_SECONDS = 5.0
"""What a place is given beyond a child's own limit before it ends the child from within."""
Watch = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a child process ended and what it said."""

    output: str
    errors: str
    code: int | None
    """Exit status; None where it was ended by a signal or never started."""
    signal_name: str | None = None
    timed_out: bool = False
    problem: str | None = None
    """Why it could not be started."""
    seconds: Seconds = NO_TIME

    @property
    def last_words(self) -> tuple[str, ...]:
        """The last lines of its stderr, cleaned of secrets and terminal codes."""
        errors = clean(self.errors.replace("\r", "\n"))  # whole: a key is several lines
        lines = [line.rstrip() for line in errors.splitlines() if line.strip()]
        said, place = _split(lines)
        words = [*said[-LAST_WORDS + len(place) :], *place]
        return tuple(line[:500] for line in words)

    @property
    def ending(self) -> str | None:
        """What went wrong in a few words, or None where it ended well."""
        if self.problem:
            return self.problem
        if self.timed_out:
            return f"did not come back within {self.seconds:.0f} s"
        if self.signal_name:
            return f"was ended by {self.signal_name}"
        return None if self.code == 0 else f"ended with exit status {self.code}"


def _split(lines: list[str]) -> tuple[list[str], list[str]]:
    """What a child said, and the innermost calls where Python's fault handler left its stack."""
    fatal = [i for i, line in enumerate(lines) if line.startswith("Fatal Python error: ")]
    stacks = [i for i, line in enumerate(lines) if line.endswith("(most recent call first):")]
    if not fatal or not stacks:
        return lines, []
    own = next((i for i in stacks if lines[i].startswith("Current thread")), stacks[-1])
    calls = itertools.takewhile(lambda line: line.startswith("  File "), lines[own + 1 :])
    files = (line.strip() for line in calls if 'File "<' not in line)  # not what we sent
    place = list(itertools.islice(files, CALLS))
    fault = lines[fatal[-1]].removeprefix("Fatal Python error: ")
    return [*lines[: fatal[-1]], *([] if fault == "Aborted" else [fault])], place


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Files, variables and processes of one machine; a test points ``root`` at recorded trees."""

    root: Path = Path("/")
    variables: Mapping[str, str] = dataclasses.field(default_factory=lambda: dict(os.environ))

    def path(self, name: str) -> Path:
        """The place of the absolute path ``name`` below the root."""
        return self.root / name.lstrip("/")

    def text(self, name: str, limit: int = 2**20) -> str | None:
        """The content of a file, None where there is none; OSError where it may not be read."""
        try:
            with self.path(name).open("rb") as stream:
                return stream.read(limit).decode("utf-8", "replace")
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self, folder: str) -> list[str] | None:
        """What a folder holds, sorted; None where there is no such folder."""
        try:
            return sorted(entry.name for entry in self.path(folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return None


def run_child(
    command: Sequence[str],
    *,
    script: str | None = None,
    timeout: float,
    variables: Mapping[str, str],
    watch: Watch | None = None,
    place: Place = HERE,
    shared: Sequence[Path] = (),
) -> Completed:
    """Run ``command`` with ``script`` on its stdin, in an empty folder that is deleted after.

    Never raises for what the child does: a signal, a hang or a missing program is an answer.
    On time-out the child's whole process group is ended. ``watch`` is told each line of its
    stdout as it comes, in a thread of its own. In another ``place`` the child sees its own folder
    and those that are ``shared`` with others.
    """
    try:
        temporary = empty_folder()
    except OSError as problem:
        words = f"no writable temporary folder: {problem.strerror or problem}"
        return Completed(output="", errors="", code=None, problem=words)
    with temporary as folder:
        started = time.monotonic()
        program = Program(
            command=tuple(command),
            variables={**variables, **_caches_in(folder)},
            folders=Folders(own=Path(folder), writable=tuple(shared)),
            limit=timeout + ENDING_SECONDS,
        )
        start = place.start(program)
        has_input = script is not None or start.is_guarded
        try:
            child = subprocess.Popen(
                start.command,
                stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env=start.variables,
                start_new_session=True,
            )
        except (OSError, ValueError) as problem:
            words = getattr(problem, "strerror", None) or str(problem)
            return Completed(output="", errors="", code=None, problem=f"cannot start: {words}")
        try:
            with children_here().holding(child):
                return _finish(child, start, script, timeout, started, watch)
        finally:
            start.end()


def empty_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for one child, in shared memory where no other place can be written."""
    try:
        return tempfile.TemporaryDirectory(prefix="gpubench-", ignore_cleanup_errors=True)
    except OSError:
        return tempfile.TemporaryDirectory(
            prefix="gpubench-",
            dir="/dev/shm",
            ignore_cleanup_errors=True,
        )


def _caches_in(folder: str) -> dict[str, str]:
    """Variables that keep a child from writing anywhere but into ``folder``."""
    names = (
        "CUDA_CACHE_PATH",
        "MPLCONFIGDIR",
        "TEMP",
        "TMP",
        "TMPDIR",
        "TORCHINDUCTOR_CACHE_DIR",
        "TORCH_EXTENSIONS_DIR",
        "TRITON_CACHE_DIR",
        "XDG_CACHE_HOME",
    )
    python = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONFAULTHANDLER": "1"}
    return {**python, **dict.fromkeys(names, folder)}


def _finish(
    child: subprocess.Popen[bytes],
    start: Start,
    script: str | None,
    timeout: float,
    started: float,
    watch: Watch | None,
) -> Completed:
    streams = {"start": bytearray(), "end": bytearray(), "errors": bytearray()}
    threads = [
        threading.Thread(target=_keep_both_ends, args=(child.stdout, streams, watch), daemon=True),
        threading.Thread(target=_keep_end, args=(child.stderr, streams), daemon=True),
        threading.Thread(target=_feed, args=(child.stdin, start, script), daemon=True),
    ]
    for thread in threads:
        thread.start()
    timed_out = False
    try:
        child.wait(timeout)
    except subprocess.TimeoutExpired:
        timed_out = True
        if not start.is_guarded:  # a guard asks it
            _ask_where(child)
    finally:
        if not threads[-1].is_alive():
            start.let_go(child)
        end_group(child)
    for thread in threads:
        thread.join(1.0)  # a grandchild in a session of its own may still hold the pipe
    if child.stdin is not None:
        with contextlib.suppress(OSError):
            child.stdin.close()
    code, errors = start.ending(child.returncode, streams["errors"].decode("utf-8", "replace"))
    return Completed(
        output=(streams["start"] + streams["end"][-HALF_OUTPUT_BYTES:]).decode("utf-8", "replace"),
        errors=errors,
        code=code if not timed_out and code is not None and code >= 0 else None,
        signal_name=None if timed_out else _signal_name(code),
        timed_out=timed_out,
        seconds=Seconds(time.monotonic() - started),
    )


def _feed(stream: IO[bytes] | None, start: Start, script: str | None) -> None:
    if stream is None:
        return
    with contextlib.suppress(OSError):
        stream.write(start.input((script or "").encode()))
        stream.flush()
    if not start.is_guarded:
        with contextlib.suppress(OSError):
            stream.close()


def _keep_both_ends(
    stream: IO[bytes] | None, streams: dict[str, bytearray], watch: Watch | None
) -> None:
    line = bytearray()
    for chunk in _chunks(stream):
        room = max(0, HALF_OUTPUT_BYTES - len(streams["start"]))
        streams["start"] += chunk[:room]
        streams["end"] += chunk[room:]
        if len(streams["end"]) > 2 * HALF_OUTPUT_BYTES:  # at every chunk it would take too long
            del streams["end"][:-HALF_OUTPUT_BYTES]
        if watch is not None:
            *whole, line = (line + chunk).split(b"\n")
            for entry in whole:
                watch(entry.decode("utf-8", "replace"))
            del line[:-LONGEST_LINE]


def _keep_end(stream: IO[bytes] | None, streams: dict[str, bytearray]) -> None:
    for chunk in _chunks(stream):
        streams["errors"] += chunk
        del streams["errors"][:-MAX_ERROR_BYTES]


def _chunks(stream: IO[bytes] | None) -> Iterator[bytes]:
    """What a child says, as it says it: a full pipe would stop the child."""
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError), stream:
        while chunk := os.read(stream.fileno(), 65536):
            yield chunk


def _ask_where(child: subprocess.Popen[bytes]) -> None:
    """Let a Python that hangs say where, by its fault handler; it leaves no core file.

    A limit of one byte also stops the kernel from handing a core to a collector; 0 does not.
    """
    with contextlib.suppress(AttributeError, OSError, ValueError):  # prlimit is Linux's alone
        resource.prlimit(child.pid, resource.RLIMIT_CORE, (1, 1))
    with contextlib.suppress(OSError):
        child.send_signal(signal.SIGABRT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(1.0)


def _signal_name(code: int | None) -> str | None:
    if code is None or code >= 0:
        return None
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
