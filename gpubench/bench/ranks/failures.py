"""How the ranks of a node ended: the answer of its first, or which one broke first, and how."""

import json
import signal
from pathlib import Path
from typing import Any

LAST_WORDS = 2000
"""How many characters of a dead rank's stderr are read (own choice)."""

NOBODY_CAME = "not all nodes came to the rendezvous in time"
FOLLOWS = (
    "Connection closed by peer", "Connection reset by peer", "Broken pipe", "heartbeat",
    NOBODY_CAME,
)  # fmt: skip
"""What a rank says that lost another one, and a node that waits for one: it is no cause."""


def follows(reason: str) -> bool:
    """Whether it tells of another rank's end rather than of its own."""
    return any(words in reason for words in FOLLOWS)


def answer(folder: Path) -> dict[str, Any]:
    """What the first rank of this node answered."""
    try:
        found: dict[str, Any] = json.loads((folder / "answer-0.json").read_text(encoding="utf-8"))
        result: dict[str, Any] = found["result"]
    except (OSError, ValueError, KeyError):
        return {"state": "failed", "reason": "the ranks ended without an answer"}
    return result


def told(problem: Exception, folder: Path, hung: str | None) -> dict[str, Any]:
    """What the worker answers where torch's elastic agent gave up: a state and its reason."""
    if hung is not None:
        return {"kind": "timed-out", "reason": hung}
    if type(problem).__name__ == "RendezvousTimeoutError":
        return {"kind": "timed-out", "reason": NOBODY_CAME}
    ended = dict(getattr(problem, "failures", {}))
    if not ended:
        return {"kind": "failed", "reason": f"torchrun: {type(problem).__name__}: {problem}"}
    errors = _errors(folder)
    killed = _by_signal(ended, aborted=not errors or follows(errors[0][1]["reason"]))
    if killed is not None:
        return _killed(killed, ended, folder)
    if errors:
        local, error = errors[0]
        rank = next((r for r, f in ended.items() if f.local_rank == local), local)
        return {**error, "reason": f"rank {rank}: {error['reason']}"}
    rank, failure = min(ended.items(), key=lambda item: item[1].timestamp)
    return {"kind": "failed", "reason": f"rank {rank} ended with status {failure.exitcode}"
            f"{_words(folder, failure.local_rank)}"}  # fmt: skip


def _by_signal(ended: dict[int, Any], *, aborted: bool) -> Any | None:
    """What was killed first; those that aborted count only where nothing else tells why.

    The agent ends ranks by SIGTERM, and NCCL's watchdog aborts one that has lost another.
    """
    passed = {signal.SIGTERM} if aborted else {signal.SIGTERM, signal.SIGABRT}
    killed = [f for f in ended.values() if f.exitcode < 0 and -f.exitcode not in passed]
    return min(killed, key=lambda f: (-f.exitcode == signal.SIGABRT, f.timestamp), default=None)


def _killed(failure: Any, ended: dict[int, Any], folder: Path) -> dict[str, Any]:
    rank = next(rank for rank, other in ended.items() if other is failure)
    name = signal.Signals(-failure.exitcode).name
    hint = " (the kernel's out-of-memory killer sends it)" if name == "SIGKILL" else ""
    return {
        "kind": "failed",
        "reason": f"rank {rank} was killed by {name}{hint}{_words(folder, failure.local_rank)}",
    }


def _errors(folder: Path) -> list[tuple[int, dict[str, Any]]]:
    """What ranks said that broke by themselves, causes first, then by the time of it."""
    found = []
    for path in folder.glob("answer-*.json"):
        said = json.loads(path.read_text(encoding="utf-8"))
        if "error" in said:
            found.append(
                (follows(said["error"]["reason"]), said["at"], int(path.stem[7:]), said["error"])
            )
    return [(local, error) for _, _, local, error in sorted(found, key=lambda each: each[:3])]


def _words(folder: Path, local_rank: int) -> str:
    """The last line that a rank wrote to stderr."""
    for path in folder.glob(f"logs/*/attempt_*/{local_rank}/stderr.log"):
        lines = path.read_bytes()[-LAST_WORDS:].decode("utf-8", errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        if said:
            return f"; its last words: {said[-1][:300]}"
    return ""
