"""What mmcv's and mmengine's ``collect_env`` print, and detectron2's table of the same."""

import re

from gpubench.env.readers.collect_env import put_gpu
from gpubench.env.readers.draft import Draft
from gpubench.env.readers.pasted import Pasted, unquoted
from gpubench.env.readers.values import known, put_torch, truth, version_in

ANCHOR = re.compile(r"(?m)^[\s>|*-]*(?:sys\.platform|PyTorch compiling details)\b")
_LINE = re.compile(r"[-*|\s]*(?P<key>[A-Za-z][\w. ,/]{1,50}?)(?:\s*:\s+|\s{2,})(?P<value>\S.*)$")
_GPUS = re.compile(r"GPU (?P<indices>\d+(?:,\s*\d+)*)$", re.IGNORECASE)
_FLAGS = re.compile(r"(?:sm|compute)_\d+[af]?")
_SILENT = re.compile(
    r"numpy_random_seed|opencv.*|mmcv.*|mmengine|mmdetection|mmsegmentation|gcc|msvc|c\+\+.*"
    r"|musa available|detectron2.*|compiler|pytorch debug build|pillow|fvcore|iopath|cv2"
    r"|torchvision arch flags|- .*|runtime environment|dist_cfg|seed|launcher",
    re.IGNORECASE,
)


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take the lines of such a report; True where there was one."""
    if not ANCHOR.search(pasted.text):
        return False
    found = False
    for number, raw in list(pasted.free()):
        line = unquoted(raw).strip("|").strip()
        matched = _LINE.match(line)
        if matched and _take(draft, matched["key"].strip(), matched["value"].strip(" |")):
            pasted.take(number)
            found = True
        elif "architecture flags" in line:
            _architectures(draft, line)
            pasted.take(number)
        elif re.match(r"\s*- ", raw):
            pasted.take(number)  # the compiling details of torch
    return found


def _take(draft: Draft, key: str, value: str) -> bool:
    name = key.lower()
    gpus = _GPUS.match(key)
    if gpus:
        for index in gpus["indices"].split(","):
            put_gpu(draft, int(index.strip()[:6]), re.sub(r"\s*\(arch=.*", "", value))
    elif name == "sys.platform":
        draft.put("host", system={"linux": "Linux", "win32": "Windows"}.get(value, value))
    elif name == "python":
        draft.put("python", version=version_in(value))
    elif name in ("cuda available", "gpu available"):
        answer = truth(value)
        if answer is not None:
            draft.paste.setdefault("cuda_available", answer)
    elif name == "pytorch":
        put_torch(draft, version_in(value) if known(value) else None)
    elif name in ("torchvision", "numpy", "mmcv"):
        version = version_in(value) if known(value) else None
        if version:
            draft.distribution(name, version)
    elif name in ("nvcc", "cuda compiler"):
        release = re.search(r"release (\d+\.\d+)|CUDA (\d+\.\d+)", value)
        draft.put("toolchain", nvcc=(release[1] or release[2]) if release else None)
    elif name == "cuda_home":
        if known(value):
            draft.environment.setdefault("CUDA_HOME", value)
    elif name in ("driver version", "cuda driver version"):
        draft.put("driver", version=version_in(value))
    else:
        return bool(_SILENT.fullmatch(key)) or name.startswith("pytorch compiling")
    return True


def _architectures(draft: Draft, line: str) -> None:
    """What torch was compiled for, and the CUDA release that stands before it."""
    flags = tuple(dict.fromkeys(re.findall(r"code=((?:sm|compute)_\d+[af]?)", line)))
    draft.put("torch", architectures=flags or None)
