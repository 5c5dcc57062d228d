"""What follows from all lines together, once every reader has had its turn."""

import re

from gpubench.env.readers.draft import Draft
from gpubench.env.readers.values import cuda_of_tag
from gpubench.knowledge.tables import torch_builds
from gpubench.versions import Version

_RUNTIME = re.compile(r"nvidia-cuda-runtime(?:-cu\d+)?")
USUAL = (
    ("driver", "the driver's release"),
    ("gpus", "the GPUs"),
    ("torch", "the release of torch"),
    ("distributions", "the packages"),
)


def finish(draft: Draft) -> None:
    """Say what is missing, and that a build which nobody named is unknown."""
    _build(draft)
    missing = tuple(words for section, words in USUAL if not getattr(draft, section))
    draft.paste["missing"] = missing
    if "version" in draft.driver or draft.gpus:
        draft.unread.pop("driver.version", None) if "version" in draft.driver else None


def _default(draft: Draft) -> str | None:
    """The CUDA of a wheel without a tag, which is the default one; wheels beside it carry one.

    Conda's builds and wheels for other systems have no tag either, so from 1.13 on one of the
    CUDA packages that the default wheel brings has to be named as well.
    """
    version = Version.find(str(draft.torch["version"]))
    system = str(draft.host.get("system", "Linux")).lower()
    is_wheel = any(d.name == "torch" and d.build is None for d in draft.distributions)
    if not is_wheel or version is None or "windows" in system or "mac" in system:
        return None
    build = next((b for b in torch_builds() if b.is_default and _same(b.torch, version)), None)
    if build is None:
        return None
    needs_more = version >= Version.parse("1.13") or draft.python.get("kind") == "conda"
    if needs_more and not _brings(draft, build.cuda.major):
        return None
    return str(build.cuda)


def _brings(draft: Draft, major: int) -> bool:
    return any(re.fullmatch(rf"nvidia-\w+-cu{major}", d.name) for d in draft.distributions)


def _same(build: Version, version: Version) -> bool:
    return build.release(2) == version.release(2)


def _build(draft: Draft) -> None:
    """The CUDA of torch: from its own lines, else from the tag of the torch in the list."""
    torch = draft.torch
    if "version" not in torch or "cuda" in torch:
        return
    own = next((d for d in draft.distributions if d.name == "torch" and "+" in d.version), None)
    cuda = cuda_of_tag(own.version) if own else None
    if cuda is not None and own is not None and own.version.startswith(str(torch["version"])):
        torch["cuda"] = cuda
        return
    default = _default(draft)
    if default is not None:
        torch["cuda"] = default
        return
    runtime = next((d for d in draft.distributions if _RUNTIME.fullmatch(d.name)), None)
    if runtime is not None:
        torch["cuda"] = ".".join(runtime.version.split(".")[:2])
        return
    draft.unread["torch.cuda"] = "the report does not say with which CUDA torch was built"
