"""The interpreter under test, asked by a script on its stdin: metadata and files only."""

import dataclasses
import functools
import json
import re
from importlib import resources
from typing import Any

from gpubench.env.redact import clean, clean_plain
from gpubench.env.snapshot import Distribution, LibraryFile, Python, Toolchain, Torch
from gpubench.env.sources import Sources, run_child

ENDING_SECONDS = 20.0
"""What the child that hashes gets beyond its own limit, to list the files and to answer."""
DAMAGE_NAMED = 20
_PART = re.compile(r"^from gpubench\.env\.scripts\.(\w+) import (?:\([^)]*\)|.*)\n", re.MULTILINE)
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


def _joined(name: str, seen: set[str]) -> str:
    text = (resources.files("gpubench.env.scripts") / name).read_text("utf-8")

    def part(found: re.Match[str]) -> str:
        module = f"{found[1]}.py"
        if module in seen:
            return ""
        seen.add(module)
        return _joined(module, seen).replace("from __future__ import annotations\n", "")

    return _PART.sub(part, text)


def inspect_python(executable: str, sources: Sources, *, timeout: float) -> PythonAnswer:
    """Describe the interpreter ``executable`` within ``timeout`` seconds."""
    completed = run_child(
        [executable, "-B", "-"],
        script=script("inspect_python.py"),
        timeout=timeout,
        variables=sources.variables,
    )
    report = _report_in(completed.output)
    if report is None:
        words = " ".join("".join(completed.last_words[-1:]).split())
        reason = completed.ending or "it answered nothing that can be read"
        return PythonAnswer(unread={"python": f"the interpreter {reason}: {words}".rstrip(": ")})
    return read_report(report)


def hold_contents(
    answer: PythonAnswer, executable: str, sources: Sources, *, seconds: float
) -> PythonAnswer:
    """``answer`` with the contents of torch's files held against their hashes.

    Reading ends after ``seconds``; what was not reached is held by its size alone.
    """
    if answer.torch is None or answer.python is None:
        return answer
    completed = run_child(
        [executable, "-B", "-", str(seconds)],
        script=script("hash_files.py"),
        timeout=seconds + ENDING_SECONDS,
        variables=sources.variables,
    )
    report = _report_in(completed.output)
    if report is None:
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


def _report_in(output: str) -> dict[str, Any] | None:
    """The JSON object in what the child printed; a site hook may have printed before it."""
    try:
        report = json.loads(output[output.index('{"') :])
    except ValueError:
        return None
    return report if isinstance(report, dict) else None


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
                **clean_plain(entry),
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
