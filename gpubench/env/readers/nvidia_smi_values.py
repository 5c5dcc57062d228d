"""Values as ``nvidia-smi`` writes them: numbers with units, switches, errors in their place."""

import re

from gpubench.env.redact import anonymous

MIB = 2**20
LOST, RESET_REQUIRED, UNKNOWN_ERROR = 15, 16, 999
"""NVML's codes for what nvidia-smi says in words."""

_ABSENT = re.compile(
    r"\[?(?:N/?A|None|Not Supported|Not Available|Not Found|-*"
    r"|Requested functionality has been deprecated)\]?",
    re.IGNORECASE,
)
_ERROR = re.compile(
    r"(?P<lost>GPU is lost)|(?P<reset>GPU requires reset|reset required)"
    r"|ERR!|Error\b|Insufficient Permissions|No permission|Timeout|Uninitialized",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\s*(-?\d{1,18}(?:\.\d{1,9})?)(?![\d.]*[A-Za-z_]{4})")


def whole(value: str) -> int | None:
    """``33 C``, ``16x``, ``0``."""
    found = _NUMBER.match(value)
    return int(float(found[1])) if found else None


def decimal(value: str) -> float | None:
    """``16.47 W``."""
    found = _NUMBER.match(value)
    return float(found[1]) if found else None


def mebibytes(value: str) -> int | None:
    """``23034 MiB`` in bytes."""
    number = whole(value)
    return None if number is None else number * MIB


def microseconds(value: str) -> float | None:
    """``3893592 us`` in seconds."""
    number = whole(value)
    return None if number is None else number / 1e6


def recovery_action(value: str) -> str | None:
    """``GPU Reset``, ``Drain P2P``, ``None``, in the words of the snapshot."""
    words = re.sub(r"[\s_]+", "-", value.strip().lower())[:40]
    words = words.removeprefix("gpu-").removeprefix("node-")
    return words if re.fullmatch(r"[a-z][a-z0-9-]{2,30}", words) else None


def fabric_state(value: str) -> str | None:
    """``Not Started``, ``In Progress``, ``Completed``, ``Not Supported``."""
    words = re.sub(r"[\s_]+", "-", value.strip().lower())
    known = ("not-supported", "not-started", "in-progress", "completed")
    return words if words in known else None


def fabric_status(value: str) -> int | None:
    """NVML's code for success, or for an error of which nothing more is known."""
    if is_absent(value):
        return None
    return 0 if value.strip().lower() == "success" else UNKNOWN_ERROR


def switch(value: str) -> bool | None:
    """The words for on and off."""
    word = value.strip().rstrip("*").lower()
    if word in ("enabled", "on", "yes", "active", "true", "1"):
        return True
    return False if word in ("disabled", "off", "no", "not active", "false", "0") else None


def compute_mode(value: str) -> str | None:
    """Compute modes in all their spellings; the table of plain ``nvidia-smi`` cuts them short."""
    word = value.strip().lower().replace("_", " ")
    if word.startswith("prohibit"):
        return "prohibited"
    known = {
        "default": "default",
        "exclusive process": "exclusive-process",
        "e. process": "exclusive-process",
        "exclusive thread": "exclusive-thread",
        "e. thread": "exclusive-thread",
    }
    return known.get(word)


def text(value: str) -> str | None:
    """A name, as it stands there."""
    return None if is_absent(value) else value.strip()[:120]


def identifier(value: str) -> str | None:
    """A UUID or a serial number, which are never kept as they are."""
    return None if is_absent(value) else anonymous(value.strip())


def is_absent(value: str) -> bool:
    """True where a value says that there is no such thing here."""
    return _ABSENT.fullmatch(value.strip()) is not None


def is_error(value: str) -> bool:
    """True where an error stands in the place of a value."""
    return _ERROR.search(value[:200]) is not None


def error_code(value: str) -> int | None:
    """NVML's code of an error that makes the whole GPU unusable."""
    found = _ERROR.search(value[:200])
    if found is None:
        return None
    return LOST if found["lost"] else RESET_REQUIRED if found["reset"] else None
