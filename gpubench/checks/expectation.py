"""The contract of a fleet: a TOML file, each line of which is judged as a check of its own."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpubench import codec
from gpubench.checks import expected_gpus, expected_machine, expected_software
from gpubench.checks.expected import PREFIX, Key
from gpubench.checks.expected_names import (
    ANY_PACKAGE,
    ANY_VARIABLE,
    package_key,
    variable_key,
)
from gpubench.checks.outcome import Check
from gpubench.env.host import ALLOWED
from gpubench.env.redact import clean
from gpubench.errors import BadUsage, GpubenchError, UnknownName, UnreadableInput
from gpubench.knowledge.tables import tomllib

MAX_BYTES = 2**20
KEYS: tuple[Key, ...] = (
    *expected_gpus.KEYS,
    *expected_machine.KEYS,
    *expected_software.KEYS,
)
"""Every key of fixed name; packages and variables are named by the contract itself."""
_DISTRIBUTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
ABOUT_GPUS = ("gpu.", "driver.", "cuda.", "nvlink.")
FAMILIES = {"packages": (ANY_PACKAGE, package_key), "env": (ANY_VARIABLE, variable_key)}


def read_contract(path: Path) -> tuple[Check, ...]:
    """The checks that a contract asks for; GpubenchError names the line that is wrong."""
    name = clean(str(path))
    try:
        text = codec.read_bytes(path, MAX_BYTES).decode("utf-8-sig")
        sections = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as problem:
        raise UnreadableInput(f"{name}: not valid TOML: {clean(str(problem))}") from None
    checks = {check.id: check for check in _checks(sections, name)}
    if not checks:
        raise BadUsage(f"{name}: a contract without a line; docs/expect.md shows one")
    if any(key.partition(".")[2].startswith(ABOUT_GPUS) for key in checks):
        present = expected_gpus.PRESENT.check(sections.get("gpu", {}).get("count") != 0)
        checks[present.id] = present
    return tuple(sorted(checks.values(), key=_place))


def _place(check: Check) -> int:
    """Where a check stands: what another one needs stands above it."""
    ids = [f"{PREFIX}.{key.name}" for key in (expected_gpus.PRESENT, *KEYS)]
    return ids.index(check.id) if check.id in ids else len(ids)


def _checks(sections: dict[str, Any], source: str) -> Iterator[Check]:
    for section, entries in sections.items():
        if not isinstance(entries, dict):
            raise _unknown(source, section, "")
        for key, value in entries.items():
            yield _check(source, section, key, value)


def _check(source: str, section: str, key: str, value: Any) -> Check:
    try:
        found = _key(section, key)
        if found is None:
            raise _unknown(source, section, key)
        return found.check(found.read(value))
    except BadUsage as problem:
        raise BadUsage(f"{source}: {clean(str(problem))}") from None


def _key(section: str, key: str) -> Key | None:
    if section == "env" and not ALLOWED.fullmatch(key):
        raise BadUsage(
            f"env.{clean(key)}: gpubench does not look at this variable; those that it does "
            "look at concern CUDA, NCCL, torch, triton, compilers and loader paths"
        )
    if section == "packages" and not _DISTRIBUTION.fullmatch(key):
        raise BadUsage(f"packages.{clean(key)}: no name of a distribution")
    if section in FAMILIES:
        return FAMILIES[section][1](key)
    return next((entry for entry in KEYS if entry.name == f"{section}.{key}"), None)


def _unknown(source: str, section: str, key: str) -> GpubenchError:
    known = [entry.name for entry in KEYS] + [family for family, _ in FAMILIES.values()]
    name = f"{section}.{key}" if key else section
    return UnknownName(f"expectation (in {source})", clean(name), known)


def described() -> tuple[Check, ...]:
    """Every expectation there can be, for the page that lists them; their judges are not run."""
    families = (package_key("NAME"), variable_key("NAME"))
    return tuple(key.check(None) for key in (expected_gpus.PRESENT, *KEYS, *families))
