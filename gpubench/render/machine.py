"""The machine and environment of a snapshot in a few lines, for every format that people read."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from gpubench import units
from gpubench.checks.drift import Change, Drift
from gpubench.checks.facts import capability, driver_version
from gpubench.checks.report import DoctorReport
from gpubench.env.redact import clean
from gpubench.env.snapshot import Gpu, Snapshot
from gpubench.knowledge.tables import newest_cuda

UNTOLD = "not described"
SHOWN = 30
"""Changes that a page for people shows; what matters most stands first."""


def one_line(text: str) -> str:
    """``text`` on one line, without secrets and anything that is no plain character."""
    plain = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in clean(text))
    return " ".join(plain.split())


def paste(report: DoctorReport) -> Iterator[tuple[str, str]]:
    """Which report was read, how much of it was understood, and what it does not say."""
    found = report.snapshot.paste
    if report.snapshot.source == "live":
        return
    if found is None:
        yield "Report", f"read from {one_line(report.snapshot.source)}"
        return
    kinds = ", ".join(map(one_line, found.kinds)) or "of no known kind"
    unread = f"{found.unread_line_count} of {units.count(found.line_count, 'line')} not understood"
    yield "Report", _joined([kinds, unread, "it breaks off" if found.is_cut else None])
    if found.missing:
        yield "Missing", ", ".join(map(one_line, found.missing))
    yield "", "nothing was run: what the report does not say stays unknown"


def judged_for(report: DoctorReport) -> Iterator[tuple[str, str]]:
    """The machine that is not here, where one was named."""
    if report.target is not None:
        words = one_line(report.target.words)
        if not report.target.gpus:
            words += "; no GPU was named, so whether torch holds code for it was not judged"
        if report.target.driver is None:
            words += "; no driver was named, so whether it starts CUDA was not judged"
        yield "Target", words


def changes(drift: Drift) -> list[str]:
    """A title, then what changed, one line each."""
    since = one_line(drift.since) or "the earlier snapshot"
    other = ["another machine: no GPU of it is one of those"] if drift.same_machine is False else []
    if not drift.changes:
        return [f"Since {since}", *other, "nothing changed"]
    told = [_changed(change) for change in drift.changes]
    more = [f"and {len(told) - SHOWN} more, in --format json"] if len(told) > SHOWN + 1 else []
    return [f"Changed since {since}", *other, *(told[:SHOWN] if more else told), *more]


def _changed(change: Change) -> str:
    what, before, after = one_line(change.what), _value(change.before), _value(change.after)
    if not change.named_by:
        return f"{what}: {before} → {after}"
    return f"{what} went from {before} to {after}: see {', '.join(change.named_by)}"


def _value(text: str | None) -> str:
    return "nothing" if text is None else one_line(text)


def machine(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """What is judged, line by line: a name and words, cleaned."""
    for name, words in _lines(snapshot):
        yield name, one_line(words)


def _lines(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    live = snapshot.source == "live"
    yield "Host", _joined(_host(snapshot)) or UNTOLD
    yield "Driver", _driver(snapshot)
    yield "GPUs", "; ".join(_gpus(snapshot.gpus)) or ("none" if live else UNTOLD)
    yield "Python", _python(snapshot)
    yield "Torch", _joined(_torch(snapshot)) or ("not installed" if live else UNTOLD)


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
    if version is None and snapshot.driver.module_loaded:
        return "loaded, of unknown release"
    if version is None:
        return "none" if snapshot.source == "live" else UNTOLD
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
        return "could not be asked" if "python" in snapshot.unread else UNTOLD
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
