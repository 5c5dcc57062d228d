"""``gpubench list``: what there is to choose from."""

from collections.abc import Callable
from typing import Annotated

import typer

from gpubench.cli import terminal
from gpubench.errors import ExitStatus, UnknownName

Rows = list[tuple[str, str]]


def list_entries(
    kind: Annotated[str, typer.Argument(help="suites, modes, checks, gpus, formats or plots.")],
) -> int:
    """Show suites, modes, checks, gpus, formats or plots."""
    if kind not in KINDS:
        raise UnknownName("list", kind, KINDS)
    rows = KINDS[kind]()
    width = max(len(name) for name, _ in rows)
    terminal.answer("\n".join(f"{name:{width}}  {said}".rstrip() for name, said in rows))
    return ExitStatus.YES


def _suites() -> Rows:
    from gpubench.suites.registry import SUITES

    return [(suite.name, suite.summary) for suite in SUITES]


def _modes() -> Rows:
    from gpubench.bench.modes import MODES

    return [
        (
            mode.name,
            (
                f"float32 products: {mode.float32}; autocast: {mode.autocast or 'off'}; "
                f"torch.compile: {mode.compile or 'off'}"
            ),
        )
        for mode in MODES
    ]


def _checks() -> Rows:
    from gpubench.checks.registry import CHECKS

    return [(check.id, check.title) for check in CHECKS]


def _gpus() -> Rows:
    from gpubench.knowledge.tables import driver_branches, known_gpus
    from gpubench.versions import Version

    def said(capability: str) -> str:
        first, last = driver_branches(Version.parse(capability)) or (None, None)
        drivers = "" if first is None else f"; drivers {first} to {last or 'today'}"
        return f"compute capability {capability}{drivers}"

    return [(name, said(capability)) for name, capability in known_gpus()]


def _formats() -> Rows:
    from gpubench.render.compare import FORMATS as COMPARED
    from gpubench.render.findings import FORMATS as REPORTS
    from gpubench.render.registry import EXPORTS, FORMATS, PAGE

    said = {entry.name: [f"tables as .{entry.ending}"] for entry in FORMATS}
    kinds = (
        ([PAGE.name], "run records as a page with pictures"),
        ([entry.name for entry in EXPORTS], "export of run records"),
        (list(REPORTS), "doctor's report"),
        ([entry.name for entry in COMPARED], "comparison"),
    )
    for names, of in kinds:
        for name in names:
            said.setdefault(name, []).append(of)
    return [(name, "; ".join(words)) for name, words in said.items()]


def _plots() -> Rows:
    from gpubench.render.plots import PLOTS

    return [(entry.name, entry.about) for entry in PLOTS]


KINDS: dict[str, Callable[[], Rows]] = {
    "suites": _suites,
    "modes": _modes,
    "checks": _checks,
    "gpus": _gpus,
    "formats": _formats,
    "plots": _plots,
}
