"""Writes the page of all checks: ``python -m gpubench.render.checks_page [FILE]``."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from gpubench import codec
from gpubench.checks.expectation import described
from gpubench.checks.expected import is_expectation
from gpubench.checks.explain import body
from gpubench.checks.outcome import Check
from gpubench.checks.registry import CATEGORIES, CHECKS
from gpubench.env.snapshot import Driver, Gpu, Snapshot, Torch
from gpubench.render.findings_markdown import code, text

HEAD = """\
# Every check of `gpubench doctor`

This page is written by `python -m gpubench.render.checks_page` from the checks themselves; \
`gpubench doctor --explain ID` shows the same for one check or one subject.
A check passes, notes, warns, fails, is skipped where it does not apply (with the reason), or is \
unknown where it should have been readable and was not. Only a pass says that something is right.
The cause is the one a failure usually points to. A failure that a check under "explained by" \
explains is not reported beside it.
Of the lines of a contract ([--expect](expect.md)), those of packages and variables are named by \
the contract itself.
"""


def page() -> str:
    """The page as Markdown, grouped as a report is, in the order in which checks are run."""
    return "\n".join([HEAD, *_contents(), *(block for group in _groups() for block in group)])


def _groups() -> Iterator[list[str]]:
    checks = [*CHECKS, *described()]
    for title, subjects in CATEGORIES:
        mine = [check for check in checks if check.subject in subjects]
        yield [f"## {title}\n", *map(_section, mine)]


def _contents() -> list[str]:
    """One line per category, with a link to each check."""
    checks = [*CHECKS, *described()]
    return [
        f"- {title}: " + " · ".join(_link(check) for check in checks if check.subject in subjects)
        for title, subjects in CATEGORIES
    ] + [""]


def _link(check: Check) -> str:
    anchor = "".join(c for c in check.id.lower() if c.isalnum() or c in "-_")
    return f"[{check.id}](#{anchor})"


def _section(check: Check) -> str:
    lines = [f"### {check.id}\n", f"{text(check.title)}\n"]
    lines += [f"- {label}: {text(words)}" for label, words in _parts(check)]
    lines.append(f"- Cause: {code(check.cause)}")
    lines.append(f"- Level: {_level(check)}")
    if check.needs:
        lines.append(f"- Explained by: {', '.join(map(code, check.needs))}")
    lines.append(f"- Reference: {text(check.reference)}\n")
    return "\n".join(lines)


def _parts(check: Check) -> Iterator[tuple[str, str]]:
    """``Why`` and ``Remedy`` of the docstring, each on one line."""
    said = " ".join(body(check)[1:])
    why, _, remedy = said.partition("Remedy: ")
    yield "Why", why.partition("Why: ")[2]
    yield "Remedy", remedy


def _level(check: Check) -> str:
    """The level it is answered at: what it says where nothing was run yet."""
    if is_expectation(check.id):
        return "quick"
    found = re.search(r"--level (standard|deep)", check.judge(_NOTHING_RUN).reason)
    return found[1] if found else "quick"


_NOTHING_RUN = Snapshot(
    driver=Driver(module_loaded=True),
    gpus=(Gpu(index=0),),
    torch=Torch(version="2.8.0", cuda="12.8"),
)


def main(file: Path = Path("docs/checks.md")) -> None:
    """Write the page."""
    codec.write_text(file, page())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
