"""Libraries above torch: whether a pinned release takes the torch beside it."""

import re
from collections.abc import Iterator

from gpubench.knowledge.tables import accepts, framework_for, framework_needs, load
from gpubench.plan.files.specifiers import allows
from gpubench.plan.files.stated import Stack, Stated
from gpubench.plan.machine import Machine
from gpubench.plan.report import Correction, Problem
from gpubench.plan.resolved import StatedTorch, stated_torch
from gpubench.plan.rules.making import problem, replaced
from gpubench.versions import Version

_PINNED = re.compile(r"={2,3}(\d[\w.]{0,40}?)(?:\+[\w.]{1,40})?$")


def frameworks(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """A library that is held to a release takes the torch that is stated."""
    torch = stated_torch(stack)
    taken = list(_releases(torch)) if torch else []
    for name in sorted({row["name"] for row in load("frameworks")["framework"]}) if taken else ():
        fact = stack.package(name)
        found = _PINNED.match(fact.value or "") if fact else None
        row = framework_needs(name, found[1]) if found else None
        if fact is None or found is None or row is None or torch is None:
            continue
        if not any(accepts(row["torch"], release) for release in taken):
            yield _unfit(stack, torch, fact, found[1], row, taken[-1])


def _releases(torch: StatedTorch) -> Iterator[str]:
    """The releases of torch that the specifier takes, newest last; those on record, or the pin."""
    if not torch.is_on_record:
        return
    for build in reversed(torch.of_release):
        major, minor, newest = build.torch.release(3)
        for patch in range(newest + 1):
            if allows(torch.specifier, f"{major}.{minor}.{patch}"):
                yield f"{major}.{minor}.{patch}"


def _unfit(
    stack: Stack, torch: StatedTorch, fact: Stated, release: str, row: dict[str, str], taken: str
) -> Problem:
    is_asked = row["source"] == "metadata" and fact.via != "conda"
    what = row.get("breaks") or ("pip does not install both" if is_asked else "")
    fitting = _fitting(fact.name, taken)
    correction = _correction(stack, fact, fitting) if fitting else None
    return problem(
        "error" if is_asked or row.get("breaks") else "warning",
        "framework-incompatible",
        fact,
        f"{fact.name} {release} takes torch{row['torch']}, {torch.name} is asked for"
        + (f": {what}" if what else ""),
        f"{fact.name}{fitting}" if fitting else f"torch{row['torch']}",
        rule="framework.torch",
        correction=correction,
        remedy=(
            *(("change the project file and lock again",) if stack.is_locked else ()),
            f"or torch{row['torch']}, which {fact.name} {release} takes",
        ),
        reference=f"{fact.name} {row['versions']}; {load('frameworks')['sources'][row['source']]}",
    )


def _fitting(name: str, torch: str) -> str | None:
    return framework_for(name, Version.parse(torch))


def _correction(stack: Stack, fact: Stated, fitting: str) -> Correction | None:
    """The line with the releases that take this torch; None where it says more than a pin."""
    found = re.fullmatch(
        r"[\"']?([\w.-]{1,100}(?:\[[^\]]{0,200}\])?)\s*={2,3}[^\"';]*[\"']?", fact.written
    )
    if found is None or fact.via not in ("pip", "project"):
        return None
    return replaced(stack, fact, f"{found[1]}{fitting}")


RULES = (frameworks,)
