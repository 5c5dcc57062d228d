"""Everything raised on purpose.

GpubenchError                 a user can act on it; ``main`` prints it and exits with its status
├── UnknownName               a name on the command line matches no entry
├── BadUsage                  options that do not go together
├── UnreadableInput           a file that is missing, cut short or not what it should be
│   └── UnknownSchema         a file of a schema this version does not read
├── BadData                   training data that cannot be used, with where
├── UnwritableOutput          a folder or file that cannot be written
├── NotComparable             two things that were not measured alike, or not on one machine
├── MissingPackage            a package of an extra is not installed
└── Interrupted               Ctrl-C; what was measured is kept
"""

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitStatus(IntEnum):
    """What every command answers, in every format (DESIGN: one table for all commands)."""

    YES = 0
    NO = 1
    NOT_ASKED = 2
    BUG = 3
    INCONCLUSIVE = 4
    NOT_COMPARABLE = 5
    INVALID = 6
    INTERRUPTED = 130


class GpubenchError(Exception):
    """Something a user can act on; the message says what to do next."""

    status = ExitStatus.NOT_ASKED


class UnknownName(GpubenchError):
    """A name on the command line matches no registered entry."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
        super().__init__(f"no {kind} named {name!r}; {hint}")


class BadUsage(GpubenchError):
    """Options that do not go together, or a value out of range."""


class UnreadableInput(GpubenchError):
    """An input file is missing, cut short, or not what it should be."""


class UnknownSchema(UnreadableInput):
    """A file written to a schema that this version does not read."""

    def __init__(self, source: str, found: object, readable: str) -> None:
        super().__init__(
            f"{source}: schema {found!r}, this version reads {readable!r}; "
            "read it with the gpubench that wrote it"
        )


class BadData(GpubenchError):
    """Training data that cannot be used; the message names the file and line."""


class UnwritableOutput(GpubenchError):
    """A folder or file that cannot be written."""

    @classmethod
    def of(cls, path: object, problem: OSError) -> "UnwritableOutput":
        """The error of writing ``path``, in the operating system's own words."""
        return cls(f"cannot write {path}: {problem.strerror or problem}")


class NotComparable(GpubenchError):
    """Figures that say nothing of each other; the message says in what they differ."""

    status = ExitStatus.NOT_COMPARABLE


EXTRA_OF = {
    "jinja2": "gate",
    "matplotlib": "gate",
    "numpy": "gate",
    "pandas": "gate",
    "scipy": "gate",
    "timm": "bench",
    "torch": "bench",
    "transformers": "bench",
    "datasets": "train",
    "seqeval": "train",
    "torchcrf": "train",
}
"""The lightest extra that brings a module, by the module's name."""


class MissingPackage(GpubenchError):
    """A package that this command needs is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"this needs {package}, which is not installed: pip install 'gpubench[{extra}]'"
        )

    @classmethod
    def of(cls, problem: ModuleNotFoundError) -> "MissingPackage | None":
        """What a failed import asks the user for; None where no extra brings the module."""
        package = (problem.name or "").partition(".")[0]
        return cls(package, extra=EXTRA_OF[package]) if package in EXTRA_OF else None


class Interrupted(GpubenchError):
    """Ctrl-C; what was measured is kept, and the message says how to go on."""

    status = ExitStatus.INTERRUPTED
