"""``gpubench list``: what there is to choose from."""

from collections.abc import Callable
from typing import Annotated

import typer

from gpubench.cli import terminal
from gpubench.errors import ExitStatus, UnknownName

Rows = list[tuple[str, str]]


def list_entries(
    kind: Annotated[str, typer.Argument(help="suites, modes, checks or formats.")],
) -> int:
    """Show suites, modes, checks or formats."""
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


def _formats() -> Rows:
    from gpubench.render.findings import FORMATS as REPORTS
    from gpubench.render.registry import FORMATS

    said = {entry.name: f"tables as .{entry.ending}" for entry in FORMATS}
    for name in REPORTS:
        said[name] = f"{said[name]}; doctor's report" if name in said else "doctor's report"
    return list(said.items())


KINDS: dict[str, Callable[[], Rows]] = {
    "suites": _suites,
    "modes": _modes,
    "checks": _checks,
    "formats": _formats,
}
