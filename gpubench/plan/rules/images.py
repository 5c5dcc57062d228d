"""The base image: whether its tag can exist, and what it brings beside torch."""

from collections.abc import Iterator
from typing import Any

from gpubench.knowledge import tables
from gpubench.plan.files.stated import Stack, Stated
from gpubench.plan.machine import Machine
from gpubench.plan.report import Correction, Problem
from gpubench.plan.resolved import base_cuda, image_parts, stated_torch
from gpubench.plan.rules.making import problem, swapped
from gpubench.versions import Version

TAGS = "nvidia/container-images/cuda doc/supported-tags.md"
BUILDS_EXTENSIONS = (
    "flash-attn", "apex", "deepspeed", "causal-conv1d", "mamba-ssm", "transformer-engine",
    "pytorch3d", "detectron2", "xformers", "torch-scatter", "torch-sparse", "torch-cluster",
    "natten", "grouped-gemm", "megablocks", "nvidia-apex",
)  # fmt: skip
"""Packages that compile CUDA code when they are installed or first run (own list)."""
COMPILERS = ("build-essential", "gcc", "g++", "clang", "gcc-c++", "gcc-11", "gcc-12", "g++-12")


def tag_is_whole(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """A tag of nvidia/cuda names a patch release and an operating system."""
    for fact in stack.of_kind("image"):
        if fact.name != "nvidia/cuda" or "$" in (fact.value or ""):
            continue
        parts = image_parts(fact.value or "")
        cudnn = _wrong_cudnn(parts)
        whole = whole_tag({**parts, "cudnn": cudnn} if cudnn else parts)
        missing = list(_missing(fact, parts))
        if not missing and cudnn is None:
            yield from _unknown_patch(fact, parts)
            continue
        written = fact.value or "latest"
        lacks = [f"it lacks {' and '.join(missing)}"] if missing else []
        lacks += [f"those of CUDA {parts['cuda']} name it {cudnn}"] if cudnn else []
        yield problem(
            "error",
            "cuda-mixed",
            fact,
            f"there is no tag {written} of nvidia/cuda: {'; '.join(lacks)}",
            whole,
            rule="image.tag",
            correction=retagged(fact, whole),
            reference=TAGS,
        )


def retagged(fact: Stated, tag: str) -> Correction | None:
    """The line with another tag of the same image; a digest goes, as it is of the old one."""
    words = fact.written.strip("\"'").partition("@")[0]
    bare = words.removesuffix(f":{fact.value}") if fact.value else words
    name = bare if "$" not in bare and bare.endswith(fact.name) else fact.name
    return swapped(fact, fact.written.strip("\"'"), f"{name}:{tag}")


def _missing(fact: Stated, parts: dict[str, str]) -> Iterator[str]:
    """What a tag lacks."""
    if fact.value in (None, "latest"):
        yield "a release (there is no latest)"
        return
    if "cuda" not in parts:
        return  # a tag of a kind that is not known
    if parts["cuda"].count(".") < 2:
        yield "the patch number"
    if "kind" not in parts:
        yield "the kind (base, runtime or devel)"
    if "system" not in parts:
        yield "the operating system"


def _wrong_cudnn(parts: dict[str, str]) -> str | None:
    """How a tag of this release names cuDNN, where the tag names it otherwise."""
    row = _row(parts["cuda"]) if "cuda" in parts and "cudnn" in parts else None
    if row is None or row["cudnn"] == parts["cudnn"] or row["cudnn"] not in ("cudnn", "cudnn8"):
        return None
    return str(row["cudnn"])


def _row(release: str) -> dict[str, Any] | None:
    for row in tables.load("images")["cuda"]:
        if Version.parse(row["release"]).release(2) == Version.parse(release).release(2):
            found: dict[str, Any] = row
            return found
    return None


def whole_tag(parts: dict[str, str]) -> str:
    """The tag with its patch number and system, by the table of tags where that has them."""
    rows = tables.load("images")["cuda"]
    release = parts.get("cuda") or rows[-1]["release"]
    row = _row(release)
    patch = release
    if release.count(".") < 2:
        patch = row["patches"][-1] if row else _padded(release)
    newest = row["systems"][-1] if row else rows[-1]["systems"][-1]
    preferred = "ubuntu22.04" if row is None or "ubuntu22.04" in row["systems"] else newest
    words = [patch, parts.get("cudnn"), _kind(parts), parts.get("system", preferred)]
    return "-".join(word for word in words if word)


def _kind(parts: dict[str, str]) -> str:
    """The kind that stands there; without one the smallest there is, with cuDNN that is runtime."""
    return parts.get("kind", "runtime" if "cudnn" in parts else "base")


def _padded(release: str) -> str:
    """Three numbers of a release: 13.2 is 13.2.0."""
    return ".".join(map(str, Version.parse(release).release(3)))


def _unknown_patch(fact: Stated, parts: dict[str, str]) -> Iterator[Problem]:
    """A whole tag whose release or system is not on record: a note, as tables lag."""
    row = _row(parts["cuda"]) if "cuda" in parts else None
    if row is None or parts["cuda"].count(".") != 2:
        return
    system = parts.get("system", "")
    strange_patch = parts["cuda"] not in row["patches"]
    strange_system = system.startswith("ubuntu") and system not in row["systems"]
    if not strange_patch and not strange_system:
        return
    known = f"{', '.join(row['patches'])} for {', '.join(row['systems'])}"
    yield problem(
        "note",
        "cuda-mixed",
        fact,
        f"the tag {fact.value} of nvidia/cuda is not on record; on record is {known}",
        known,
        rule="image.tag",
        reference=TAGS,
    )


# -- the image's CUDA beside torch's --------------------------------------------------------------


def toolkit_of_base(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """The toolkit of the base image is of torch's CUDA where it matters.

    Wheels bring their own CUDA, so another minor release is no fault; extensions are compiled
    with the toolkit of the image, which torch refuses where the major release differs.
    """
    base, torch = base_cuda(stack), stated_torch(stack)
    build = torch.likely if torch else None
    if base is None or torch is None or build is None or torch.fact.kind == "image":
        return
    fact, version = base
    if version.release(2) == build.cuda.release(2):
        return
    extensions = _extensions(stack)
    other_major = version.major != build.cuda.major
    words = f"the base image has CUDA {version}, {torch.name} is built with CUDA {build.cuda}"
    if other_major or extensions:
        compiled = (
            f"; {', '.join(extensions)} would be compiled with {version}" if extensions else ""
        )
        own = "" if extensions else "; torch brings its own, and the image's is only in the way"
        parts = {**image_parts(fact.value or ""), "cuda": f"{build.cuda.major}.{build.cuda.minor}"}
        row = _row(parts["cuda"])
        if "cudnn" in parts and row:
            parts["cudnn"] = row["cudnn"]
        if (
            row
            and parts.get("system", "").startswith("ubuntu")
            and parts["system"] not in row["systems"]
        ):
            parts["system"] = row["systems"][-1]
        yield problem(
            "warning",
            "toolkit-mismatch",
            fact,
            f"{words}{compiled}{own}",
            f"CUDA {build.cuda}, or an image without a toolkit",
            rule="image.toolkit",
            correction=retagged(fact, whole_tag(parts)) if row else None,
            reference="pytorch/pytorch torch/utils/cpp_extension.py, the check of the CUDA release",
        )
    else:
        yield problem(
            "note",
            "toolkit-mismatch",
            fact,
            f"{words} and brings that; the image's CUDA is used by nothing but compilers",
            "nothing to change",
            rule="image.toolkit",
        )


def _extensions(stack: Stack) -> list[str]:
    named = {fact.name for fact in stack.of_kind("package")}
    return [name for name in BUILDS_EXTENSIONS if name in named]


def cudnn_of_base(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """A cuDNN in the base image is not the one torch uses; another major release misleads."""
    torch, base = stated_torch(stack), base_cuda(stack)
    build = torch.likely if torch else None
    if torch is None or build is None or build.cudnn is None or base is None:
        return
    named = image_parts(base[0].value or "").get("cudnn", "").removeprefix("cudnn")
    if named and int(named) != build.cudnn.major:
        yield problem(
            "note",
            "cudnn-mismatch",
            base[0],
            f"the base image has cuDNN {named}, {torch.name} brings and uses {build.cudnn}",
            "an image without cuDNN is smaller and enough",
            rule="image.cudnn",
        )


def compiler_is_there(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """What compiles finds a compiler in the image."""
    image = stack.last("image")
    if image is None or not _is_slim(image):
        return
    installed = {fact.name for fact in stack.of_kind("system-package")}
    used = [fact for fact in stack.of_kind("use") if fact.name == "torch.compile"]
    extensions = _extensions(stack)
    if installed & set(COMPILERS) or not (used or extensions):
        return
    what = " and ".join([*(["torch.compile"] if used else []), *extensions])
    yield problem(
        "note",
        "compiler-missing",
        image,
        f"{image.name}:{image.value} has no C compiler, which {what} needs",
        "apt-get install -y build-essential, or a devel image",
        rule="image.compiler",
    )


def _is_slim(image: Stated) -> bool:
    """An image that is known to come without a compiler."""
    tag = image.value or ""
    if image.name in ("nvidia/cuda", "pytorch/pytorch"):
        return "runtime" in tag or "base" in tag
    if image.name == "python":
        return "slim" in tag
    return image.name in ("ubuntu", "debian")


def torch_of_base(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """Pip does not put another torch over the one an image was made for."""
    image = stack.last("image", "nvcr.io/nvidia/pytorch")
    fact = stack.package("torch")
    if image is None or fact is None or fact.via != "pip":
        return
    yield problem(
        "warning",
        "torch-companion-mismatch",
        fact,
        f"{image.name}:{image.value} has a torch of its own; pip puts {fact.written} over it, "
        "and what was built for the first no longer fits",
        "the torch of the image, or another base",
        rule="image.torch",
        reference="NVIDIA, PyTorch container release notes",
    )


RULES = (tag_is_whole, toolkit_of_base, cudnn_of_base, compiler_is_there, torch_of_base)
