"""A doctor's report for people: the machine, one line per category, what to do first."""

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from gpubench import units
from gpubench.checks.facts import capability, driver_version
from gpubench.checks.outcome import Status
from gpubench.checks.registry import CATEGORIES
from gpubench.checks.report import CheckLine, DoctorReport
from gpubench.env.redact import clean
from gpubench.env.snapshot import Gpu, Snapshot, digest
from gpubench.knowledge.tables import newest_cuda

if TYPE_CHECKING:
    from rich.text import Text

MARKS = {
    Status.FAIL: ("✗", "bold red"),
    Status.CRASH: ("✗", "bold magenta"),
    Status.WARN: ("!", "yellow"),
    Status.UNKNOWN: ("?", "magenta"),
    Status.NOTE: ("i", "cyan"),
    Status.PASS: ("✓", "green"),
    Status.SKIP: ("–", "dim"),
}
"""From the gravest on: a category wears the mark of its gravest check."""
COUNTED = (
    (Status.PASS, "passed", "passed"),
    (Status.NOTE, "note", "notes"),
    (Status.WARN, "warning", "warnings"),
    (Status.FAIL, "failed", "failed"),
    (Status.SKIP, "skipped", "skipped"),
    (Status.UNKNOWN, "unknown", "unknown"),
    (Status.CRASH, "crashed", "crashed"),
)
SHOWN = (Status.FAIL, Status.CRASH, Status.WARN, Status.UNKNOWN, Status.NOTE)
VERDICTS = {
    "healthy": "green",
    "no-gpu": "green",
    "degraded": "yellow",
    "undetermined": "magenta",
    "broken": "bold red",
}


def render(
    report: DoctorReport, *, color: bool = False, width: int = 100, seconds: float | None = None
) -> str:
    """The report as text of ``width`` columns."""
    from rich.console import Console

    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for line in _lines(report, seconds):
        console.print(line, soft_wrap=True)
    return stream.getvalue()


def _lines(report: DoctorReport, seconds: float | None) -> Iterator["Text"]:
    took = f" · {units.seconds(seconds)}" if seconds is not None else ""
    level = report.snapshot.level if report.snapshot.source == "live" else report.snapshot.source
    yield _text(("gpubench doctor", "bold"), (f" · {level}{took}", "dim"))
    yield _text()
    for name, words in _machine(report.snapshot):
        yield _text((f"  {name:<10}", "dim"), (clean(words), ""))
    yield _text()
    for name, subjects in CATEGORIES:
        mine = [line for line in report.checks if line.id.partition(".")[0] in subjects]
        yield from _category(name, mine)
    yield from _first_steps(report)
    yield _text()
    yield _summary(report)


def _text(*parts: tuple[str, str]) -> "Text":
    from rich.text import Text

    return Text.assemble(*parts)


# -- the machine ----------------------------------------------------------------------------------


