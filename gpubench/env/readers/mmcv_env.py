"""What mmcv's and mmengine's ``collect_env`` print, and detectron2's table of the same."""

import re
from collections.abc import Callable

from gpubench.env.readers.collect_env import put_gpu
from gpubench.env.readers.draft import Draft
from gpubench.env.readers.pasted import Pasted, unquoted
from gpubench.env.readers.values import known, put_torch, truth, version_in
from gpubench.env.redact import clean

Handler = Callable[[Draft, str], None]

ANCHORS = ("sys.platform", "pytorch compiling details")
_LINE = re.compile(r"[-*|\s]*(?P<key>[A-Za-z][\w. ,/]{1,50}?)(?:\s*:\s+|\s{2,})(?P<value>\S.*)$")
_GPUS = re.compile(r"GPU (?P<indices>\d+(?:,\s*\d+)*)$", re.IGNORECASE)
_FLAGS = re.compile(r"(?:sm|compute)_\d+[af]?")
_SILENT = re.compile(
    r"numpy_random_seed|opencv.*|mmcv.*|mmengine|mmdetection|mmsegmentation|gcc|msvc|c\+\+.*"
    r"|musa available|detectron2.*|compiler|pytorch debug build|pillow|fvcore|iopath|cv2"
    r"|torchvision arch flags|- .*|runtime environment|dist_cfg|seed|launcher|pytorch compiling.*",
    re.IGNORECASE,
)


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take the lines of such a report; True where there was one."""
    if not pasted.mentions(*ANCHORS):
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
    """Add one line's fact; False for a line of no such report."""
    gpus = _GPUS.match(key)
    if gpus:
        for index in gpus["indices"].split(","):
            put_gpu(draft, int(index.strip()[:6]), re.sub(r"\s*\(arch=.*", "", value))
        return True
    handler = _HANDLERS.get(key.lower())
    if handler is not None:
        handler(draft, value)
        return True
    return bool(_SILENT.fullmatch(key))


def _available(draft: Draft, value: str) -> None:
    answer = truth(value)
    if answer is not None:
        draft.paste.setdefault("cuda_available", answer)


def _nvcc(draft: Draft, value: str) -> None:
    release = re.search(r"release (\d+\.\d+)|CUDA (\d+\.\d+)", value)
    draft.put("toolchain", nvcc=(release[1] or release[2]) if release else None)


def _cuda_home(draft: Draft, value: str) -> None:
    if known(value):
        draft.environment.setdefault("CUDA_HOME", clean(value))


def _package(name: str) -> Handler:
    def put(draft: Draft, value: str) -> None:
        version = version_in(value) if known(value) else None
        if version:
            draft.distribution(name, version)

    return put


_SYSTEMS = {"linux": "Linux", "win32": "Windows"}
_HANDLERS: dict[str, Handler] = {
    "sys.platform": lambda draft, value: draft.put("host", system=_SYSTEMS.get(value, value)),
    "python": lambda draft, value: draft.put("python", version=version_in(value)),
    "cuda available": _available,
    "gpu available": _available,
    "pytorch": lambda draft, value: put_torch(draft, version_in(value) if known(value) else None),
    "torchvision": _package("torchvision"),
    "numpy": _package("numpy"),
    "mmcv": _package("mmcv"),
    "nvcc": _nvcc,
    "cuda compiler": _nvcc,
    "cuda_home": _cuda_home,
    "driver version": lambda draft, value: draft.put("driver", version=version_in(value)),
    "cuda driver version": lambda draft, value: draft.put("driver", version=version_in(value)),
}


def _architectures(draft: Draft, line: str) -> None:
    """What torch was compiled for, and the CUDA release that stands before it."""
    flags = tuple(dict.fromkeys(re.findall(r"code=((?:sm|compute)_\d+[af]?)", line)))
    draft.put("torch", architectures=flags or None)
