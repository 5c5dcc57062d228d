"""The table of plain ``nvidia-smi``, of every driver since R340, whole or cut."""

import dataclasses
import itertools
import re

from gpubench.env.readers.draft import MAX_GPUS, Draft
from gpubench.env.readers.nvidia_smi_facts import put_driver, put_unread
from gpubench.env.readers.nvidia_smi_indices import ADDRESS
from gpubench.env.readers.nvidia_smi_rows import DATE, plain, rows
from gpubench.env.readers.nvidia_smi_values import MIB, compute_mode, switch
from gpubench.env.readers.pasted import Pasted
from gpubench.knowledge.tables import capability_of

UNKNOWN_ERROR = 999
"""NVML's code for a GPU that does not even tell its name."""

_HEAD = re.compile(
    r"NVIDIA-SMI\s{1,40}[\d.]{3,20}\s{1,80}(?:Driver|KMD) Version:\s{0,20}"
    r"(?P<driver>[\d.]{3,20}|N/A)"
    r"(?:\s{1,80}CUDA(?: UMD)? Version:\s{0,20}(?P<cuda>[\w./!]{1,12}))?"
)
_OPENING = re.compile(rf"NVIDIA-SMI|Persistence-M|Driver-Model|{ADDRESS}")
STRAYS = 15
"""Rows that fit nowhere, after which the table is over."""
_BORDER = re.compile(r"[|+=\-\s`\\]+$")
_TITLE = re.compile(
    r"GPU\s+Name|Fan\s+Temp|MIG M\.$|GPU\s+GI\s+CI|GPU\s+PID|ID\s+ID|(?:BAR1-Usage|SM\s+Unc)"
    r"|\bECC\s{0,9}\|?$"
)
_FIRST = re.compile(
    r"(?P<index>\d{1,3})\s+(?P<name>\S.{0,60}?)\s+(?P<mode>On|Off|WDDM|TCC|MCDM|N/A|ERR!)$"
)
_LISTED = re.compile(r"GPU (?:\d{1,3}|models and configuration):[ \t]{0,9}([^\n(|:]{3,80})")
_BUS = re.compile(rf"(?P<bus>{ADDRESS}|ERR!)(?:\s+(?:On|Off|N/A|ERR!))?$")
_MEMORY = re.compile(r"(\d{1,9})\s?MiB\s*/\s*(\d{1,9})\s?MiB")
_POWER = re.compile(r"(?P<used>\d{1,5}W|N/A|ERR!)\s*/\s*(?P<cap>\d{1,5}W|N/A|ERR!)")
_PROCESS = re.compile(
    r"(?P<index>\d{1,3})\s+(?:(?:N/A|\d{1,3})\s+(?:N/A|\d{1,3})\s+)?(?P<pid>\d{1,10})\s+"
    r"(?:(?P<kind>C\+G|M\+C|C|G|M)\s+)?\S"
)
_MIG_ROW = re.compile(r"(\d{1,3})\s+\d{1,3}\s+\d{1,3}\s+\d{1,3}$")


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take the table; True where its head or a row of it stands there."""
    if not _OPENING.search(pasted.text):
        return False
    table = _Table(pasted, draft)
    for numbers, text in rows(pasted, table.wants):
        if table.row(text):
            _take(pasted, numbers)
    return table.finish()


def _take(pasted: Pasted, numbers: list[int]) -> None:
    """The lines of a row, and the border and the date above the first."""
    for number in numbers:
        pasted.take(number)
    for number in range(numbers[0] - 1, max(numbers[0] - 3, -1), -1):
        line = plain(pasted.lines[number])
        if line.strip() and not (_BORDER.match(line) or DATE.match(line)):
            return
        pasted.take(number)


@dataclasses.dataclass(slots=True)
class _Row:
    """A GPU of the table: which of its lines were seen."""

    index: int
    is_complete: bool = False


class _Table:
    """The table as far as it was read."""

    def __init__(self, pasted: Pasted, draft: Draft) -> None:
        self._pasted, self._draft = pasted, draft
        self._part = ""
        self._rows: dict[int, _Row] = {}
        self._row: _Row | None = None
        self._processes: dict[int, int] | None = None
        self._untold: set[int] = set()
        self._mig: dict[int, int] | None = None
        self._names: list[str] | None = None
        self._found = False
        self._strays = 0

    def wants(self, raw: str) -> bool:
        """True for a line within the table, or one that may begin another."""
        return bool(self._part) or _OPENING.search(raw) is not None

    def row(self, line: str) -> bool:
        """True for a row that is understood; after many that are not, the table is over."""
        is_known = self._understands(line)
        self._strays = 0 if is_known else self._strays + bool(line.strip())
        if self._strays > STRAYS:
            self._part, self._row = "", None
        return is_known

    def _understands(self, line: str) -> bool:
        if head := _HEAD.search(line):
            return self._head(head)
        if _BORDER.match(line):
            return bool(self._part)
        return self._named(line) or self._cells(line)

    def _head(self, head: re.Match[str]) -> bool:
        self._part, self._row, self._found = "gpus", None, True
        put_driver(self._draft, head["driver"], head["cuda"], None)
        if head["cuda"] and "ERR" in head["cuda"]:
            self._draft.unread.setdefault("driver.nvml.cuda_version", "nvidia-smi: ERR!")
        return True

    def _named(self, line: str) -> bool:
        """Titles of the parts and of their columns."""
        words = line.strip().strip("|").strip()
        if re.match(r"(?:Compute )?[Pp]rocesses:", words):
            self._part = "processes"
            self._processes = {} if self._processes is None else self._processes
        elif words.startswith("MIG devices"):
            self._part = "mig"
            self._mig = {} if self._mig is None else self._mig
        elif re.match(r"No (?:running processes|MIG devices) found", words):
            return bool(self._part)
        elif re.match(r"GPU\s+Name\b", words):
            self._part = "gpus"
        else:
            return bool(self._part) and _TITLE.search(words) is not None
        return True

    def _cells(self, line: str) -> bool:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if self._part == "processes":
            return self._process(line.strip().strip("|").strip())
        if self._part == "mig":
            return self._mig_row(cells)
        return self._first(cells) or (self._row is not None and self._next(self._row, cells))

    # -- GPUs

    def _first(self, cells: list[str]) -> bool:
        """Index, name and persistence mode; address; counter of errors that ECC cannot mend."""
        found = _FIRST.match(cells[0])
        bus = _BUS.match(cells[1]) if len(cells) > 1 else None
        if found is None or (bus is None and (self._part != "gpus" or len(cells) > 3)):
            return False
        index = int(found["index"])
        self._part, self._found = "gpus", True
        self._row = self._rows.setdefault(index, _Row(index))
        is_known = bus is not None and bus["bus"] != "ERR!"
        self._draft.gpu(
            index,
            persistence=switch(found["mode"]),
            pci_address=bus["bus"] if bus is not None and is_known else None,
            error_code=UNKNOWN_ERROR if "ERR!" in found["name"] else None,
        )
        self._name(index, found["name"])
        if len(cells) > 2:
            self._ecc(index, cells[2])
        return "ERR!" not in "".join(cells)

    def _name(self, index: int, name: str) -> None:
        """The name; one that is cut short (``NVIDIA A100-SXM...``) is looked for elsewhere."""
        if name in ("ERR!", "N/A") or "Unknown Error" in name:
            return
        stem = name.removesuffix("...").rstrip()
        if stem == name:
            self._draft.gpu(index, name=name)
            return
        whole = next((listed for listed in self._listed() if listed.startswith(stem)), stem)
        self._draft.gpu(index, name=whole)
        if capability_of(stem) is None:  # whatever digit is missing, the series is the same
            self._draft.gpu(index, compute_capability=capability_of(f"{stem}0"))

    def _listed(self) -> list[str]:
        """Names that another list in the paste writes in full."""
        if self._names is None:
            found = itertools.islice(_LISTED.finditer(self._pasted.text), MAX_GPUS)
            self._names = [name for one in found if "..." not in (name := one[1].rstrip())]
        return self._names

    def _ecc(self, index: int, cell: str) -> None:
        if re.fullmatch(r"\d{1,18}", cell):
            self._draft.gpu(index, ecc_enabled=True, ecc_uncorrected_volatile=int(cell))
        elif cell in ("On", "Off"):
            self._draft.gpu(index, ecc_enabled=cell == "On")
        elif "ERR!" in cell:
            put_unread(self._draft, index, {"ecc_uncorrected_volatile": "ERR!"})

    def _next(self, row: _Row, cells: list[str]) -> bool:
        """Fan, temperature and power; memory; compute mode. Then a line for MIG."""
        memory = _MEMORY.search(cells[1]) if len(cells) > 1 else None
        power = _POWER.search(cells[0])
        if memory is None and power is None and "ERR!" not in cells[0]:
            return self._mig_mode(row.index, cells)
        row.is_complete = len(cells) > 2
        self._draft.gpu(
            row.index,
            memory_used_bytes=int(memory[1]) * MIB if memory else None,
            memory_bytes=int(memory[2]) * MIB if memory else None,
            compute_mode=_mode(cells[2]) if len(cells) > 2 else None,
        )
        self._sensors(row.index, cells[0], power)
        return "ERR!" not in "".join(cells)

    def _sensors(self, index: int, cell: str, power: re.Match[str] | None) -> None:
        degrees = re.search(r"\b(\d{1,3})C\b", cell)
        self._draft.gpu(
            index,
            temperature_c=int(degrees[1]) if degrees else None,
            power_w=_watts(power["used"]) if power else None,
            power_limit_w=_watts(power["cap"]) if power else None,
        )
        words = cell.split()
        errors = {
            "temperature_c": words[1:2] == ["ERR!"],
            "power_w": power is not None and power["used"] == "ERR!",
            "power_limit_w": power is not None and power["cap"] == "ERR!",
        }
        put_unread(self._draft, index, {field: "ERR!" for field, bad in errors.items() if bad})

    def _mig_mode(self, index: int, cells: list[str]) -> bool:
        """``Enabled*`` is a mode that changes with the next reset."""
        mode = cells[-1]
        if any(cells[:-1]) or not re.fullmatch(r"(?:Enabled|Disabled|N/A)\*?", mode):
            return False
        enabled = switch(mode)
        if enabled is not None:
            pending = enabled != mode.endswith("*")
            self._draft.gpu(index, mig_enabled=enabled, mig_pending=pending)
        return True

    # -- MIG devices and processes

    def _mig_row(self, cells: list[str]) -> bool:
        found = _MIG_ROW.match(cells[0])
        if found and self._mig is not None:
            index = int(found[1])
            self._mig[index] = self._mig.get(index, 0) + 1
        return found is not None or (not cells[0] and "MiB" in "".join(cells))

    def _process(self, words: str) -> bool:
        """One program; its name is looked at by nobody."""
        if found := _PROCESS.match(words):
            index = int(found["index"])
            if self._processes is not None and "C" in (found["kind"] or "C"):
                self._processes[index] = self._processes.get(index, 0) + 1
        elif found := re.match(r"(\d{1,3})\s+.{0,20}Not Supported", words):
            self._untold.add(int(found[1]))
        return found is not None

    def finish(self) -> bool:
        """What can be said once the whole table was read."""
        is_cut = any(not row.is_complete for row in self._rows.values())
        if is_cut:
            self._draft.paste["is_cut"] = True
        for index in self._rows:
            known = self._draft.gpus.get(index, {})
            if self._mig is not None and known.get("mig_enabled"):
                self._draft.gpu(index, mig_instances=self._mig.get(index, 0))
            if self._processes is not None and index not in self._untold:
                self._draft.gpu(index, process_count=self._processes.get(index, 0))
        if self._rows and self._processes is not None and not is_cut:
            self._draft.put("nvml", device_count=len(self._rows))
        return self._found


def _watts(value: str) -> float | None:
    return float(value[:-1]) if value.endswith("W") else None


def _mode(cell: str) -> str | None:
    """The compute mode behind the utilisation."""
    found = re.search(r"(?:Default|Prohibit\w*|E\. ?\w+|Exclusive\w*)$", cell)
    return compute_mode(found[0].replace("E.P", "E. P").replace("E.T", "E. T")) if found else None
