"""The interpreter under test, asked by a script on its stdin: metadata and files only."""

import dataclasses
import functools
import json
import re
from importlib import resources
from typing import Any

from gpubench.env.places import Place
from gpubench.env.redact import clean, clean_plain
from gpubench.env.snapshot import Distribution, LibraryFile, Python, Toolchain, Torch
from gpubench.env.sources import Completed, Sources, run_child

BOOT = """if 1:
    import sys
    sys.path[:] = [entry for entry in sys.path if entry]
    if sys.version_info < (3, 8):
        sys.stdout.write('\\n{"too_old": "%s"}\\n' % sys.version.split()[0])
    else:
        exec(compile(sys.stdin.buffer.read(), "<gpubench>", "exec"))
"""
"""Reads the script from stdin where the Python is new enough to compile it.

The condition keeps a shell, where one is named as interpreter, from running any of it."""
LEFT_OUT = frozenset(
    "PYTHON" + name
    for name in (
        "DEBUG",
        "DEVMODE",
        "DUMPREFS",
        "INSPECT",
        "IOENCODING",
        "PROFILEIMPORTTIME",
        "STARTUP",
        "TRACEMALLOC",
        "VERBOSE",
        "WARNINGS",
    )
)
"""Variables that make an interpreter talk, stop or ask; those that say where it looks are kept."""
LINES_AFTER = 1000
"""Lines that hooks may print after the report."""
SAID = 600
"""Characters of last words that a reason holds."""

ENDING_SECONDS = 20.0
"""What the child that hashes gets beyond its own limit, to list the files and to answer."""
DAMAGE_NAMED = 20
_PART = re.compile(r"^from gpubench\.env\.scripts\.(\w+) import (?:\([^)]*\)|.*)\n", re.MULTILINE)
_OF_AN_EXTRA = re.compile(r"""^(?!.*\bor\b).*;.*\bextra\s*==\s*["'][^"']+["']""")
"""A requirement that holds for an extra alone: a marker without alternatives that names one."""
_TOOLKIT = re.compile(r"cuda[-_]toolkit$|nvidia[-_]cuda[-_]runtime(?:[-_]cu\d+)?$")
"""Requirements of torch whose release is that of its CUDA."""


@dataclasses.dataclass(slots=True)
class PythonAnswer:
    """What was found in one interpreter, and what could not be read."""

    python: Python | None = None
    torch: Torch | None = None
    toolchain: Toolchain | None = None
    unread: dict[str, str] = dataclasses.field(default_factory=dict)


def script(name: str) -> str:
    """The text of one of the scripts that are sent to interpreters.

    The interpreter has no gpubench, so the parts a script imports stand in its text, once each.
    """
    return _joined(name, set())


def source_of(name: str) -> str:
    """The text of one file among the scripts, as it stands."""
    return (resources.files("gpubench.env.scripts") / name).read_text("utf-8")


def _joined(name: str, seen: set[str]) -> str:
    text = source_of(name)

    def part(found: re.Match[str]) -> str:
        module = f"{found[1]}.py"
        if module in seen:
            return ""
        seen.add(module)
        return _joined(module, seen).replace("from __future__ import annotations\n", "")

    return _PART.sub(part, text)


def inspect_python(place: Place, sources: Sources, *, timeout: float) -> PythonAnswer:
    """Describe the interpreter of ``place`` within ``timeout`` seconds."""
    completed = run_child(
        [place.python, "-B", "-c", BOOT],
        script=script("inspect_python.py"),
        timeout=timeout,
        variables=_variables(sources),
        place=place,
    )
    noise, report = _report_in(completed.output)
    if report is None:
        return PythonAnswer(unread={"python": _why_not(completed, noise)})
    if "too_old" in report:
        words = f"it is Python {report['too_old']}; gpubench examines Python 3.8 or later"
        return PythonAnswer(unread={"python": clean(words)})
    answer = read_report(report)
    if answer.python is not None:
        startup = _startup(completed, noise)
        answer.python = dataclasses.replace(answer.python, startup=startup)
    return answer


def hold_contents(
    answer: PythonAnswer, place: Place, sources: Sources, *, seconds: float
) -> PythonAnswer:
    """``answer`` with the contents of torch's files held against their hashes.

    Reading ends after ``seconds``; what was not reached is held by its size alone.
    """
    if answer.torch is None or answer.python is None:
        return answer
    completed = run_child(
        [place.python, "-B", "-c", BOOT, str(seconds)],
        script=script("hash_files.py"),
        timeout=seconds + ENDING_SECONDS,
        variables=_variables(sources),
        place=place,
    )
    _, report = _report_in(completed.output)
    if report is None or "altered" not in report:
        return answer
    altered = {_entry_of(key): files for key, files in report["altered"].items()}
    unread = {_entry_of(key) for key in report["unread"]}
    held = tuple(
        _with_contents(entry, altered[key], whole=key not in unread)
        if (key := (entry.name, entry.folder)) in altered
        else entry
        for entry in answer.python.distributions
    )
    python = dataclasses.replace(answer.python, distributions=held)
    return dataclasses.replace(answer, python=python)


def _entry_of(metadata: str) -> tuple[str, str]:
    """The (name, folder) of a distribution by the path of its metadata, as the snapshot has it."""
    folder, _, base = str(clean_plain(metadata)).rpartition("/")
    return re.sub(r"[-_.]+", "-", base.split("-")[0]).lower(), folder


def _with_contents(entry: Distribution, altered: list[str], *, whole: bool) -> Distribution:
    words = [f"{clean(name)} has other content" for name in sorted(altered, key=_is_python)]
    return dataclasses.replace(
        entry,
        damaged=(*entry.damaged, *words)[:DAMAGE_NAMED],
        damaged_count=entry.damaged_count + len(words),
        hashed=whole,
    )


