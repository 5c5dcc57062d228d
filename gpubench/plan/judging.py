"""Judges a file before anything is built from it: every rule asked of every stack it states."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeGuard

import gpubench
from gpubench.env.redact import REMOVED, clean
from gpubench.env.redact import clean as redacted
from gpubench.plan.files.registry import read_source, read_stacks
from gpubench.plan.files.specifiers import PYTHON
from gpubench.plan.files.stated import MAX_STACKS, Source, Stack, Stated
from gpubench.plan.machine import Machine
from gpubench.plan.question import not_judged
from gpubench.plan.report import Correction, Fact, PlanReport, Problem
from gpubench.plan.rules.registry import RULES
from gpubench.plan.rules.torch_cuda import EXISTENCE
from gpubench.plan.rules.variables import is_secret

GRAVITY = ("error", "warning", "note")
SHOWN = ("image", "package", "index", "python", "channel", "import")
LONGEST_LINE = 2000
"""Characters of a line that are looked at for what the words around a secret tell."""
MAX_EARLIER = 20
"""Statements about one torch that are judged besides the last (own choice)."""
MAX_SHARED, MAX_ROUNDS = 5, 10
"""Lines with several corrections that are made to agree, and tries for each (own choice)."""
MAX_SHOWN = 200
"""Facts in a report; a lock file names hundreds of packages that nothing is known of."""


def judge_file(path: str, machine: Machine) -> PlanReport:
    """What a file states and what is wrong with it; UnreadableInput where it is none of ours."""
    return judge_source(read_source(path), machine)


def judge_source(source: Source, machine: Machine) -> PlanReport:
    """The same of a text that was read, for the Python of the machine where one is known."""
    token = PYTHON.set(machine.python)
    try:
        return _judged(source, machine)
    finally:
        PYTHON.reset(token)


def _judged(source: Source, machine: Machine) -> PlanReport:
    kind, every_stack = read_stacks(source)
    stacks = every_stack[:MAX_STACKS]
    problems = _agreed(source, problems_of(stacks, machine), machine)
    facts = tuple(dict.fromkeys(_fact(fact) for stack in stacks for fact in _worth(stack)))
    errors = sum(problem.severity == "error" for problem in problems)
    return PlanReport(
        gpubench_version=gpubench.__version__,
        question="file",
        answer="no" if errors else "unknown" if not_judged(machine) else "yes",
        summary=_summary(kind, problems),
        machine=machine,
        file=clean(source.name),
        file_kind=kind,
        facts=facts[:MAX_SHOWN],
        problems=tuple(_cleaned(problem, _secrets(stacks)) for problem in problems),
        notes=tuple(_notes(every_stack, machine)),
    )


def problems_of(stacks: Iterable[Stack], machine: Machine) -> list[Problem]:
    """What every rule says of every stack, each thing once, the gravest first."""
    found: dict[tuple[str, str, int, str], Problem] = {}
    for stack in stacks:
        for rule in RULES:
            for problem in rule(stack, machine):
                key = (problem.rule, problem.file, problem.line, problem.found)
                found.setdefault(key, problem)
        for problem in _of_earlier_torch(stack, machine):
            found.setdefault((problem.rule, problem.file, problem.line, problem.found), problem)
    return sorted(found.values(), key=lambda p: (GRAVITY.index(p.severity), p.file, p.line))


def _agreed(source: Source, problems: list[Problem], machine: Machine) -> list[Problem]:
    """The problems, those of one line with the one text that cures them all."""
    found = (problem.correction for problem in problems)
    places = [correction.line for correction in found if _is_of(correction, source)]
    shared = [line for line in dict.fromkeys(places) if places.count(line) > 1][:MAX_SHARED]
    texts = {line: _line_in_the_end(source, line, problems, machine) for line in shared}
    return [
        dataclasses.replace(p, correction=dataclasses.replace(p.correction, text=text))
        if p.correction and _is_of(p.correction, source) and (text := texts.get(p.correction.line))
        else p
        for p in problems
    ]


def _is_of(correction: Correction | None, source: Source) -> TypeGuard[Correction]:
    return correction is not None and correction.file == source.name


def _line_in_the_end(
    source: Source, line: int, problems: Sequence[Problem], machine: Machine
) -> str | None:
    """A line after every correction of it, each judged again; None where they come to no end."""
    text = source.text.replace("\r\n", "\n")
    for _ in range(MAX_ROUNDS):
        found = [problem.correction for problem in problems]
        of_line = [c for c in found if _is_of(c, source) and c.line == line]
        correction = next(iter(of_line), None)
        if correction is None:
            return text.split("\n")[line - 1]
        text = corrected(text, correction)
        stacks = read_stacks(dataclasses.replace(source, text=text))[1][:MAX_STACKS]
        problems = problems_of(stacks, machine)
    return None


def _of_earlier_torch(stack: Stack, machine: Machine) -> Iterator[Problem]:
    """What stops a statement about torch that a later one, of conda or pip, replaces."""
    for torch in [fact for fact in stack.of_kind("package") if fact.name == "torch"][:-1][
        :MAX_EARLIER
    ]:
        facts = tuple(
            fact
            for fact in stack.facts
            if fact is torch or (fact.command <= torch.command and fact.name != "torch")
        )
        view = dataclasses.replace(stack, facts=facts)
        for rule in EXISTENCE:
            yield from (found for found in rule(view, machine) if found.severity == "error")


def _summary(kind: str, problems: Sequence[Problem]) -> str:
    counts = [
        f"{number} {word if number == 1 else word + 's'}"
        for word in GRAVITY
        if (number := sum(problem.severity == word for problem in problems))
    ]
    return f"{kind}: {', '.join(counts) or 'nothing speaks against it'}"


def _notes(stacks: Sequence[Stack], machine: Machine) -> Iterator[str]:
    if len(stacks) > MAX_STACKS:
        yield f"it holds {len(stacks)} stacks, of which the first {MAX_STACKS} were judged"
    names = {fact.name for stack in stacks for fact in stack.of_kind("package")}
    images = {fact.name for stack in stacks for fact in stack.of_kind("image")}
    if "torch" not in names and not any("pytorch" in image for image in images):
        yield "it states no torch, so most rules had nothing to hold it against"
    if not machine.driver and not machine.gpus:
        yield "whether it runs on a machine was not asked: name one with --gpu and --driver"
    elif words := not_judged(machine):
        yield words


def _worth(stack: Stack) -> Iterator[Stated]:
    for fact in stack.facts:
        if fact.kind in SHOWN or (fact.kind == "variable" and fact.via != "shell"):
            yield fact


def _fact(fact: Stated) -> Fact:
    value = fact.value
    if fact.kind == "variable" and (is_secret(fact.name) or value is None):
        value = None
    line = _clean_line(fact.text[:LONGEST_LINE])
    return Fact(
        kind=fact.kind,
        name=_in_line(fact.name, fact, line),
        value=_in_line(value, fact, line) if value is not None else None,
        file=clean(fact.file),
        line=fact.line,
    )


@functools.lru_cache(maxsize=64)
def _clean_line(text: str) -> str:
    """A line cleaned once, however many facts it states."""
    return clean(text)


def _in_line(text: str, fact: Stated, line: str) -> str:
    """A word of a fact, cleaned; nothing of one that only its whole line shows to be secret."""
    cleaned = clean(text)
    written = fact.text[:LONGEST_LINE]
    is_literal = text in written or (fact.kind == "variable" and "\\" in written)
    return REMOVED if is_literal and cleaned not in line else cleaned


def _secrets(stacks: Iterable[Stack]) -> tuple[str, ...]:
    """The values of variables whose name says that they are nobody's business, longest first."""
    values = {
        fact.value
        for stack in stacks
        for fact in stack.of_kind("variable")
        if fact.value and len(fact.value) > 3 and is_secret(fact.name)
    }
    return tuple(sorted(values, key=len, reverse=True)[:50])


def _cleaned(problem: Problem, secrets: Sequence[str]) -> Problem:
    """A problem without secrets or terminal codes."""

    def clean(text: str) -> str:
        for value in secrets:
            text = text.replace(value, REMOVED)
        return redacted(text)

    correction = problem.correction
    if correction is not None:
        text = clean(correction.text)
        correction = dataclasses.replace(correction, file=clean(correction.file), text=text)
    is_secret_line = problem.rule == "image.secret"
    return dataclasses.replace(
        problem,
        summary=clean(problem.summary),
        file=clean(problem.file),
        found=clean(_named(problem.found)) if is_secret_line else clean(problem.found),
        expected=clean(problem.expected),
        correction=correction,
        remedy=tuple(clean(step) for step in problem.remedy),
    )


def _named(found: str) -> str:
    """The name of a variable without its value."""
    return found.partition("=")[0].split(" ")[0]


def corrected(text: str, correction: Correction) -> str:
    """A file with one line in the place of another."""
    lines = text.split("\n")
    lines[correction.line - 1] = correction.text
    return "\n".join(lines)
