"""What a stack's statements about torch come to: its release, its CUDA, the builds that fit."""

import dataclasses
import re
from collections.abc import Iterator

from gpubench.knowledge.tables import Build, torch_builds
from gpubench.plan.files.specifiers import allows, exact, local_tag
from gpubench.plan.files.stated import Stack, Stated
from gpubench.versions import Version

CONDA_CUDA = ("pytorch-cuda", "cudatoolkit")
_INDEX = re.compile(r"/(cu(\d{2})(\d)|cpu|rocm[\d.]{1,10}|xpu)(?:/|$|-)")
_TAG = re.compile(r"cu(\d{2})(\d)$")
_IMAGE = re.compile(r"(\d{1,2}\.\d{1,3}(?:\.\d{1,3})?)-cuda(\d{1,2}\.\d)(?:\.\d)?-cudnn(\d{1,2})-")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StatedTorch:
    """The torch of one stack."""

    fact: Stated
    specifier: str
    """PEP 440; empty for any release."""
    release: Version | None
    """The one release it names, of two numbers or three."""
    of_release: tuple[Build, ...]
    """The builds on record that the specifier takes, newest first."""
    cuda: Version | None = None
    """The CUDA release that is stated as torch's."""
    cuda_fact: Stated | None = None
    is_without_cuda: bool = False
    """A build for CPU, ROCm or XPU is asked for."""

    @property
    def builds(self) -> tuple[Build, ...]:
        """The builds that fit everything stated."""
        if self.is_without_cuda:
            return ()
        if self.cuda is None:
            return self.of_release
        return tuple(b for b in self.of_release if b.cuda.release(2) == self.cuda.release(2))

    @property
    def build(self) -> Build | None:
        """The one pip would take: the default build, unless a CUDA release is stated."""
        if self.cuda is None and self.release is not None:
            return next((build for build in self.builds if build.is_default), None)
        return next((build for build in self.builds if not build.is_experimental), None)

    @property
    def likely(self) -> Build | None:
        """The build, or where none is of the CUDA release that is stated, the default one."""
        if self.build is not None or self.is_without_cuda:
            return self.build
        return next((build for build in self.of_release if build.is_default), None)

    @property
    def newest(self) -> Version | None:
        """The release it names, else the newest that its specifier takes."""
        return self.release or next((build.torch for build in self.of_release), None)

    @property
    def name(self) -> str:
        """For people: torch 2.6.0, or torch>=2.4."""
        if self.release is not None:
            return f"torch {self.release}"
        return f"torch{self.specifier}"

    @property
    def is_on_record(self) -> bool:
        """True where the table of builds knows a release that fits."""
        return bool(self.of_release)


def stated_torch(stack: Stack) -> StatedTorch | None:
    """What a stack states of torch; None where it states nothing, or cannot be resolved."""
    fact = stack.package("torch")
    if fact is None:
        return _of_image(stack)
    if fact.value is None:
        return None
    bare = re.sub(r"\+[\w.]+", "", fact.value)
    cuda_fact, index, is_without = _stated_cuda(stack, fact)
    return StatedTorch(
        fact=fact,
        specifier=bare,
        release=Version.find(exact(fact.value)),
        of_release=tuple(build for build in torch_builds() if takes(bare, build)),
        cuda=index,
        cuda_fact=cuda_fact,
        is_without_cuda=is_without,
    )


def takes(specifier: str, build: Build) -> bool:
    """Whether a specifier takes some patch release of a build's torch."""
    major, minor = build.torch.release(2)
    patches = range(build.torch.release(3)[2] + 1)
    return any(allows(specifier, f"{major}.{minor}.{patch}") for patch in patches)


def _of_image(stack: Stack) -> StatedTorch | None:
    """pytorch/pytorch:2.6.0-cuda12.4-cudnn9-devel names torch, CUDA and cuDNN."""
    image = stack.last("image", "pytorch/pytorch")
    found = _IMAGE.match(image.value or "") if image else None
    if image is None or found is None:
        return None
    specifier = f"=={found[1]}"
    return StatedTorch(
        fact=image,
        specifier=specifier,
        release=Version.parse(found[1]),
        of_release=tuple(build for build in torch_builds() if takes(specifier, build)),
        cuda=Version.parse(found[2]),
        cuda_fact=image,
    )


def _stated_cuda(stack: Stack, torch: Stated) -> tuple[Stated | None, Version | None, bool]:
    """The fact that states torch's CUDA, the release it states, and whether it is none at all."""
    tag = local_tag(torch.value)
    if tag is not None:
        found = _TAG.match(tag)
        return torch, Version.parse(f"{found[1]}.{found[2]}") if found else None, found is None
    for fact in _candidates(stack, torch):
        if fact.kind == "index":
            named = index_variant(fact.value or "")
            if named:
                return fact, named[1], named[1] is None
        elif fact.name == "cpuonly":
            return fact, None, True
        else:
            release = Version.find(exact(fact.value))
            if release is not None and len(release.parts) > 1:
                return fact, Version.parse(f"{release.major}.{release.minor}"), False
    return None, None, False


def _candidates(stack: Stack, torch: Stated) -> Iterator[Stated]:
    """Statements that say which CUDA torch is built with; the nearest to torch first."""
    if torch.via == "conda":
        yield from _conda_packages(stack)
        return
    # a file of requirements is a part of the command that names it
    yield from (f for f in stack.of_kind("index") if f.command == torch.command)
    variables = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")
    for name in (*variables, "UV_TORCH_BACKEND"):
        fact = stack.last("variable", name)
        if fact is not None and fact.value:
            value = f"/whl/{fact.value}" if name == "UV_TORCH_BACKEND" else fact.value
            yield dataclasses.replace(fact, kind="index", value=value)


def _conda_packages(stack: Stack) -> Iterator[Stated]:
    if not any(fact.name == "pytorch" for fact in stack.of_kind("channel")):
        return  # conda-forge builds torch for CUDA releases of its own choice
    for name in (*CONDA_CUDA, "cpuonly"):
        fact = stack.package(name)
        if fact is not None:
            yield fact


def index_variant(url: str) -> tuple[str, Version | None] | None:
    """The variant an index is of: cu121 with CUDA 12.1, cpu without; None for any other index.

    Nightly builds follow no table.
    """
    found = None if "/nightly/" in url or "/test/" in url else _INDEX.search(url)
    if found is None:
        return None
    return found[1], Version.parse(f"{found[2]}.{found[3]}") if found[2] else None


def image_parts(tag: str) -> dict[str, str]:
    """CUDA, cuDNN, kind and system of a tag of nvidia/cuda, as far as they stand in it."""
    parts: dict[str, str] = {}
    for word in tag.split("-"):
        if re.fullmatch(r"\d{1,2}(\.\d{1,2}){0,3}", word):
            parts.setdefault("cuda", word)
        elif word in ("base", "runtime", "devel"):
            parts["kind"] = word
        elif re.fullmatch(r"cudnn\d{0,2}", word):
            parts["cudnn"] = word
        elif re.match(r"(?:ubuntu|ubi|rockylinux|centos|rhel|oraclelinux|opensuse|amzn)", word):
            parts["system"] = word
    return parts


def base_cuda(stack: Stack) -> tuple[Stated, Version] | None:
    """The base image that brings a CUDA toolkit, and its release."""
    image = stack.last("image", "nvidia/cuda")
    version = Version.find(image_parts(image.value or "").get("cuda")) if image else None
    return (image, version) if image is not None and version is not None else None
