"""A GPU in the table of plain ``nvidia-smi``: what its two or three lines say, cell by cell."""

import itertools
import re

from gpubench.env.readers.draft import MAX_GPUS, Draft
from gpubench.env.readers.nvidia_smi_facts import put_unread
from gpubench.env.readers.nvidia_smi_indices import ADDRESS
from gpubench.env.readers.nvidia_smi_values import MIB, UNKNOWN_ERROR, compute_mode, switch
from gpubench.knowledge.tables import capability_of

ERROR = "ERR!"
"""What stands in a cell that could not be read."""

_FIRST = re.compile(
    r"(?P<index>\d{1,3})\s+(?P<name>\S.{0,60}?)\s+(?P<mode>On|Off|WDDM|TCC|MCDM|N/A|ERR!)$"
)
_BUS = re.compile(rf"(?P<bus>{ADDRESS}|ERR!)(?:\s+(?:On|Off|N/A|ERR!))?$")
_MEMORY = re.compile(r"(\d{1,9})\s?MiB\s*/\s*(\d{1,9})\s?MiB")
_POWER = re.compile(r"(?P<used>\d{1,5}W|N/A|ERR!)\s*/\s*(?P<cap>\d{1,5}W|N/A|ERR!)")
_LISTED = re.compile(
    r"GPU (?:(?P<index>\d{1,3})|models and configuration):[ \t]{0,9}(?P<name>[^\n(|:]{3,80})"
)


class Names:
    """Names that other lists of the same paste write in full."""

    def __init__(self, whole_text: str) -> None:
        self._text = whole_text
        self._listed: list[tuple[str | None, str]] | None = None

    def completed(self, index: int, stem: str) -> str:
        """The name that ``stem`` begins; ``stem`` itself where nothing tells it for certain."""
        if self._listed is None:
            found = itertools.islice(_LISTED.finditer(self._text), MAX_GPUS)
            self._listed = [(one["index"], one["name"].rstrip()) for one in found]
        fitting = [
            (place, name)
            for place, name in self._listed
            if name.startswith(stem) and "..." not in name
        ]
        same = [name for place, name in fitting if place == str(index)]
        if same:
            return same[0]
        names = {name for _, name in fitting}
        return names.pop() if len(names) == 1 else stem


def put_first(draft: Draft, names: Names, cells: list[str], *, is_inside: bool) -> int | None:
    """Index, name and persistence mode; address; counter of errors that ECC cannot mend.

    Gives the index, None for another line. Outside of a table an address must stand there.
    """
    found = _FIRST.match(cells[0])
    bus = _BUS.match(cells[1]) if len(cells) > 1 else None
    if found is None or (bus is None and (not is_inside or len(cells) > 3)):
        return None
    index = int(found["index"])
    draft.gpu(
        index,
        persistence=switch(found["mode"]),
        pci_address=bus["bus"] if bus is not None and bus["bus"] != ERROR else None,
        error_code=UNKNOWN_ERROR if ERROR in found["name"] else None,
    )
    _name(draft, names, index, found["name"])
    if len(cells) > 2:
        _ecc(draft, index, cells[2])
    return index


def _name(draft: Draft, names: Names, index: int, name: str) -> None:
    """The name; one that is cut short (``NVIDIA A100-SXM...``) is looked for elsewhere."""
    if name in (ERROR, "N/A") or "Unknown Error" in name:
        return
    stem = name.removesuffix("...").rstrip()
    if stem == name:
        draft.gpu(index, name=name)
        return
    whole = names.completed(index, stem)
    draft.gpu(index, name=whole)
    if capability_of(whole) is None:  # whatever digit is missing, the series is the same
        draft.gpu(index, compute_capability=capability_of(f"{stem}0"))


def _ecc(draft: Draft, index: int, cell: str) -> None:
    if re.fullmatch(r"\d{1,18}", cell):
        draft.gpu(index, ecc_enabled=True, ecc_uncorrected_volatile=int(cell))
    elif cell in ("On", "Off"):
        draft.gpu(index, ecc_enabled=cell == "On")
    elif ERROR in cell:
        put_unread(draft, index, {"ecc_uncorrected_volatile": ERROR})


def put_second(draft: Draft, index: int, cells: list[str]) -> bool:
    """Fan, temperature and power; memory; compute mode. False for another line."""
    memory = _MEMORY.search(cells[1]) if len(cells) > 1 else None
    power = _POWER.search(cells[0])
    if memory is None and power is None and ERROR not in cells[0]:
        return False
    draft.gpu(
        index,
        memory_used_bytes=int(memory[1]) * MIB if memory else None,
        memory_bytes=int(memory[2]) * MIB if memory else None,
        compute_mode=_mode(cells[2]) if len(cells) > 2 else None,
    )
    _sensors(draft, index, cells[0], power)
    return True


def _sensors(draft: Draft, index: int, cell: str, power: re.Match[str] | None) -> None:
    degrees = re.search(r"\b(\d{1,3})C\b", cell)
    draft.gpu(
        index,
        temperature_c=int(degrees[1]) if degrees else None,
        power_w=_watts(power["used"]) if power else None,
        power_limit_w=_watts(power["cap"]) if power else None,
    )
    fan = re.match(r"(\d{1,3})%", cell)
    draft.gpu(index, fan_percent=int(fan[1]) if fan else None)
    words = cell.split()
    errors = {
        "fan_percent": words[:1] == [ERROR],
        "temperature_c": words[1:2] == [ERROR],
        "power_w": power is not None and power["used"] == ERROR,
        "power_limit_w": power is not None and power["cap"] == ERROR,
    }
    put_unread(draft, index, {field: ERROR for field, is_bad in errors.items() if is_bad})


def _watts(value: str) -> float | None:
    return float(value[:-1]) if value.endswith("W") else None


def _mode(cell: str) -> str | None:
    """The compute mode behind the utilisation."""
    found = re.search(r"(?:Default|Prohibit\w*|E\. ?\w+|Exclusive\w*)$", cell)
    return compute_mode(found[0].replace("E.P", "E. P").replace("E.T", "E. T")) if found else None


def put_mig_mode(draft: Draft, index: int, cells: list[str]) -> bool:
    """The third line: ``Enabled*`` is a mode that changes with the next reset."""
    mode = cells[-1]
    if any(cells[:-1]) or not re.fullmatch(r"(?:Enabled|Disabled|N/A)\*?", mode):
        return False
    enabled = switch(mode)
    if enabled is not None:
        draft.gpu(index, mig_enabled=enabled, mig_pending=enabled != mode.endswith("*"))
    return True
