"""What a paste says that is no line of a report: tracebacks, logs, words of its author."""

import itertools
import re
from collections.abc import Iterable

from gpubench.env.readers.pasted import Pasted, unquoted
from gpubench.env.redact import clean
from gpubench.knowledge.messages import is_message

KEPT = 200
"""Lines kept from each end; what matters in a log stands first or last."""
BETWEEN = 400
"""Lines kept from between, of those that speak of something that is judged."""
LONGEST = 600
ALL = 40_000
"""Characters kept in all."""

_FRAME = re.compile(r"\s*(?:File \".*\", line \d+|at [\w.$]+\(|\^+\s*$|~+\^*~*\s*$)")
_SUBJECT = re.compile(
    r"(?i)error|cuda|nccl|cudnn|symbol|shared|driver|nvml|numpy|torch|gcc|xid|triton|container"
)


def said_lines(pasted: Pasted) -> tuple[str, ...]:
    """The lines that nobody took, cleaned; empty where none of them is a message on record."""
    free = [line for _, line in pasted.free()]
    if len(free) > 2 * KEPT:
        between = (line for line in free[KEPT:-KEPT] if _SUBJECT.search(line[:LONGEST]))
        free = [*free[:KEPT], *itertools.islice(between, BETWEEN), *free[-KEPT:]]
    telling = [line for line in free if not _FRAME.match(line)]
    lines = [
        clean(unquoted(line[: 2 * LONGEST]))[:LONGEST]  # cut when clean: no half of a token
        for line in _both_ends(telling)
    ]
    return tuple(lines) if is_message("\n".join(lines)) else ()


def _both_ends(lines: list[str]) -> list[str]:
    """As many lines as ``ALL`` allows, from the beginning and, twice as many, from the end."""
    head = _within(lines, ALL // 3)
    tail = _within(reversed(lines[len(head) :]), ALL - ALL // 3)
    return [*head, *reversed(tail)]


def _within(lines: Iterable[str], budget: int) -> list[str]:
    kept = []
    for line in lines:
        budget -= min(len(line), LONGEST)
        if budget < 0:
            break
        kept.append(line)
    return kept
