"""What is taken out of text before it is shown or stored: secrets, homes, terminal codes."""

import functools
import hashlib
import os
import re
from typing import Any

REMOVED = "<removed>"

_TERMINAL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI sequences: colours, cursor
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC sequences: titles, links
    r"|\x1b."
    r"|[\x80-\x9f]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_SECRETS = (
    # a URL's user and password
    (
        re.compile(r"(?<=://)[^/\s@:]{0,200}:[^/\s@]{1,500}@|(?<=://)[^/\s@:]{1,500}@"),
        f"{REMOVED}@",
    ),
    # tokens by the prefixes their issuers document
    (
        re.compile(
            r"(?<![\w-])(?:hf_[A-Za-z0-9]{16,}|gh[oprsu]_[A-Za-z0-9]{16,}|github_pat_\w{16,}"
            r"|glpat-[\w-]{16,}|sk-[\w-]{16,}|xox[abprs]-[\w-]{10,}|AKIA[A-Z0-9]{12,}"
            r"|pypi-[\w-]{16,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"
        ),
        REMOVED,
    ),
    # NAME_TOKEN=value, password: value, Authorization: Bearer value
    (
        re.compile(
            # only the end of the name is matched, and that bounded: a long name costs no time
            r"(?i)((?:token|secret|password|passwd|api[_-]?key|credential)[\w-]{0,64}"
            r"[\"']?\s{0,5}[=:]\s{0,5}[\"']?)[^\s\"',;&]+"
        ),
        rf"\g<1>{REMOVED}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s{1,5}[A-Za-z0-9+/=._~-]{8,}"), rf"\g<1> {REMOVED}"),
)
_HOMES = re.compile(r"(?:/home|/Users)/[^/\s:\"',;]+|(?<![\w./-])/root(?=[/\s:\"',;]|$)")

_UUID = re.compile(
    r"(?i)\b(GPU|MIG)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f])"
)


def clean(text: str, *, keep_uuids: bool = False) -> str:
    """``text`` without secrets, home folders and anything a terminal would obey."""
    text = text.encode("utf-8", "replace").decode()  # a lone surrogate can be printed nowhere
    text = _CONTROL.sub(" ", _TERMINAL.sub("", text))
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    if not keep_uuids:
        text = _UUID.sub(lambda found: f"{found[1]}-{anonymous(found[0])}", text)
    own_home = _own_home()
    if own_home:
        text = text.replace(own_home, "~")
    return _HOMES.sub("~", text)


@functools.cache
def _own_home() -> str | None:
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where there is none
    return home if len(home) > len("/root") else None


def clean_plain(value: Any) -> Any:
    """Every text in a JSON value, cleaned; keys too."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): clean_plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [clean_plain(entry) for entry in value]
    return value


def anonymous(identifier: str) -> str:
    """A truncated SHA-256: tells machines apart without naming them."""
    return hashlib.sha256(identifier.encode("utf-8", "replace")).hexdigest()[:16]
