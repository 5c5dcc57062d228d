"""The interpreter under test, torch in it, and its tool chain, all as files."""

import dataclasses

from gpubench.env.snapshot.fields import VOLATILE


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One installed distribution that has to do with torch."""

    name: str
    """Normalised: lower case, hyphens."""
    version: str
    requires: tuple[str, ...] = ()
    """What it requires on this platform, markers evaluated and removed."""
    build: str | None = None
    """The version its own files give, with the local tag (0.19.1+cu124)."""
    folder: str | None = None
    """The folder it is installed in."""
    damaged: tuple[str, ...] = ()
    """Files that are missing, or whose size is not that of the RECORD (at most 20 named)."""
    damaged_count: int = 0
    record_read: bool = False
    """Its RECORD was held against the files."""
    hashed: bool = dataclasses.field(default=False, metadata=VOLATILE)
    """So were the contents of all of them, by their hash; else sizes alone."""
    overlaps: tuple[str, ...] = ()
    """Distributions (``name version``) that list some of its files with other content."""
    installer: str | None = None
    """``pip``, ``uv``, ``conda`` … as the installer wrote it down."""
    is_editable: bool = False
    """pip only points at a source tree."""
    needs_cuda: bool | None = None
    """The compiled part is linked with a CUDA build of torch. None where no file told."""
    numpy_built: int | None = None
    """NumPy major its extensions were compiled with; looked for only where NumPy is 2 or later."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LibraryFile:
    """One CUDA library as a file, with the version that stands in it."""

    name: str
    """``cudnn``, ``nccl``, ``cudart``, ``cufft``, ``cusolver``, ``nvrtc`` or ``nvjitlink``."""
    path: str
    version: str | None = None
    origin: str
    """``wheel``, ``torch``, ``prefix``, ``LD_LIBRARY_PATH`` or ``LD_PRELOAD``."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """The interpreter under test and what is installed for it."""

    executable: str | None = None
    version: str | None = None
    implementation: str | None = None
    is_free_threaded: bool = False
    kind: str | None = None
    """``venv``, ``conda`` or ``system``."""
    distributions: tuple[Distribution, ...] = ()
    startup: tuple[str, ...] = dataclasses.field(default=(), metadata=VOLATILE)
    """What it said while starting, before anything was asked of it: hooks that fail or print."""

    def distribution(self, name: str) -> Distribution | None:
        """The distribution that an import would find, or None."""
        return next((entry for entry in self.distributions if entry.name == name), None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Torch:
    """torch as its files describe it; nothing of it was run."""

    version: str
    from_metadata: bool = False
    """There are no files of it that could be read; its metadata alone describes it."""
    cuda: str | None = None
    """None for a build without CUDA."""
    hip: str | None = None
    git: str | None = None
    is_debug: bool | None = None
    architectures: tuple[str, ...] | None = None
    """Compiled code: ``sm_90``, ``compute_90`` (PTX). None where the files did not say."""
    libraries: tuple[LibraryFile, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Toolkit:
    """A CUDA toolkit that builds of extensions would find."""

    named_by: str
    """``CUDA_HOME``, ``CUDA_PATH``, ``PATH`` (its nvcc) or ``default`` (/usr/local/cuda)."""
    path: str
    release: str | None = None
    """None where there is no toolkit, or its files do not say."""
    has_nvcc: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """What torch.compile and extension builds need on this machine."""

    cc: str | None = None
    """The C compiler that triton would use."""
    cxx: str | None = None
    """The C++ compiler that inductor would use."""
    python_h: str | None = None
    nvcc: str | None = None
    """The release of nvcc on the PATH."""
    wanted_cc: str | None = None
    """What the variable CC names."""
    wanted_cxx: str | None = None
    """What the variable CXX names."""
    cc_compiles: bool | None = dataclasses.field(default=None, metadata=VOLATILE)
    """A small shared library was built with ``cc``; None where that was not tried (quick).

    What is tried at one level alone stays out of the digest."""
    cc_problem: str | None = dataclasses.field(default=None, metadata=VOLATILE)
    """What the compiler said where it did not."""
    cc_release: str | None = dataclasses.field(default=None, metadata=VOLATILE)
    ninja: str | None = None
    toolkits: tuple[Toolkit, ...] | None = None
    """In the order that an extension build looks for them."""
    ptxas: str | None = None
    """The assembler that triton would use."""
    ptxas_release: str | None = dataclasses.field(default=None, metadata=VOLATILE)
    ptxas_problem: str | None = dataclasses.field(default=None, metadata=VOLATILE)
    """Why it does not run."""
    libcuda_on_path: tuple[str, ...] | None = None
    """libcuda.so.1 in the folders of LD_LIBRARY_PATH, in their order."""
    libcuda_in_cache: tuple[str, ...] | None = None
    """libcuda.so.1 as the linker's cache lists it; None: it has no cache that can be read."""
