"""What a paste says that is no line of a report: tracebacks, logs, words of its author."""

import itertools
import re

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
    lines, size = [], 0
    for line in reversed(free):  # the last line of a traceback is the one that tells
        size += min(len(line), LONGEST)
        if size > ALL:
            break
        if not _FRAME.match(line):
            lines.append(clean(unquoted(line[: 2 * LONGEST]))[:LONGEST])  # no half of a token
    lines.reverse()
    return tuple(lines) if is_message("\n".join(lines)) else ()
