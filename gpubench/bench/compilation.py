"""What torch.compile did: graphs, breaks, recompilations, and the reasons it gives for them."""

import dataclasses
import logging
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gpubench.bench.modes import Mode

SWITCHES = (
    "TORCH_COMPILE_DISABLE",
    "TORCHDYNAMO_DISABLE",
    "TORCHDYNAMO_SUPPRESS_ERRORS",
    "TORCHINDUCTOR_CUDAGRAPHS",
    "TORCHINDUCTOR_MAX_AUTOTUNE",
    "TORCHINDUCTOR_FREEZING",
)
"""Environment variables that change what torch.compile does, whatever the mode asks for."""

LIMIT_WORDS = "torch._dynamo hit config."
"""How torch (2.4 to 2.15) begins its warning that it gives a function up after too many tries."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Counts since the process began, with the first reason of each kind.

    ``guards`` are the reasons why a graph did not fit any more, in order. ``given_up`` is what
    torch said when it stopped to compile a function, which then runs as it is written.
    """

    graphs: int
    breaks: int
    break_reason: str | None
    guards: tuple[str, ...]
    given_up: str | None
    graphs_not_recorded: int

    def facts(self) -> dict[str, Any]:
        """What a record keeps of it."""
        return {
            "graphs_compiled": self.graphs,
            "graph_breaks": self.breaks,
            "graph_break_reason": self.break_reason,
            "cuda_graphs_skipped": self.graphs_not_recorded,
            "compile_phases": phases(),
        }

    def since(self, before: "Compiled") -> str | None:
        """Why the time since ``before`` is none of the compiled step's alone, if it is not."""
        count = self.graphs - before.graphs
        reasons = self.guards[len(before.guards) :]
        why = f": {reasons[0]}" if reasons else ""
        if self.given_up is not None:
            return f"torch.compile gave up and ran the model uncompiled: {self.given_up}"
        if count:
            return f"torch.compile ran {count}× inside the window{why}"
        return None


class Watch:
    """Listens to torch.compile from now on; ``now`` says what it has done so far."""

    def __init__(self) -> None:
        self._given_up = _GivenUp()
        logging.getLogger("torch._dynamo.convert_frame").addHandler(self._given_up)

    def now(self) -> Compiled:
        """The counts at this moment; reading them costs microseconds and compiles nothing."""
        counters = _counters()
        breaks = counters["graph_break"]
        return Compiled(
            graphs=graphs(),
            breaks=sum(breaks.values()),
            break_reason=_in_one_line(next(iter(breaks), "")) or None,
            guards=tuple(map(_in_one_line, _flat(_of_dynamo("guard_failures", {}).values()))),
            given_up=self._given_up.said,
            graphs_not_recorded=int(counters["inductor"]["cudagraph_skips"]),
        )


class _GivenUp(logging.Handler):
    """Keeps the first warning that a limit on recompilations was hit."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if self.said is None and LIMIT_WORDS in message:
            lines = [line.strip() for line in message.splitlines()]
            kept = [line for line in lines if line.startswith((LIMIT_WORDS, "last reason:"))]
            self.said = _in_one_line(", ".join(kept))


def graphs() -> int:
    """Graphs that torch.compile has compiled in this process so far."""
    return int(_counters()["stats"]["unique_graphs"])


def read_back(mode: Mode) -> dict[str, Any]:
    """What the mode's compile part stands for here, and what in the environment speaks against."""
    if mode.compile is None:
        return {}
    return {
        "compile": {
            "mode": mode.compile,
            "options": _options(mode.compile),
            "switches": {name: os.environ[name] for name in SWITCHES if name in os.environ},
        }
    }


def nothing_compiled() -> str:
    """The reason of a compiled mode that has no graph, with what may have switched it off."""
    blamed = ", ".join(f"{name}={os.environ[name]}" for name in SWITCHES[:2] if name in os.environ)
    return "torch.compile compiled no graph" + (f"; the environment has {blamed}" if blamed else "")


def phases() -> dict[str, float]:
    """Seconds torch.compile itself counts for the forward and the backward, where it does."""
    metrics = _of_dynamo("compilation_time_metrics", {})
    found = {}
    for phase, word in (("forward", "fw_compiler"), ("backward", "bw_compiler")):
        seconds = [sum(times) for name, times in metrics.items() if word in name]
        if seconds:
            found[phase] = float(max(seconds))
    return found


def _options(mode: str) -> dict[str, Any]:
    from torch._inductor import list_mode_options

    return dict(list_mode_options(mode))


def _counters() -> Mapping[str, Any]:
    return _of_dynamo("counters", defaultdict(Counter))


def _of_dynamo(name: str, absent: Any) -> Any:
    """A table that torch.compile keeps; ``absent`` where it was never loaded or has none."""
    return getattr(sys.modules.get("torch._dynamo.utils"), name, absent)


def _flat(several: Iterator[Sequence[Any]] | Any) -> list[Any]:
    return [one for some in several for one in some]


def _in_one_line(reason: Any) -> str:
    """A reason's first line, without the folders of this machine."""
    text = str(reason[0] if isinstance(reason, list | tuple) and reason else reason)
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    first = re.sub(r"(^|: )\d+/\d+: ", r"\1", first)  # which graph of which function it was
    words = [Path(w).name if w.startswith("/") else w for w in first.split()]
    return " ".join(words)[:300]
