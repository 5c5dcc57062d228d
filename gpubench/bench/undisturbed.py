"""A measured process with what its GPU did meanwhile; done again where that spoiled it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from gpubench import codec
from gpubench.bench.runner import Answer
from gpubench.env.sampler import Recorder
from gpubench.env.telemetry import Sample, Telemetry

MOST_DISCARDED = 2
"""How often a process is done again because the GPU was slowed, shared or in error (DESIGN)."""

Sampling = Callable[[str], AbstractContextManager[Recorder]]
Latest = Callable[[], Sample | None]


def undisturbed(
    ask: Callable[[], Answer],
    gpu: str,
    sampling: Sampling,
    show: Callable[[Latest], None],
    *,
    again: bool = True,
) -> Answer:
    """The answer of a process during which nothing happened to the GPU, with its telemetry.

    A hardware slow-down, another process, an Xid or a memory error costs another try, at most
    ``MOST_DISCARDED`` times and none without ``again``; then the measurement is invalid, and
    ``disturbed``: later it may not be. Clocks that are held would be held the next time as well:
    the state says so. ``show`` is given the sampler's latest reading.
    """
    discarded: list[str] = []
    most = MOST_DISCARDED if again else 0
    while True:
        with sampling(gpu) as recorder:
            show(recorder.latest)
            answer = ask()
            window = answer.result.pop("window_monotonic", None)
            seen = recorder.between(*window) if window else _without_window(recorder)
        fault = _fault(seen, answer)
        if fault is None or len(discarded) == most:
            break
        discarded.append(fault)
    answer.result["telemetry"] = {**codec.to_plain(seen), "discarded": discarded}
    if fault is not None and again:
        fault += ", three times in a row"
    answer.result.update(_judged(answer.result, seen, fault))
    return answer


def _without_window(recorder: Recorder) -> Telemetry:
    return Telemetry(
        samples=0, xids=recorder.xids(), unavailable="the process had no window to sample"
    )


def _fault(seen: Telemetry, answer: Answer) -> str | None:
    """Why a process is to be done again; one that ended by itself only where the GPU failed it."""
    if answer.result["state"] not in ("failed", "timed-out"):
        return seen.fault
    if seen.fault is None or answer.result["state"] == "timed-out":
        return None  # another try would wait for the whole time limit once more
    return f"{seen.fault}: {answer.result['reason']}"


def _judged(result: dict[str, Any], seen: Telemetry, fault: str | None) -> dict[str, Any]:
    """State and reason in the light of the telemetry, where it changes them."""
    state, reason = result["state"], result["reason"]
    if state in ("failed", "timed-out"):
        return {"reason": f"{seen.fault}: {reason}"} if seen.fault else {}
    if fault is not None:
        return {"state": "invalid", "reason": fault, "disturbed": True}
    if seen.cap is not None and state == "ok":
        return {"state": "capped", "reason": seen.cap}
    if seen.cap is not None and state == "unstable":
        return {"reason": f"{reason}; {seen.cap}"}
    return {}
