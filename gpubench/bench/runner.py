"""One job in one child process: started, listened to, and ended whatever happens."""

import contextlib
import dataclasses
import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from gpubench import codec
from gpubench.bench.hostmemory import killed_for_memory
from gpubench.bench.job import Job, Progress
from gpubench.env.places import HERE, Folders, Place, Program, Start
from gpubench.env.redact import clean
from gpubench.errors import BadData, MissingPackage
from gpubench.units import Seconds

# -c puts '' on sys.path: a torch.py in the working folder would be imported in torch's place
WORKER = (
    "import sys; sys.path[:] = filter(None, sys.path); "
    "from gpubench.bench.worker import main; main()"
)

KILLED_FOR_MEMORY = (
    "the kernel ended the process for want of memory (its counter of such ends rose meanwhile)"
)

ENDING_SECONDS = 60.0
"""What a place gives a child beyond its limit before it ends it from within (own choice)."""
Heard = Callable[[dict[str, Any]], object]
"""Is told a line of what a job wants to be kept before it is done."""

LAST_WORDS = 2000
"""How many characters of a dead child's stderr are kept (own choice)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a child ended: its result, or the state and reason that stand for one."""

    result: dict[str, Any]
    seconds: Seconds

    @classmethod
    def without_process(cls, state: str, reason: str) -> "Answer":
        """The answer to a job that needed no process to be answered."""
        return cls(result={"state": state, "reason": reason}, seconds=Seconds(0))


def run_job(
    job: Job,
    *,
    cache: Path,
    progress: Progress = lambda stage, done, of: None,
    program: str = WORKER,
    place: Place = HERE,
    heard: Heard | None = None,
) -> Answer:
    """Run one job in a fresh process and wait for its answer, at most its protocol's limit.

    With ``heard``, which is told what the child wants kept as it goes, the limit is one of
    silence: a job may take as long as it likes while it says something now and then.
    ``cache`` is the folder of its compile caches, ``program`` the Python text that does the job,
    ``place`` where it runs; gpubench need not be installed there. BadData and MissingPackage are
    raised for what no other process could do better; everything else becomes a state.
    """
    began, ended_before = time.monotonic(), killed_for_memory()
    asked = Program(
        command=(place.python, "-c", program),
        variables=_environment(os.environ, cache),
        folders=folders_of(job, cache),
        limit=job.protocol.process_limit_seconds + ENDING_SECONDS,
        imports_gpubench=True,
    )
    start = place.start(asked)
    with tempfile.TemporaryFile() as errors, _child(start, errors) as child:
        result = _listen(child, start, job, progress, heard)
        if result is None:
            status, words = start.ending(_end(child), _last_words(errors))
            result = {"state": "failed", "reason": _death(status, words)}
            if status == -signal.SIGKILL and _more(killed_for_memory(), than=ended_before):
                result |= {"state": "out-of-memory", "reason": KILLED_FOR_MEMORY}
    return Answer(result=result, seconds=Seconds(time.monotonic() - began))


