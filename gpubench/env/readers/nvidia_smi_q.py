"""The text of ``nvidia-smi -q``: sections and ``Key : Value`` lines, GPU by GPU.

Its indentation is not relied on: pasting loses it. A heading says which section a key belongs
to, and keys that stand alone are known by their name.
"""

import re

from gpubench.env.readers.draft import Draft
from gpubench.env.readers.nvidia_smi_facts import Told, put_driver, put_told
from gpubench.env.readers.nvidia_smi_indices import ADDRESS, Indices
from gpubench.env.readers.pasted import Pasted, unquoted

STRAY = 60
"""Lines in a row that fit nowhere, after which the report is over."""

_LOG = re.compile(r"=*\s?NVSMI LOG\s?=*$")
_GPU = re.compile(rf"GPU ({ADDRESS})$")
_PAIR = re.compile(
    r"(?P<key>[A-Z][A-Za-z0-9 ./()&-]{0,60}?)(?P<gap>\s{0,60}):(?:\s+(?P<value>.*))?$"
)
_HEADING = re.compile(r"[A-Z][A-Za-z0-9/]*(?: [A-Za-z0-9/.()-]+){0,5}$")

_ALONE = frozenset(
    {
        "timestamp", "driver version", "cuda version", "attached gpus", "product name",
        "product brand", "product architecture", "display mode", "display active",
        "display attached", "persistence mode", "addressing mode", "accounting mode",
        "accounting mode buffer size", "serial number", "gpu uuid", "gpu pdi", "minor number",
        "vbios version", "multigpu board", "board id", "board part number", "gpu part number",
        "gpu fru part number", "fru part number", "module id", "gpu c2c mode",
        "gsp firmware version", "gpu recovery action", "bus id", "replays since reset",
        "fan speed", "performance state", "compute mode", "sparse operation mode",
        "processes", "compute processes", "mig devices",
    }
)  # fmt: skip
_SECTIONS = {
    "clocks throttle reasons": "clocks event reasons",
    "clocks event reasons counters": "time held back",
    "power readings": "gpu power readings",
    "compute processes": "processes",
}
"""Headings that newer drivers spell otherwise."""
_TELLING = frozenset(
    {
        "ecc mode", "ecc errors", "retired pages", "remapped rows", "clocks throttle reasons",
        "clocks event reasons", "power readings", "gpu power readings", "fb memory usage",
        "gpu link info",
    }
)  # fmt: skip
"""Headings by which a piece of such a report is known."""
_ANCHOR = re.compile(
    r"NVSMI LOG|GPU [0-9A-Fa-f]{4,8}:|(?im:^[ \t>]{0,40}(?:"
    + "|".join(sorted(_TELLING))
    + r")[ \t]{0,9}$)"
)
_INSIDE_MIG = frozenset(
    {
        "mig device", "device attributes", "shared", "ecc errors", "volatile",
        "fb memory usage", "bar1 memory usage",
    }
)  # fmt: skip


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take the report; True where there was one."""
    if not _ANCHOR.search(pasted.text):
        return False
    report = _Report(pasted)
    for number, raw in list(pasted.free()):
        if report.is_open or (len(raw) < 200 and _ANCHOR.search(raw)):
            report.line(number, unquoted(raw))
    return report.finish(draft)


class _Report:
    """The report as far as it was read: what holds for the machine, and one GPU after the other."""

    def __init__(self, pasted: Pasted) -> None:
        self._pasted = pasted
        self._strays = 0
        self._section = ""
        self._scope = ""
        self._in_mig = False
        self._machine: dict[str, str] = {}
        self._gpus: list[tuple[str | None, Told]] = []
        self._headless = False
        self.is_open = False

    def line(self, number: int, line: str) -> None:
        """One line that is nobody's yet."""
        if not line:
            return
        if self._opens(line) or (self.is_open and self._belongs(number, line)):
            self._pasted.take(number)
            self._strays = 0
        elif self.is_open:
            self._strays += 1
            self.is_open = self._strays < STRAY

    def _opens(self, line: str) -> bool:
        """The head of a report, of a GPU, or of a piece that was cut out of one."""
        if found := _GPU.match(line):
            self._begin_gpu(found[1])
        elif _LOG.match(line):
            self._section, self._headless = "", False
        elif not self.is_open and line.lower() in _TELLING:
            self._headless = True
            self._begin_gpu(None)
            self._heading(line)
        else:
            return False
        self.is_open = True
        return True

    def _begin_gpu(self, address: str | None) -> None:
        self._gpus.append((address, Told()))
        self._headless = self._headless and address is None
        self._section, self._scope, self._in_mig = "", "", False

    def _belongs(self, number: int, line: str) -> bool:
        if found := _PAIR.match(line):
            key, value = found["key"].strip().lower(), (found["value"] or "").strip()
            return self._pair(key, value, is_padded=bool(found["gap"]))
        if _HEADING.match(line) and (line.lower() in _TELLING or self._is_followed(number)):
            self._heading(line)
            return True
        return False

    def _is_followed(self, number: int) -> bool:
        """A pair or another heading stands on the next line that is not empty."""
        lines = self._pasted.lines[number + 1 : number + 4]
        below = next((unquoted(line) for line in lines if line.strip()), "")
        pair = _PAIR.match(below)
        return bool(pair and pair["gap"]) or (bool(_HEADING.match(below)) and len(below) < 40)

    def _heading(self, line: str) -> None:
        name = line.lower()
        self._in_mig = name == "mig device" or (self._in_mig and name in _INSIDE_MIG)
        if name == "mig device" and self._gpus:
            told = self._gpus[-1][1]
            told.mig_devices = (told.mig_devices or 0) + 1
        if name in ("volatile", "aggregate"):
            self._scope = name
        is_part = name in ("single bit", "double bit")
        self._section = f"{self._scope}/{name}" if is_part else _SECTIONS.get(name, name)
        if self._section == "processes" and self._gpus:
            self._gpus[-1][1].process_types = self._gpus[-1][1].process_types or []

    def _pair(self, key: str, value: str, *, is_padded: bool) -> bool:
        """False for a line of another report, which pads no keys."""
        if key in _ALONE:
            self._section, self._in_mig = "", False
            path = key
        elif is_padded or self._section:
            path = f"{self._section}/{key}"
        else:
            return False
        if not self._gpus:
            self._machine.setdefault(path, value)
        elif not self._in_mig:
            self._say(path, value)
        return is_padded or key in _ALONE

    def _say(self, path: str, value: str) -> None:
        told = self._gpus[-1][1]
        if self._headless and path in told.values and path != "processes/type":
            self._gpus.append((None, Told()))
            told = self._gpus[-1][1]
        if path == "processes/type" and told.process_types is not None:
            told.process_types.append(value)
        elif path in ("processes", "compute processes"):
            told.process_types = [] if value.lower() == "none" else None
        elif path == "mig devices" and value.lower() == "none":
            told.mig_devices = 0
        elif not path.startswith("processes/"):
            told.values.setdefault(path, value)

    def finish(self, draft: Draft) -> bool:
        """What was read, put into ``draft``; True where it was anything."""
        told = [(address, gpu) for address, gpu in self._gpus if address or gpu.values]
        indices = Indices(self._pasted.text) if told else None
        for address, gpu in told:
            if address is not None:
                gpu.values.setdefault("bus id", address)
            if indices is not None:
                put_told(draft, indices.of(address), gpu)
        count = self._machine.get("attached gpus", "")
        version = self._machine.get("driver version")
        if told or version:
            put_driver(
                draft,
                version,
                self._machine.get("cuda version"),
                int(count) if re.fullmatch(r"\d{1,3}", count) else None,
            )
        return bool(told or version)