def _is_python(name: str) -> bool:
    return name.endswith(".py")


def _variables(sources: Sources) -> dict[str, str]:
    return {name: value for name, value in sources.variables.items() if name not in LEFT_OUT}


def _why_not(completed: Completed, noise: str) -> str:
    """What became of an interpreter that gave no report, and its last words."""
    words = [word for word in completed.last_words if not word.startswith("Traceback")]
    said = " / ".join(words[-4:])
    if not said and noise.strip():
        said = f"it printed {clean(noise.strip().splitlines()[-1])[:200]!r}"
    reason = completed.ending or "answered nothing that can be read: is it a Python?"
    return f"the interpreter {reason}: {' '.join(said.split())[:SAID]}".rstrip(": ")


def _startup(completed: Completed, noise: str) -> tuple[str, ...]:
    """The ends of what hooks said on stderr and on stdout."""
    printed = [line for line in noise[-4096:].splitlines() if line.strip()][-1:]
    return (*completed.last_words, *(f"printed: {clean(line)[:200]}" for line in printed))


def _report_in(output: str) -> tuple[str, dict[str, Any] | None]:
    """What was printed before it, and the last line that is a report."""
    end = len(output)
    for _ in range(LINES_AFTER):
        start = output.rfind("\n", 0, end) + 1
        line = output[start:end]
        if line.startswith('{"'):
            try:
                report = json.loads(line)
            except (ValueError, RecursionError):
                report = None
            if isinstance(report, dict) and ("unread" in report or "too_old" in report):
                return output[:start], report
        if start == 0:
            break
        end = start - 1
    return output, None


def read_report(report: dict[str, Any]) -> PythonAnswer:
    """The answer in what the script printed."""
    unread = {name: clean(str(reason)) for name, reason in report.get("unread", {}).items()}
    if "distributions" in unread:
        unread["python.distributions"] = unread.pop("distributions")
    described = clean_plain(report.get("python") or {})
    distributions = _applicable(report.get("distributions") or [], report.get("markers") or {})
    python = Python(distributions=distributions, **described)
    torch = report.get("torch")
    toolchain = report.get("toolchain")
    return PythonAnswer(
        python=python,
        torch=_torch(clean_plain(torch)) if torch else _torch_by_metadata(python, unread),
        toolchain=Toolchain(**clean_plain(toolchain)) if toolchain else None,
        unread=unread,
    )


def _torch(described: dict[str, Any]) -> Torch:
    libraries = tuple(LibraryFile(**library) for library in described.pop("libraries", ()))
    architectures = described.pop("architectures", None)
    return Torch(
        **described,
        architectures=None if architectures is None else tuple(architectures),
        libraries=libraries,
    )


def _torch_by_metadata(python: Python, unread: dict[str, str]) -> Torch | None:
    """A torch that is installed by its metadata and whose files are gone or unreadable."""
    entry = python.distribution("torch")
    if entry is None or "torch" in unread:
        return None
    pins = [parsed for text in entry.requires if (parsed := _parsed(text)) is not None]
    cuda = next((_release(pin) for pin in pins if _TOOLKIT.match(pin.name)), None)
    if cuda is None:
        unread["torch.cuda"] = "torch/version.py is missing or empty"
    return Torch(version=entry.version, from_metadata=True, cuda=cuda)


def _release(pin: Any) -> str | None:
    """The first two numbers of the one release a requirement names."""
    found = re.search(r"==(\d+\.\d+)", str(pin.specifier))
    return found[1] if found else None


def _applicable(found: list[dict[str, Any]], markers: dict[str, str]) -> tuple[Distribution, ...]:
    """The distributions, each with the requirements that hold on this platform."""
    extras = _extras_asked_for(found, markers)
    return tuple(
        Distribution(
            **{
                **clean_plain({name: entry[name] for name in entry if name != "requires"}),
                "requires": _holding(entry["requires"], markers, extras.get(entry["name"], ())),
                "damaged": tuple(clean_plain(entry.get("damaged", []))),
                "overlaps": tuple(clean_plain(entry.get("overlaps", []))),
            }
        )
        for entry in found
    )


def _extras_asked_for(
    found: list[dict[str, Any]], markers: dict[str, str]
) -> dict[str, tuple[str, ...]]:
    """Extras that torch itself asks of other distributions: ``cuda-toolkit[cublas]``."""
    asked: dict[str, tuple[str, ...]] = {}
    for entry in found:
        if entry["name"] == "torch":
            for text in _holding(entry["requires"], markers, ()):
                requirement = _parsed(text)
                if requirement is not None and requirement.extras:
                    name = requirement.name.lower().replace("_", "-").replace(".", "-")
                    asked[name] = tuple(sorted(requirement.extras))
    return asked


def _holding(
    requires: list[str], markers: dict[str, str], extras: tuple[str, ...]
) -> tuple[str, ...]:
    """Those requirements whose markers hold, without their markers."""
    holding = []
    for text in requires:
        if not extras and _OF_AN_EXTRA.search(text):
            continue  # most of them, and what parsing them all takes is felt
        requirement = _parsed(text)
        if requirement is None:
            continue
        marker, requirement.marker = requirement.marker, None
        if marker is None or any(
            marker.evaluate({**markers, "extra": extra}) for extra in ("", *extras)
        ):
            holding.append(str(requirement))
    return tuple(dict.fromkeys(holding))


@functools.cache
def _requirement_class() -> Any:
    from packaging.requirements import Requirement

    return Requirement


def _parsed(text: str) -> Any:
    """A requirement, or None for one that no longer parses (old metadata)."""
    try:
        return _requirement_class()(text)
    except ValueError:
        return None
