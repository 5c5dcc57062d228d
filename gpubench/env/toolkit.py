"""What builds and compiled kernels need beside the interpreter: toolkits, libcuda, ptxas, cc."""

import dataclasses
import os
import re
import struct
from collections.abc import Iterator

from gpubench.env.files import optional
from gpubench.env.redact import clean
from gpubench.env.snapshot import Python, Toolchain, Toolkit
from gpubench.env.sources import Completed, Sources, run_child

COMPILE_SECONDS = 20.0
"""A small C file takes far less, also on a slow network disk."""
CACHE = "/etc/ld.so.cache"
CACHE_BYTES = 2**24
PTXAS = (
    "triton/backends/nvidia/bin/ptxas-blackwell",
    "triton/backends/nvidia/bin/ptxas",
    "triton/common/../third_party/cuda/bin/ptxas",
    "triton/third_party/cuda/bin/ptxas",
)
"""Where the releases of triton keep theirs; of two, the one for newer GPUs."""
_SMALL = """#include <stdint.h>
#include <stdlib.h>
int gpubench_small(int number) { return abs(number); }
"""
_MAGIC = b"glibc-ld.so.cache1.1"


def add_files(toolchain: Toolchain, python: Python | None, sources: Sources) -> Toolchain:
    """``toolchain`` with what the machine's files say of toolkits, libcuda and ptxas."""
    variables = sources.variables
    return dataclasses.replace(
        toolchain,
        wanted_cc=clean(variables["CC"]) if variables.get("CC") else None,
        wanted_cxx=clean(variables["CXX"]) if variables.get("CXX") else None,
        ninja=_program(sources, "ninja"),
        toolkits=tuple(_toolkits(sources)),
        ptxas=_ptxas(python, sources),
        libcuda_on_path=tuple(_on_path(sources, "libcuda.so.1")),
        libcuda_in_cache=_in_cache(sources, "libcuda.so.1"),
    )


# -- toolkits -----------------------------------------------------------------------------------


def _toolkits(sources: Sources) -> Iterator[Toolkit]:
    """Every toolkit in the order in which torch's extension builder looks for one."""
    for name in ("CUDA_HOME", "CUDA_PATH"):
        path = sources.variables.get(name)
        if path:
            yield _toolkit(sources, name, path)
    nvcc = _program(sources, "nvcc")
    if nvcc:
        yield _toolkit(sources, "PATH", _home_of(sources, nvcc))
    if sources.path("/usr/local/cuda").is_dir():
        yield _toolkit(sources, "default", "/usr/local/cuda")


def _toolkit(sources: Sources, named_by: str, path: str) -> Toolkit:
    return Toolkit(
        named_by=named_by,
        path=clean(path),
        release=_release(sources, path),
        has_nvcc=sources.path(f"{path}/bin/nvcc").is_file(),
    )


def _release(sources: Sources, path: str) -> str | None:
    """By the toolkit's own version file, else by its header."""
    for name, pattern in (
        ("version.json", r'"cuda_nvcc"[^}]*"version"\s*:\s*"(\d+\.\d+)'),
        ("version.json", r'"cuda"[^}]*"version"\s*:\s*"(\d+\.\d+)'),
        ("version.txt", r"CUDA Version (\d+\.\d+)"),
    ):
        found = re.search(pattern, optional(sources, f"{path}/{name}"))
        if found:
            return found[1]
    for folder in ("include", "targets/x86_64-linux/include", "targets/sbsa-linux/include"):
        text = optional(sources, f"{path}/{folder}/cuda.h")
        found = re.search(r"^#define CUDA_VERSION (\d{4,6})", text, re.MULTILINE)
        if found:
            return f"{int(found[1]) // 1000}.{int(found[1]) % 1000 // 10}"
    return None


def _program(sources: Sources, name: str) -> str | None:
    """The program of that name on the PATH."""
    for folder in sources.variables.get("PATH", "").split(os.pathsep):
        place = sources.path(f"{folder}/{name}")
        if folder.startswith("/") and place.is_file() and os.access(place, os.X_OK):
            return f"{folder.rstrip('/')}/{name}"
    return None


def _home_of(sources: Sources, nvcc: str) -> str:
    """The toolkit that nvcc belongs to: two folders up from the file its links lead to."""
    place, root = sources.path(nvcc).resolve(), sources.root.resolve()
    home = place.parent.parent
    return f"/{home.relative_to(root)}" if home.is_relative_to(root) else str(home)


# -- libcuda and ptxas --------------------------------------------------------------------------


def _on_path(sources: Sources, library: str) -> Iterator[str]:
    for folder in sources.variables.get("LD_LIBRARY_PATH", "").split(os.pathsep):
        if folder.startswith("/") and sources.path(f"{folder}/{library}").exists():
            yield clean(f"{folder.rstrip('/')}/{library}")


