"""How rules say what they found: an error, a warning or a note at a fact's line."""

import shlex
from collections.abc import Callable, Iterator

from gpubench.plan.files.stated import Stack, Stated
from gpubench.plan.machine import Machine
from gpubench.plan.report import Correction, Problem

Rule = Callable[[Stack, Machine], Iterator[Problem]]


def problem(
    severity: str,
    cause: str,
    fact: Stated,
    summary: str,
    expected: str,
    *,
    rule: str,
    correction: Correction | None = None,
    remedy: tuple[str, ...] = (),
    reference: str = "",
) -> Problem:
    """A problem at the line of ``fact``."""
    return Problem(
        rule=rule,
        cause=cause,
        severity=severity,
        summary=summary,
        file=fact.file,
        line=fact.line,
        found=found(fact),
        expected=expected,
        correction=correction,
        remedy=remedy,
        reference=reference,
    )


def found(fact: Stated) -> str:
    """What stands there, short."""
    if fact.kind == "package" and fact.via != "lock":
        return fact.written.strip("\"'")
    if fact.kind == "package":
        return f"{fact.name}{fact.value or ''}"
    return fact.written


def replaced(stack: Stack, fact: Stated, new: str) -> Correction | None:
    """The line of ``fact`` with ``new`` in place of what it states; None where it cannot be."""
    if stack.is_locked or not fact.written or fact.written not in fact.text:
        return None
    if fact.is_shell and fact.kind == "package":
        new = shlex.quote(new)
    elif fact.written[:1] in "\"'" and fact.written[:1] == fact.written[-1:]:
        new = f"{fact.written[0]}{new}{fact.written[0]}"
    return Correction(file=fact.file, line=fact.line, text=fact.text.replace(fact.written, new, 1))


def repinned(stack: Stack, fact: Stated, release: str, tag: str = "") -> Correction | None:
    """The line of a package with another release, in the words of its file."""
    new = spelled(fact, release, tag)
    return replaced(stack, fact, new) if new else None


def spelled(fact: Stated, release: str, tag: str = "") -> str | None:
    """A pin as its file writes it: name==2.6.*, name=2.6 for conda, ~2.6 for Poetry."""
    wild = release.count(".") < 2
    if fact.via == "lock":
        return None
    if fact.via == "poetry":
        return f"{release}.*" if wild else release
    if fact.via == "conda":
        word = fact.written.strip("\"'")
        name = word[
            : len(word)
            - len(
                word.lstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/-")
            )
        ]
        return f"{name}={release}"
    word = fact.written.strip("\"'")
    bracket = word.find("]")
    name = word[: bracket + 1] if 0 < word.find("[") < bracket else fact.name
    marker = word.partition(";")[2]
    pin = f"{name}=={release}{'.*' if wild else ''}{tag and '+' + tag if not wild else ''}"
    return f"{pin};{marker}" if marker else pin


def swapped(fact: Stated, old: str, new: str) -> Correction | None:
    """The line of ``fact`` with ``new`` for ``old``; None where ``old`` does not stand there."""
    if not old or old not in fact.text:
        return None
    return Correction(file=fact.file, line=fact.line, text=fact.text.replace(old, new, 1))


def swapped_in_words(fact: Stated, old: str, new: str) -> Correction | None:
    """The same wherever ``old`` stands in the words of ``fact``, as twice in a wheel's address."""
    if not old or old not in fact.written:
        return None
    return swapped(fact, fact.written, fact.written.replace(old, new))
