"""Where the outside world is met: files below a root, variables, and child processes."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from gpubench.env.children import children_here, end_group
from gpubench.env.redact import clean
from gpubench.units import Seconds

NO_TIME = Seconds(0.0)
MAX_OUTPUT_BYTES = 16 * 2**20
"""What is kept of a child's stdout, from its start (the largest honest answer is 0.2 MiB)."""
MAX_ERROR_BYTES = 64 * 2**10
"""What is kept of a child's stderr, from its end."""
LAST_WORDS = 8
"""Lines of a child's stderr that are kept as its last words."""
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
        lines = [line.rstrip() for line in self.errors.splitlines() if line.strip()]
        return tuple(clean(line)[:500] for line in lines[-LAST_WORDS:])

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
) -> Completed:
    """Run ``command`` with ``script`` on its stdin, in an empty folder that is deleted after.

    Never raises for what the child does: a signal, a hang or a missing program is an answer.
    On time-out the child's whole process group is ended. ``watch`` is told each line of its
    stdout as it comes, in a thread of its own.
    """
    try:
        temporary = empty_folder()
    except OSError as problem:
        words = f"no writable temporary folder: {problem.strerror or problem}"
        return Completed(output="", errors="", code=None, problem=words)
    with temporary as folder:
        started = time.monotonic()
        try:
            child = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE if script is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env={**variables, **_caches_in(folder)},
                start_new_session=True,
            )
        except (OSError, ValueError) as problem:
            words = getattr(problem, "strerror", None) or str(problem)
            return Completed(output="", errors="", code=None, problem=f"cannot start: {words}")
        with children_here().holding(child):
            return _finish(child, script, timeout, started, watch)


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
    return {"PYTHONDONTWRITEBYTECODE": "1", **dict.fromkeys(names, folder)}


def _finish(
    child: subprocess.Popen[bytes],
    script: str | None,
    timeout: float,
    started: float,
    watch: Watch | None,
) -> Completed:
    streams: dict[str, bytes] = {"output": b"", "errors": b""}
    threads = [
        threading.Thread(target=_keep_start, args=(child.stdout, streams, watch), daemon=True),
        threading.Thread(target=_keep_end, args=(child.stderr, streams), daemon=True),
        threading.Thread(target=_feed, args=(child.stdin, script), daemon=True),
    ]
    for thread in threads:
        thread.start()
    timed_out = False
    try:
        child.wait(timeout)
    except subprocess.TimeoutExpired:
        timed_out = True
    finally:
        end_group(child)
    for thread in threads:
        thread.join(1.0)  # a grandchild in a session of its own may still hold the pipe
    return Completed(
        output=streams["output"].decode("utf-8", "replace"),
        errors=streams["errors"].decode("utf-8", "replace"),
        code=child.returncode if not timed_out and child.returncode >= 0 else None,
        signal_name=None if timed_out else _signal_name(child.returncode),
        timed_out=timed_out,
        seconds=Seconds(time.monotonic() - started),
    )


def _feed(stream: IO[bytes] | None, script: str | None) -> None:
    if stream is not None and script is not None:
        with contextlib.suppress(OSError), stream:
            stream.write(script.encode())


def _keep_start(stream: IO[bytes] | None, streams: dict[str, bytes], watch: Watch | None) -> None:
    told = 0
    for chunk in _chunks(stream):
        if len(streams["output"]) < MAX_OUTPUT_BYTES:
            streams["output"] += chunk
        while watch is not None and (end := streams["output"].find(b"\n", told)) >= 0:
            watch(streams["output"][told:end].decode("utf-8", "replace"))
            told = end + 1


def _keep_end(stream: IO[bytes] | None, streams: dict[str, bytes]) -> None:
    for chunk in _chunks(stream):
        streams["errors"] = (streams["errors"] + chunk)[-MAX_ERROR_BYTES:]


def _chunks(stream: IO[bytes] | None) -> Iterator[bytes]:
    """What a child says, as it says it: a full pipe would stop the child."""
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError), stream:
        while chunk := os.read(stream.fileno(), 65536):
            yield chunk


def _signal_name(code: int | None) -> str | None:
    if code is None or code >= 0:
        return None
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
