"""What a paste says that is no line of a report: tracebacks, logs, words of its author."""

import re

from gpubench.env.readers.pasted import Pasted, unquoted
from gpubench.env.redact import clean
from gpubench.knowledge.messages import is_message

KEPT = 200
"""Lines kept from each end; what matters in a log stands first or last."""
LONGEST = 1000

_FRAME = re.compile(r"\s*(?:File \".*\", line \d+|at [\w.$]+\(|\^+\s*$|~+\^*~*\s*$)")


def said_lines(pasted: Pasted) -> tuple[str, ...]:
    """The lines that hold a message on record, cleaned; empty where the paste says none."""
    free = [line for _, line in pasted.free() if not _FRAME.match(line)]
    if len(free) > 2 * KEPT:
        free = [
            *free[:KEPT],
            *(line for line in free[KEPT:-KEPT] if is_message(line)),
            *free[-KEPT:],
        ]
    lines = [clean(unquoted(line)[:LONGEST]) for line in free[: 4 * KEPT]]
    return tuple(lines) if is_message("\n".join(lines)) else ()