def _in_cache(sources: Sources, library: str) -> tuple[str, ...] | None:
    """The files that the linker's cache gives for a 64-bit library, as ``ldconfig -p`` does."""
    try:
        with sources.path(CACHE).open("rb") as stream:
            content = stream.read(CACHE_BYTES)
    except OSError:
        return None
    start = content.find(_MAGIC)
    if start < 0:
        return None
    try:
        return tuple(clean(path) for path in _listed(content[start:], library.encode()))
    except (struct.error, ValueError):
        return None


def _listed(cache: bytes, library: bytes) -> Iterator[str]:
    """Entries of 24 bytes behind a header of 48: flags, name, path (offsets), and two more."""
    number, letters = struct.unpack_from("<II", cache, len(_MAGIC))
    if 48 + 24 * number + letters > len(cache):
        raise ValueError("the cache is cut short")
    for position in range(48, 48 + 24 * number, 24):
        flags, name, path = struct.unpack_from("<iII", cache, position)
        if flags & 0xFF00 and cache[name : name + len(library) + 1] == library + b"\0":
            yield cache[path : cache.index(b"\0", path)].decode("utf-8", "replace")


def _ptxas(python: Python | None, sources: Sources) -> str | None:
    named = sources.variables.get("TRITON_PTXAS_PATH")
    if named:
        return clean(named)
    triton = python and (python.distribution("triton") or python.distribution("pytorch-triton"))
    if not triton or not triton.folder:
        return None
    folder = os.path.expanduser(triton.folder)  # noqa: PTH111 - homes are shown as a tilde
    paths = [os.path.normpath(f"{folder}/{name}") for name in PTXAS]
    return next((clean(path) for path in paths if sources.path(path).is_file()), None)


# -- what is run --------------------------------------------------------------------------------


def try_tools(toolchain: Toolchain, sources: Sources, *, timeout: float) -> Toolchain:
    """``toolchain`` after its C compiler built a small library and its ptxas gave its release."""
    seconds = min(timeout, COMPILE_SECONDS)
    toolchain = _try_compiler(toolchain, sources, seconds)
    return _try_nvcc(_try_ptxas(toolchain, sources, seconds), sources, seconds)


def _try_compiler(toolchain: Toolchain, sources: Sources, seconds: float) -> Toolchain:
    if toolchain.cc is None:
        return toolchain
    cc = _real(toolchain.cc)
    built = run_child(
        [cc, "-x", "c", "-", "-shared", "-fPIC", "-o", "small.so"],
        script=_SMALL,
        timeout=seconds,
        variables=sources.variables,
    )
    asked = run_child(
        [cc, "-dumpfullversion", "-dumpversion"], timeout=seconds, variables=sources.variables
    )
    release = re.match(r"\d+(\.\d+)*", asked.output)
    return dataclasses.replace(
        toolchain,
        cc_compiles=built.ending is None,
        cc_problem=None if built.ending is None else _words(built.ending, built.last_words),
        cc_release=release[0] if release else None,
    )


def _words(ending: str, last_words: tuple[str, ...]) -> str:
    """How it ended, and the first line of the compiler that speaks of an error."""
    said = next((text for text in last_words if "error" in text), "".join(last_words[-1:]))
    return f"{ending}: {said}".rstrip(": ")


def _try_ptxas(toolchain: Toolchain, sources: Sources, seconds: float) -> Toolchain:
    if toolchain.ptxas is None:
        return toolchain
    asked = run_child(
        [_real(toolchain.ptxas), "--version"], timeout=seconds, variables=sources.variables
    )
    return dataclasses.replace(
        toolchain, ptxas_release=_release_in(asked), ptxas_problem=asked.ending
    )


def _release_in(asked: Completed) -> str | None:
    """The release in what NVIDIA's tools say of themselves: ``release 12.8, V12.8.93``."""
    found = re.search(r"release (\d+\.\d+)", asked.output)
    return found[1] if found else None


def _try_nvcc(toolchain: Toolchain, sources: Sources, seconds: float) -> Toolchain:
    """Ask nvcc itself where the files of its toolkit do not tell the release."""
    found = []
    for toolkit in toolchain.toolkits or ():
        release = toolkit.release
        if toolkit.has_nvcc and release is None:
            command = [_real(f"{toolkit.path}/bin/nvcc"), "--version"]
            release = _release_in(run_child(command, timeout=seconds, variables=sources.variables))
        found.append(dataclasses.replace(toolkit, release=release))
    return dataclasses.replace(toolchain, toolkits=tuple(found)) if found else toolchain


def _real(path: str) -> str:
    """The path behind one that is shown with a tilde for the home folder."""
    return os.path.expanduser(path)  # noqa: PTH111 - Path.expanduser raises where there is none