@contextlib.contextmanager
def _child(start: Start, errors: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A started child, killed with everything it started when the block is left."""
    child = subprocess.Popen(
        start.command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=start.variables,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        start.let_go(child)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        start.end()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def _more(count: int | None, *, than: int | None) -> bool:
    return count is not None and than is not None and count > than


def folders_of(job: Job, cache: Path) -> Folders:
    """What the job's child writes into, and what it reads of what the user named."""
    workload = job.workload
    named = [_place(name) for name in (workload.data, workload.model, workload.tokenizer) if name]
    own, scratch = cache.absolute(), Path(job.scratch).absolute()
    readable = {path.absolute() for path in named if path.exists()}
    made = {path for path in readable if path.is_relative_to(scratch)}
    return Folders(own=own, writable=(scratch,), readable=tuple(sorted(readable - made)))


def _place(given: str) -> Path:
    """Where it lies; of a folder in a hub's layout (``hf:/FOLDER[:CONFIG][@SPLIT]``) the folder."""
    if not given.startswith("hf:/"):
        return Path(given)
    whole = given.removeprefix("hf:")
    name = whole.rpartition("@")[0] or whole
    places = [Path(each) for each in (name, name.partition(":")[0])]
    return next((place for place in places if place.exists()), places[0])


def _environment(outer: Mapping[str, str], cache: Path) -> dict[str, str]:
    """The child's variables: caches of its own, no bytecode left behind.

    OpenMP threads wait passively unless the user says otherwise: where another process holds a
    core, spinning threads were seen to make a CPU step 15 times longer.
    """
    return {
        "OMP_WAIT_POLICY": "passive",
        **outer,
        "PYTHONDONTWRITEBYTECODE": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
        "TRITON_CACHE_DIR": str(cache / "triton"),
        "TOKENIZERS_PARALLELISM": "false",
    }


def _listen(
    child: subprocess.Popen[bytes],
    start: Start,
    job: Job,
    progress: Progress,
    heard: Heard | None,
) -> dict[str, Any] | None:
    """Hand the job over and read answers until the result, the end, or the time limit."""
    assert child.stdin is not None
    assert child.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        text = json.dumps(codec.to_plain(job)).encode()  # ASCII: any file name passes
        child.stdin.write(start.input(text))
        child.stdin.flush()
        if not start.is_guarded:
            child.stdin.close()
    limit = job.protocol.process_limit_seconds
    for line in _lines(child.stdout, limit, of_silence=heard is not None):
        if line is None:
            return {"state": "timed-out", "reason": f"no answer within {limit:.0f} s"}
        event = _event(line)
        if event.get("event") == "progress":
            progress(event["stage"], event["done"], event["of"])
        elif event.get("event") == "told" and heard is not None:
            del event["event"]
            heard(event)
        elif event.get("event") == "result":
            del event["event"]
            return event
        elif event.get("event") == "error":
            return _failure(event)
    return None


def _lines(stream: IO[bytes], limit: float, *, of_silence: bool) -> Iterator[bytes | None]:
    """Lines as they come; None once the time, or that of a silence, is up."""
    rest, ends = b"", time.monotonic() + limit
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, ends - time.monotonic())):
                yield None
                return
            piece = os.read(stream.fileno(), 65_536)
            if not piece:
                return
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole
            if of_silence:
                ends = time.monotonic() + limit


def _event(line: bytes) -> dict[str, Any]:
    """One answer, numbers that are not finite as None; what is no answer is passed over."""
    try:
        event = json.loads(line, parse_constant=lambda name: None)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _failure(event: dict[str, Any]) -> dict[str, Any]:
    if event["kind"] == "user":
        raise BadData(event["reason"])
    if event["kind"] == "missing-package":
        raise MissingPackage(event["reason"], extra="bench")
    state = event["kind"] if event["kind"] in ("out-of-memory", "timed-out") else "failed"
    reason = clean(_first_line(event["reason"]))
    answer = {"state": state, "reason": reason, "memory": event.get("memory", {})}
    return answer | ({"shortage": event["shortage"]} if event.get("shortage") else {})


def _end(child: subprocess.Popen[bytes]) -> int | None:
    """The exit status of a child that has closed its output, waiting a little for it."""
    try:
        return child.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return None


def _last_words(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - LAST_WORDS))
    return errors.read().decode("utf-8", errors="replace").strip()


def _death(status: int | None, words: str) -> str:
    """Why a child that gave no answer is dead, in one line."""
    if status is not None and status < 0:
        name = signal.Signals(-status).name
        hint = " (the kernel's out-of-memory killer sends it)" if name == "SIGKILL" else ""
        why = f"the process was killed by {name}{hint}"
    else:
        why = f"the process ended with status {status} and no answer"
    last = clean(words.splitlines()[-1]) if words else ""
    return f"{why}; its last words: {last}" if last else why


def _first_line(text: str) -> str:
    """The first line that says something, with the next where the first only announces it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kept = lines[:2] if lines and lines[0].endswith(":") else lines[:1]
    return " ".join(kept)[:400]
