"""What plain ``nvidia-smi`` and its lists print: the table, ``-L``, CSV, ``topo -m``."""

import re

from gpubench.env.readers import nvidia_smi_csv, nvidia_smi_lists, nvidia_smi_table
from gpubench.env.readers.draft import Draft
from gpubench.env.readers.nvidia_smi_indices import ADDRESS, place
from gpubench.env.readers.nvidia_smi_values import LOST, RESET_REQUIRED
from gpubench.env.readers.pasted import Pasted, unquoted

_NO_HANDLE = re.compile(
    rf"Unable to determine the device handle for GPU\s?(?:(?P<index>\d{{1,3}}):\s?)?"
    rf"(?P<address>{ADDRESS}):\s{{0,9}}(?P<error>[A-Za-z ]{{4,60}})",
    re.IGNORECASE,
)
_ERRORS = {"gpu is lost": LOST, "gpu requires reset": RESET_REQUIRED, "unknown error": 999}
_COMMAND = re.compile(r"(?:.{0,80}[#$%>]\s{0,9})?nvidia-smi(?:\.exe)?(?:\s+[\w=,.*-]+){0,8}$")


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take every line that is known; True where one told something.

    Lines that say why nvidia-smi failed are left to be read as what they are: errors.
    """
    found = nvidia_smi_table.read(pasted, draft)
    found = nvidia_smi_lists.read(pasted, draft) or found
    found = nvidia_smi_csv.read(pasted, draft) or found
    if "nvidia-smi" in pasted.text:
        _commands(pasted)
    return _failures(pasted, draft) or found


def _commands(pasted: Pasted) -> None:
    for number, line in list(pasted.free()):
        if "nvidia-smi" in line and len(line) < 200 and _COMMAND.match(unquoted(line)):
            pasted.take(number)


def _failures(pasted: Pasted, draft: Draft) -> bool:
    """What an error says for certain of one GPU, or of their number; the line stays an error."""
    found = False
    for failure in _NO_HANDLE.finditer(pasted.text):
        index = _index(draft, failure["index"], failure["address"])
        code = _ERRORS.get(" ".join(failure["error"].lower().split()[:3]).strip())
        code = code or _ERRORS.get(" ".join(failure["error"].lower().split()[:2]))
        if index is not None and code is not None:
            draft.gpu(index, pci_address=failure["address"], error_code=code)
            found = True
    if re.search(r"(?m)^[\s>`]{0,20}No devices were found\.?\s*$", pasted.text) and not draft.gpus:
        draft.put("nvml", device_count=0)
        found = True
    return found


def _index(draft: Draft, said: str | None, address: str) -> int | None:
    """The index that the line gives, or that of the GPU known at this address."""
    if said is not None:
        return int(said)
    for index, known in draft.gpus.items():
        if place(str(known.get("pci_address", ""))) == place(address):
            return index
    return None
