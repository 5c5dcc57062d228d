"""Names that are imported from where they are not, and words a shell reads otherwise."""

import re
from collections.abc import Iterator
from typing import Any

from gpubench.knowledge import tables
from gpubench.plan.files.specifiers import allows, exact
from gpubench.plan.files.stated import Stack, Stated
from gpubench.plan.machine import Machine
from gpubench.plan.report import Correction, Problem
from gpubench.plan.rules.making import problem
from gpubench.versions import Version

_ALONE = re.compile(
    r"(from[ \t]+)([\w.]{1,100})([ \t]+import[ \t]+)([\w, \t*]{1,2000}?)(?=[;\"')#]|\s*$)"
)


def moved_names(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """Names are imported from the package that has them."""
    for fact in stack.of_kind("import"):
        for row in tables.load("imports")["name"]:
            if _is_of(row, fact):
                yield from _moved(stack, fact, row)


def _is_of(row: dict[str, Any], fact: Stated) -> bool:
    module = fact.value or ""
    if module != row["module"] and not module.startswith(f"{row['module']}."):
        return False
    return re.fullmatch(row["pattern"], fact.name) is not None


def _moved(stack: Stack, fact: Stated, row: dict[str, Any]) -> Iterator[Problem]:
    is_old = _is_before(stack, row)
    owner = f"{row['module']} {row['removed']}" if row.get("removed") else row["module"]
    where = "is deprecated in" if is_old else "is not in"
    yield problem(
        "warning" if is_old else "error",
        "framework-incompatible",
        fact,
        f"{fact.name} {where} {fact.value}: {row['words']}",
        f"from {row['instead']} import {fact.name}",
        rule="import.moved",
        correction=_correction(fact, row["instead"]),
        remedy=_steps(stack, fact, row),
        reference=f"{owner}; {tables.load('imports')['sources'][row['source']]}",
    )


def _is_before(stack: Stack, row: dict[str, Any]) -> bool:
    """True where the stack holds the package below the release that took the name out."""
    removed = row.get("removed")
    fact = stack.package(row["module"])
    if removed is None or fact is None or not fact.value:
        return False
    pinned = Version.find(exact(fact.value))
    if pinned is not None:
        return pinned < Version.parse(removed)
    return not any(allows(fact.value, text) for text in (f"{removed}.0", "5.0.0", "5.99.0"))


def _steps(stack: Stack, fact: Stated, row: dict[str, Any]) -> tuple[str, ...]:
    steps = []
    if fact.via == "from-lines":
        steps.append(f"take {fact.name} out of this list: from {row['instead']} import {fact.name}")
    if row["package"] != "torch" and stack.package(row["package"]) is None:
        steps.append(f"pip install {row['package']}")
    return tuple(steps)


def _correction(fact: Stated, instead: str) -> Correction | None:
    """The line with the name taken from where it is; the other names stay where they are."""
    for found in _ALONE.finditer(fact.text):
        names = [name.strip() for name in found[4].split(",") if name.strip()]
        moved = [name for name in names if name.split()[0] == fact.name]
        if found[2] != fact.value or not moved:
            continue
        kept = [name for name in names if name not in moved]
        statements = [f"{found[1]}{instead}{found[3]}{', '.join(moved)}"]
        if kept:
            statements.insert(0, f"{found[1]}{found[2]}{found[3]}{', '.join(kept)}")
        text = fact.text[: found.start()] + "; ".join(statements) + fact.text[found.end() :]
        return Correction(file=fact.file, line=fact.line, text=text)
    return None


def redirects(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """A requirement with > or < is quoted, or the shell writes or reads a file instead."""
    for fact in stack.of_kind("use"):
        if fact.name != "redirect":
            continue
        quoted = f"'{fact.written}'"
        yield problem(
            "error",
            "framework-incompatible",
            fact,
            f"the shell takes {fact.written} for a redirection: pip sees the name alone",
            quoted,
            rule="shell.redirect",
            correction=Correction(
                file=fact.file, line=fact.line, text=fact.text.replace(fact.written, quoted, 1)
            )
            if fact.written in fact.text
            else None,
        )


RULES = (moved_names, redirects)