def _machine(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    yield "Host", _joined(_host(snapshot)) or "not described"
    yield "Driver", _driver(snapshot)
    yield "GPUs", "; ".join(_gpus(snapshot.gpus)) or "none"
    yield "Python", _python(snapshot)
    yield "Torch", _joined(_torch(snapshot)) or "not installed"


def _joined(parts: Iterable[str | None]) -> str:
    return " · ".join(part for part in parts if part)


def _host(snapshot: Snapshot) -> Iterator[str | None]:
    host = snapshot.host
    yield host.name
    yield host.system
    yield f"kernel {host.kernel}" if host.kernel else None
    yield units.count(host.cpu_count, "CPU") if host.cpu_count else None
    yield units.memory(host.memory_bytes) if host.memory_bytes else None
    yield f"in a container ({snapshot.container.runtime})" if snapshot.container else None


def _driver(snapshot: Snapshot) -> str:
    version = driver_version(snapshot)
    if version is None:
        return "none" if not snapshot.driver.module_loaded else "loaded, of unknown release"
    flavour = f" ({snapshot.driver.flavour} kernel module)" if snapshot.driver.flavour else ""
    newest = newest_cuda(version)
    return f"{version}{flavour}" + (f", CUDA up to {newest}" if newest else "")


def _gpus(gpus: Sequence[Gpu]) -> Iterator[str]:
    """Equal GPUs on one line: 8 × NVIDIA H100 80GB HBM3, 9.0, 79.6 GiB."""
    kinds: dict[str, int] = {}
    for gpu in gpus:
        known = [gpu.name or "a GPU that does not answer"]
        known += [str(capability(gpu))] if capability(gpu) else []
        known += [units.memory(gpu.memory_bytes)] if gpu.memory_bytes else []
        kinds[", ".join(known)] = kinds.get(", ".join(known), 0) + 1
    for kind, number in kinds.items():
        yield f"{number} × {kind}"


def _python(snapshot: Snapshot) -> str:
    python = snapshot.python
    if python is None:
        return "could not be asked" if "python" in snapshot.unread else "not described"
    return f"{python.version or '?'} ({python.kind or 'kind unknown'})"


def _torch(snapshot: Snapshot) -> Iterator[str | None]:
    torch = snapshot.torch
    if torch is None:
        if snapshot.why_unread("torch", "python"):
            yield "could not be read"
        return
    yield torch.version if torch.cuda or torch.hip else f"{torch.version}, built without CUDA"
    yield f"CUDA {torch.cuda}" if torch.cuda else None
    for name, written in (("cudnn", "cuDNN"), ("nccl", "NCCL")):
        found = next((entry.version for entry in torch.libraries if entry.name == name), None)
        yield f"{written} {found}" if found else None
    for name in ("triton", "torchvision", "torchaudio"):
        entry = snapshot.python.distribution(name) if snapshot.python else None
        yield f"{name} {entry.version}" if entry else None


# -- the checks -----------------------------------------------------------------------------------


def _category(name: str, lines: Sequence[CheckLine]) -> Iterator["Text"]:
    """One line; more only for what went wrong or is worth knowing."""
    if not lines:
        return
    gravest = next(status for status in MARKS if _having(lines, status))
    yield _text(_mark(gravest), (f" {name:<11} ", "bold"), (_counts(lines), "dim"))
    for status in SHOWN:
        for line in _having(lines, status):
            yield _text(
                ("    ", ""), _mark(status), (f" {line.id:<20} ", ""), (clean(line.reason), "")
            )


def _having(lines: Sequence[CheckLine], status: Status) -> list[CheckLine]:
    return [line for line in lines if line.status == status.value]


def _mark(status: Status) -> tuple[str, str]:
    return MARKS[status]


def _counts(lines: Sequence[CheckLine]) -> str:
    """How many ended how; where all were skipped for one reason, the reason."""
    reasons = {line.reason for line in lines}
    if all(line.status == Status.SKIP.value for line in lines) and len(reasons) == 1:
        return f"{len(lines)} skipped: {reasons.pop()}"
    counted = ((len(_having(lines, status)), one, many) for status, one, many in COUNTED)
    return ", ".join(
        f"{number} {one if number == 1 else many}" for number, one, many in counted if number
    )


def _first_steps(report: DoctorReport) -> Iterator["Text"]:
    """Every cause in the order to fix them, with what to type; then advice that is no fault."""
    if report.diagnosis:
        yield _text()
        yield _text(("What to do first", "bold"))
    for number, cause in enumerate(report.diagnosis, start=1):
        yield _text((f"  {number}. ", ""), (cause.cause, "bold"), (f" ({cause.confidence})", "dim"))
        mine = [finding for finding in report.findings if finding.check in cause.because]
        yield from _remedy(list(dict.fromkeys(step for f in mine for step in f.remedy)))
    advice = [f for f in report.findings if f.remedy and not _is_diagnosed(report, f.check)]
    if advice:
        yield _text()
        yield _text(("Also", "bold"))
    for finding in advice:
        yield _text((f"  {finding.check}: {clean(finding.summary)}", ""))
        yield from _remedy(finding.remedy)


def _is_diagnosed(report: DoctorReport, check: str) -> bool:
    return any(check in cause.because for cause in report.diagnosis)


def _remedy(remedy: Sequence[str]) -> Iterator["Text"]:
    for step in remedy:
        yield _text(("     → ", "dim"), (clean(step), "cyan"))


def _summary(report: DoctorReport) -> "Text":
    """The verdict, a count of every status, and which environment it was."""
    counts = ", ".join(
        f"{report.count(s)} {one if report.count(s) == 1 else many}" for s, one, many in COUNTED
    )
    return _text(
        (report.verdict, VERDICTS.get(report.verdict, "")),
        (f": {units.count(len(report.checks), 'check')}: {counts}", ""),
        (f" · environment {digest(report.snapshot)[:12]}", "dim"),
    )
