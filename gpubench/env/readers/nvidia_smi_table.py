"""The table of plain ``nvidia-smi``, of every driver since R340, whole or cut."""

import re

from gpubench.env.readers.draft import Draft
from gpubench.env.readers.nvidia_smi_cells import (
    ERROR,
    Names,
    put_first,
    put_mig_mode,
    put_second,
)
from gpubench.env.readers.nvidia_smi_facts import put_driver
from gpubench.env.readers.nvidia_smi_indices import ADDRESS
from gpubench.env.readers.nvidia_smi_rows import DATE, plain, rows
from gpubench.env.readers.pasted import Pasted

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


class _Table:
    """The table as far as it was read."""

    def __init__(self, pasted: Pasted, draft: Draft) -> None:
        self._draft, self._names = draft, Names(pasted.text)
        self._found = False
        self._begin("")

    def _begin(self, part: str) -> None:
        """Another table: nothing of it was read yet."""
        self._part, self._strays = part, 0
        self._index: int | None = None
        self._complete: dict[int, bool] = {}
        self._processes: dict[int, int] | None = None
        self._untold: set[int] = set()
        self._mig: dict[int, int] | None = None

    def wants(self, raw: str) -> bool:
        """True for a line within the table, or one that may begin another."""
        return bool(self._part) or _OPENING.search(raw) is not None

    def row(self, line: str) -> bool:
        """True for a row that is understood; after many that are not, the table is over."""
        is_known = self._understands(line)
        self._strays = 0 if is_known else self._strays + bool(line.strip())
        if self._strays > STRAYS:
            self._part, self._index = "", None
        return is_known

    def _understands(self, line: str) -> bool:
        if head := _HEAD.search(line):
            return self._head(head)
        if _BORDER.match(line):
            return bool(self._part)
        return self._named(line) or self._cells(line)

    def _head(self, head: re.Match[str]) -> bool:
        self.finish()
        self._begin("gpus")
        self._found = True
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
        return self._gpu(cells)

    def _gpu(self, cells: list[str]) -> bool:
        """One of the lines of a GPU; one that holds an error stays to be judged as such."""
        index = put_first(self._draft, self._names, cells, is_inside=self._part == "gpus")
        if index is not None:
            self._part, self._found, self._index = "gpus", True, index
            self._complete.setdefault(index, False)
        elif self._index is None:
            return False
        elif put_second(self._draft, self._index, cells):
            self._complete[self._index] = len(cells) > 2
        else:
            return put_mig_mode(self._draft, self._index, cells)
        return ERROR not in "".join(cells)

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
        is_cut = not all(self._complete.values())
        if is_cut:
            self._draft.paste["is_cut"] = True
        for index in self._complete:
            known = self._draft.gpus.get(index, {})
            if self._mig is not None and known.get("mig_enabled"):
                self._draft.gpu(index, mig_instances=self._mig.get(index, 0))
            if self._processes is not None and index not in self._untold:
                self._draft.gpu(index, process_count=self._processes.get(index, 0))
        if self._complete and self._processes is not None and not is_cut:
            self._draft.put("nvml", device_count=len(self._complete))
        return self._found
