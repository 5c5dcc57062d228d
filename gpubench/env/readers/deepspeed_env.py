"""DeepSpeed's ``ds_report``: names and values with a row of dots between them."""

import re

from gpubench.env.readers.draft import Draft
from gpubench.env.readers.pasted import Pasted, unquoted
from gpubench.env.readers.values import known, put_torch, version_in

ANCHORS = (
    "torch version ...",
    "torch cuda version ...",
    "deepspeed info ...",
    "deepspeed c++/cuda",
)
_LINE = re.compile(r"(?P<key>[A-Za-z][\w ./()-]{1,60}?) \.{2,}\s*(?P<value>.*)$")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(KB|MB|GB|TB)", re.IGNORECASE)
_UNITS = {"kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40}


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take the lines of such a report; True where there was one."""
    if not pasted.mentions(*ANCHORS):
        return False
    found = False
    for number, raw in list(pasted.free()):
        line = unquoted(raw)
        matched = _LINE.match(line)
        if matched:
            _take(draft, matched["key"].strip().lower(), matched["value"].strip())
            pasted.take(number)
            found = True
        elif re.match(
            r"DeepSpeed (?:C\+\+/CUDA|general)|NOTE: Ops|runtime if needed|JIT compiled ops", line
        ):
            pasted.take(number)
    return found


def _take(draft: Draft, key: str, value: str) -> None:
    version = version_in(value) if known(value) else None
    if key == "torch version":
        put_torch(draft, version)
    elif key == "torch cuda version":
        if version:
            draft.put("torch", cuda=version)
        elif value.lower() == "none":
            draft.torch.setdefault("cuda", None)
    elif key == "torch hip version":
        draft.put("torch", hip=version)
    elif key == "nvcc version":
        draft.put("toolchain", nvcc=version)
    elif key == "deepspeed info" and version:
        draft.distribution("deepspeed", version.rstrip(","))
    elif key.startswith("shared memory"):
        size = _SIZE.search(value)
        draft.put("host", shm_bytes=int(float(size[1]) * _UNITS[size[2].lower()]) if size else None)
