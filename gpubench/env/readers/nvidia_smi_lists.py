"""``nvidia-smi -L``, ``nvidia-smi nvlink -s`` and the matrix of ``nvidia-smi topo``."""

import re

from gpubench.env.readers.draft import Draft
from gpubench.env.readers.pasted import Pasted, unquoted
from gpubench.env.redact import anonymous

_GPU = re.compile(r"GPU (?P<index>\d{1,3}): (?P<name>\S.{0,80}?) \(UUID: (?P<uuid>[\w.-]{4,80})\)?")
_MIG = re.compile(r"MIG \S{1,30}\s+Device\s+\d{1,3}: ?\(UUID: ")
_LINK = re.compile(r"Link \d{1,2}: ?(?:<inactive>|[\d.]{1,9} GB/s|N/A)$")
_COLUMNS = re.compile(
    r"(?:GPU\d{1,3}\s+)+(?:(?:NIC|mlx\d_)?\w+\s+)*(?:CPU Affinity|GPU\d|NIC\d|mlx)"
)
_LINE = re.compile(
    r"(?:GPU\d{1,3}|NIC\d{1,3}|mlx\d_\w{1,20})\s+"
    r"(?:X|SYS|NODE|PHB|PXB|PIX|SOC|NV\d{1,2}|OK|CNS|GNS|TNS|NS|DR|U)(?:\s|$)"
)
_LEGEND = re.compile(
    r"(?:(?:NIC )?Legend:$|(?:X|SYS|NODE|PHB|PXB|PIX|SOC|NV#|OK|CNS|GNS|TNS|NS|DR|U)\s+= \S"
    r"|NIC\d{1,3}: \w{1,30}$)"
)


MAX_LINKS = 64
"""More NVLinks than any GPU has."""


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take the lines of these lists; True where there were any."""
    has_list = "(UUID: " in pasted.text
    has_matrix = "GPU0" in pasted.text
    if not has_list and not has_matrix:
        return False
    found = _gpus(pasted, draft) if has_list else False
    return (_matrix(pasted) if has_matrix else False) or found


def _gpus(pasted: Pasted, draft: Draft) -> bool:
    """One GPU a line; below it its MIG devices or its NVLinks."""
    index: int | None = None
    instances: dict[int, int] = {}
    links: dict[int, list[bool]] = {}
    for number, raw in list(pasted.free()):
        if len(raw) > 300 or not ("UUID" in raw or (index is not None and "Link" in raw)):
            continue
        line = unquoted(raw)
        if found := _GPU.match(line):
            index = int(found["index"])
            draft.gpu(index, name=found["name"], uuid=anonymous(found["uuid"]))
        elif index is not None and _MIG.match(line):
            instances[index] = instances.get(index, 0) + 1
        elif index is not None and _LINK.match(line):
            links.setdefault(index, []).append("GB/s" in line)
        else:
            continue
        pasted.take(number)
    for gpu, count in instances.items():
        draft.gpu(gpu, mig_enabled=True, mig_instances=count)
    for gpu, active in links.items():
        draft.gpu(gpu, nvlinks=tuple(active[:MAX_LINKS]))
    return index is not None


def _matrix(pasted: Pasted) -> bool:
    """The matrix of ``topo -m`` and its legend: which way leads from GPU to GPU."""
    found = False
    for number, raw in list(pasted.free()):
        if len(raw) > 2000 or not raw.strip():
            continue
        line = raw.strip(" \t>`")
        is_columns = line.startswith("GPU0") and _COLUMNS.match(line) is not None
        if is_columns or (found and (_LINE.match(line) or _LEGEND.match(line))):
            pasted.take(number)
            found = True
    return found
