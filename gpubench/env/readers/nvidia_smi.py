"""The table of plain ``nvidia-smi``: driver, CUDA release, and one GPU every two lines."""

import re

from gpubench.env.readers.draft import Draft
from gpubench.env.readers.pasted import Pasted

_HEAD = re.compile(
    r"NVIDIA-SMI\s+(?P<smi>[\d.]+).*?Driver Version:\s*(?P<driver>[\d.]+)"
    r"(?:.*?CUDA Version:\s*(?P<cuda>\d+\.\d+|N/A|ERR!))?"
)


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take the table; True where its head stands there."""
    if not pasted.mentions("nvidia-smi"):
        return False
    found = False
    for number, line in list(pasted.free()):
        head = _HEAD.search(line)
        if head:
            cuda = head["cuda"] if head["cuda"] and head["cuda"][0].isdigit() else None
            draft.put("driver", version=head["driver"])
            draft.put("nvml", driver_version=head["driver"], cuda_version=cuda)
            pasted.take(number)
            found = True
    return found
