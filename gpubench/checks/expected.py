"""One expectation: the value a contract gives, how it is written, how a snapshot meets it."""

import dataclasses
import fnmatch
import re
from collections.abc import Callable
from typing import Any

from gpubench.checks.outcome import Check, Outcome, fail, ok, unknown
from gpubench.env.snapshot import Snapshot
from gpubench.errors import BadUsage

PREFIX = "expect"
REFERENCE = "docs/expect.md"
GIB = 2**30

Meets = Callable[[Snapshot, Any], Outcome]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of value: its words in messages, and what it is read as (ValueError: no such)."""

    words: str
    read: Callable[[Any], Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of the contract."""

    name: str
    """Section and key: ``gpu.count``."""
    kind: Kind
    meets: Meets
    """Judges a snapshot; its docstring is what is said about the expectation."""
    cause: str
    needs: tuple[str, ...] = ()
    """Checks whose failure explains one of this."""

    def read(self, value: Any) -> Any:
        """The value as its kind reads it; BadUsage with an example otherwise."""
        try:
            return self.kind.read(value)
        except (TypeError, ValueError):
            raise BadUsage(f"{self.name} = {value!r}: {self.kind.words} is wanted") from None

    def check(self, wanted: Any) -> Check:
        """The check that holds a snapshot against ``wanted``, which ``read`` gave."""

        def judge(snapshot: Snapshot) -> Outcome:
            return self.meets(snapshot, wanted)

        judge.__doc__ = self.meets.__doc__
        return Check(
            id=f"{PREFIX}.{self.name}",
            judge=judge,
            cause=self.cause,
            needs=self.needs,
            reference=REFERENCE,
        )


def is_expectation(check_id: str) -> bool:
    """True for the id of a line of a contract."""
    return check_id.startswith(f"{PREFIX}.")


# -- kinds of values ------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Release:
    """What a version may be: ``2.8`` for all its patches, or a specifier ``>=570,<581``."""

    text: str

    def holds(self, version: str) -> bool:
        """True where ``version`` is one of them; a local tag counts where one is asked for."""
        found = version if "+" in self.text else version.partition("+")[0]
        return bool(_specifier(self.text).contains(_plain(found), prereleases=True))

    def is_finer_than(self, version: str) -> bool:
        """True where ``version`` has too few numbers to tell: 9.10.2 for a wanted 9.10.2.21."""
        wanted, found = self.text.strip().split("."), version.split(".")
        return len(found) < len(wanted) and wanted[: len(found)] == found

    def is_above(self, version: str) -> bool:
        """True where ``version`` is older than all of them."""
        from packaging.version import Version

        bounds = [s for s in _specifier(self.text) if s.operator in (">=", ">", "==", "~=")]
        found = Version(_plain(version))
        return any(found < Version(bound.version.removesuffix(".*")) for bound in bounds)


def _specifier(text: str) -> Any:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    bare = re.fullmatch(r"\d+(\.\d+)*", text.strip())
    tagged = re.fullmatch(r"\d+(\.\d+)*\+[\w.]+", text.strip())
    written = f"=={text.strip()}.*" if bare else f"=={text.strip()}" if tagged else text
    try:
        return SpecifierSet(written)
    except InvalidSpecifier:
        raise ValueError(text) from None


def _plain(version: str) -> str:
    """The leading part that is a version: NVIDIA's and distributions' own endings are dropped."""
    found = re.match(r"\d+(\.\d+)*((a|b|rc|\.?dev|\.?post)\d+)*(\+[\w.]+)?", version.strip())
    return found[0] if found else "0"


def _release(value: Any) -> Release:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(value)
    _specifier(value)
    return Release(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ValueError(value)
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1e9:
        raise ValueError(value)
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _words(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(value)
    return value.strip()


def _limit(value: Any) -> float | None:
    return None if value == "unlimited" else _number(value)


def _absent_or(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is False else read(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def one_of(*choices: str) -> Kind:
    """One of some words."""

    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(value)
        return str(value)

    return Kind(words=" or ".join(f'"{choice}"' for choice in choices), read=read)


COUNT = Kind(words="a whole number, such as 8,", read=_whole)
AMOUNT = Kind(words="a number of GiB, such as 79.5,", read=_number)
LIMIT = Kind(words='a number of GiB or "unlimited"', read=_limit)
FLAG = Kind(words="true or false", read=_flag)
NAME = Kind(words='a name or a pattern, such as "H100" or "*H100*80GB*",', read=_words)
RELEASE = Kind(words='a release ("2.8") or a range (">=570,<581")', read=_release)
PACKAGE = Kind(
    words='a release ("2.8"), a range (">=4.50,<5") or false for none', read=_absent_or(_release)
)
VARIABLE = Kind(words="the value as a text, or false for unset,", read=_absent_or(_text))


# -- what most expectations share -----------------------------------------------------------------


def matches(pattern: str, name: str) -> bool:
    """True where ``pattern`` stands in ``name`` as whole words, or matches all of it as a glob.

    In any case; an L4 is no L40S.
    """
    pattern, name = pattern.lower(), name.lower()
    if any(mark in pattern for mark in "*?["):
        return fnmatch.fnmatchcase(name, pattern)
    return re.search(rf"(?<![0-9a-z]){re.escape(pattern)}(?![0-9a-z])", name) is not None


def unreadable(snapshot: Snapshot, what: str, *paths: str) -> Outcome:
    """The outcome where the snapshot does not know what the contract names."""
    reason = snapshot.why_unread(*paths)
    return unknown(f"{what} could not be read" + (f": {reason}" if reason else ""))


def release_is(what: str, found: str, wanted: Release, *remedy: str, **details: Any) -> Outcome:
    """The outcome for a release that was read."""
    if wanted.is_finer_than(found):
        return unknown(f"{what} is {found}; whether it is {wanted.text} is not told here")
    if wanted.holds(found):
        return ok(f"{what} is {found}, expected {wanted.text}")
    return fail(
        f"{what} is {found}, expected {wanted.text}",
        *remedy,
        found=found,
        expected=wanted.text,
        **details,
    )


def pinned(name: str, wanted: Release) -> str:
    """A package held to a release, as pip takes it."""
    text = wanted.text.strip()
    return f"{name}=={text}" + ("" if "+" in text else ".*") if text[:1].isdigit() else name + text


def value_is(what: str, found: Any, wanted: Any, *remedy: str, **details: Any) -> Outcome:
    """The outcome for a plain value that was read."""
    words = f"{what}: {_said(found)}, expected {_said(wanted)}"
    if found == wanted:
        return ok(words)
    return fail(words, *remedy, found=found, expected=wanted, **details)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "not set" if value is None else str(value)
