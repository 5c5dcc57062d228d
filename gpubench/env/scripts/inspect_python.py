"""Describes the interpreter it runs in, from metadata and files: nothing is imported from it.

Sent to the interpreter on stdin, so it is one file of the standard library alone and keeps to
Python 3.8. Prints one JSON object. ``unread`` names what could not be read, and why.
"""

from __future__ import annotations

import sys

everything = [entry for entry in sys.path if entry]
stdlib = (getattr(sys.modules.get("os"), "__file__", None) or "").rpartition("/")[0]
own = [entry for entry in everything if entry in (stdlib, stdlib + "/lib-dynload")]
sys.path[:] = own or everything  # a json.py on PYTHONPATH is not to be run

import contextlib
import glob
import importlib.util
import json
import mmap
import os
import platform
import re
import shutil
import struct
import sysconfig
from typing import Any, Callable, Iterator

from gpubench.env.scripts.library_files import (
    VERSIONS,
    constants,
    first_file,
    mapped,
    needed_libraries,
    numpy_of_extension,
    readable,
)
from gpubench.env.scripts.record_files import (
    WITH_RECORD,
    Owners,
    file_owners,
    first_line,
    metadata_folders,
    normalised,
    record_damage,
    record_of,
    rows_of,
)

with contextlib.suppress(Exception):  # a minimal installation lacks the module this loads
    sysconfig.get_config_vars()
sys.path[:] = everything

RELEVANT = re.compile(
    r"torch|torchvision|torchaudio|torchtext|torchdata|torchao|pytorch-.+|triton(-.+)?|nvidia-.+"
    r"|cuda-.+|numpy|timm|transformers|tokenizers|accelerate|deepspeed|flash-attn|xformers"
    r"|bitsandbytes|apex|transformer-engine.*|vllm|lightning|peft|diffusers|datasets|pynvml"
)
EXTENSION = re.compile(r"(?:^|/)(?:[^/]+\.(?:cpython-[^/]+|abi3)|(?!lib)[^/]+)\.so$")
CONDA_PACKAGES = re.compile(
    r"(lib)?(pytorch|torch)(-cuda|-gpu|-mutex)?|cudatoolkit|cuda-version|cudnn|nccl"
)
SEARCHED_BYTES = 64 * 2**20
"""At most so much of one distribution's extensions is searched for NumPy's traces."""
ARCHITECTURES = re.compile(rb"(?:sm|compute)_\d+[af]?(?: (?:sm|compute)_\d+[af]?)*")


# -- distributions ----------------------------------------------------------------------------


def headers(folder: str) -> list[str]:
    """The header lines of a METADATA or PKG-INFO file, or of an egg-info that is a file."""
    for name in ("METADATA", "PKG-INFO", ""):
        path = os.path.join(folder, name) if name else folder
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as stream:
                lines = []
                for line in stream:
                    if not line.strip():
                        break
                    lines.append(line.rstrip("\n"))
                return lines
    return []


def values_of(lines: list[str], key: str) -> list[str]:
    prefix = key.lower() + ":"
    return [line[len(prefix) :].strip() for line in lines if line.lower().startswith(prefix)]


def distributions() -> list[dict[str, Any]]:
    found = list(metadata_folders())
    names = relevant_names(found)
    owners = file_owners(found)
    is_numpy_2 = has_numpy_2(found)
    entries = []
    for name, metadata, folder in found:
        built = built_for_numpy(name, metadata, folder) if is_numpy_2 else None
        if name in names or built == 1:
            entry = describe(name, metadata, folder, owners)
            entries.append({**entry, "numpy_built": built})
    return [*entries, *conda_packages()]


def relevant_names(found: list[tuple[str, str, str]]) -> set[str]:
    names = {name for name, _, _ in found if RELEVANT.fullmatch(name)}
    for name, metadata, _ in found:
        if name == "torch":
            for line in values_of(headers(metadata), "Requires-Dist"):
                names.add(normalised(re.split(r"[^\w.-]", line, maxsplit=1)[0]))
    return names


def describe(name: str, metadata: str, folder: str, owners: Owners) -> dict[str, Any]:
    lines = headers(metadata)
    entry = {
        "name": name,
        "version": version_of(metadata, lines),
        "requires": values_of(lines, "Requires-Dist"),
        "folder": folder,
        "installer": first_line(os.path.join(metadata, "INSTALLER")),
        "is_editable": is_editable(metadata),
        "build": own_version(folder, name),
        "needs_cuda": needs_cuda(folder, name),
    }
    if WITH_RECORD.fullmatch(name):
        entry.update(record_damage(metadata, folder, owners))
    return entry


def version_of(metadata: str, lines: list[str]) -> str:
    version = (values_of(lines, "Version") or [""])[0]
    if not version:
        parts = os.path.basename(metadata).rsplit(".", 1)[0].split("-")
        version = parts[1] if len(parts) > 1 else ""
    return version


def is_editable(metadata: str) -> bool:
    """True where pip only points at a source tree (``pip install -e``)."""
    try:
        with open(os.path.join(metadata, "direct_url.json"), encoding="utf-8") as stream:
            return bool(json.load(stream)["dir_info"]["editable"])
    except (OSError, ValueError, LookupError, TypeError):
        return metadata.endswith(".egg-info") and os.path.isfile(
            os.path.join(os.path.dirname(metadata), "setup.py")
        )


def conda_packages() -> list[dict[str, Any]]:
    """What conda put into its prefix that has to do with torch, under conda's own names."""
    found: list[dict[str, Any]] = []
    for path in sorted(glob.glob(os.path.join(glob.escape(sys.prefix), "conda-meta", "*.json"))):
        name = os.path.basename(path).rsplit("-", 2)[0]
        if CONDA_PACKAGES.fullmatch(name):
            try:
                with open(path, encoding="utf-8", errors="replace") as stream:
                    record = json.load(stream)
                version, build = str(record["version"]), str(record.get("build") or "") or None
            except (OSError, ValueError, LookupError, TypeError):
                continue
            found.append(
                {
                    "name": name,
                    "version": version,
                    "build": build,
                    "requires": [],
                    "folder": sys.prefix,
                    "installer": "conda",
                }
            )
    return found


def own_version(folder: str, name: str) -> str | None:
    """The version in ``<name>/version.py``, which keeps the local tag that metadata may drop."""
    if name not in ("torch", "torchvision", "torchaudio"):
        return None
    return assigned(os.path.join(folder, name, "version.py"), "__version__")


def needs_cuda(folder: str, name: str) -> bool | None:
    """Whether the compiled part of torchvision or torchaudio is linked with CUDA's own torch."""
    patterns = {"torchvision": "_C*.so", "torchaudio": "lib/libtorchaudio*.so"}
    if name not in patterns:
        return None
    path = first_file(os.path.join(folder, name), patterns[name])
    if path is None:
        return None
    try:
        with open(path, "rb") as stream, mapped(stream) as content:
            needed = needed_libraries(content)
    except (OSError, ValueError, struct.error, IndexError):
        return None
    return any(one.startswith(("libtorch_cuda", "libcudart")) for one in needed) if needed else None


def assigned(path: str, variable: str) -> str | None:
    """The text assigned to ``variable`` at the top of a Python file, or None."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            text = stream.read(65536)
    except OSError:
        return None
    found = re.search(rf"^{variable}\s*(?::[^=\n]+)?=\s*['\"]([^'\"]*)['\"]", text, re.MULTILINE)
    return found.group(1) if found else None


# -- extensions and NumPy --------------------------------------------------------------------


def requires_numpy(metadata: str) -> bool:
    lines = values_of(headers(metadata), "Requires-Dist")
    return any(re.match(r"numpy(?![\w-])", line) for line in lines)


def built_for_numpy(name: str, metadata: str, folder: str) -> int | None:
    """The NumPy major whose headers the extensions of a distribution were compiled with.

    Extensions compiled with NumPy 2 run under NumPy 1 as well, those compiled with NumPy 1 do
    not run under NumPy 2. None where nothing was found that calls NumPy's C API.
    """
    if name != "torch" and not requires_numpy(metadata):  # whoever calls it has to ask for it
        return None
    if ".so," not in record_of(metadata):
        return None
    extensions = [(size, path) for path, _, size in rows_of(metadata) if EXTENSION.search(path)]
    if name == "torch":
        extensions = [(0, "torch/lib/libtorch_python.so")]
    searched = 0
    for size, path in sorted(extensions):
        searched += size
        if searched > SEARCHED_BYTES:
            return None
        major = readable(numpy_of_extension, os.path.join(folder, path))
        if major:
            return int(major)
    return None


def has_numpy_2(found: list[tuple[str, str, str]]) -> bool:
    metadata = next((entry[1] for entry in found if entry[0] == "numpy"), None)
    if metadata is None:
        return False
    major = version_of(metadata, headers(metadata)).partition(".")[0]
    return major.isdigit() and int(major) >= 2


# -- torch as files ----------------------------------------------------------------------------


def torch_files() -> dict[str, Any] | None:
    folder = torch_folder()
    version_py = os.path.join(folder or "", "torch", "version.py")
    version = assigned(version_py, "__version__") if folder else None
    if folder is None or version is None:
        return None
    return {
        "version": version,
        "cuda": assigned(version_py, "cuda"),
        "hip": assigned(version_py, "hip"),
        "git": assigned(version_py, "git_version"),
        "architectures": architectures(os.path.join(folder, "torch", "lib")),
        "libraries": libraries(os.path.join(folder, "torch")),
    }


def torch_folder() -> str | None:
    """The folder that an import of torch takes it from."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        return None
    return os.path.dirname(next(iter(spec.submodule_search_locations)))


def architectures(folder: str) -> list[str] | None:
    """The architectures torch was compiled for, which stand as one text in its libraries."""
    for name in ("libtorch_python.so", "libtorch_cuda.so", "libtorch.so"):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.path.getsize(path):
            with open(path, "rb") as stream, mapped(stream) as content:
                found = max(
                    (architecture_text(content, *span) for span in constants(content)), key=len
                )
            if found:
                return found.decode().split()
    return None


def architecture_text(content: mmap.mmap, first: int, last: int) -> bytes:
    """The longest list of architectures between two places that is a whole C string, as bytes."""
    best = b""
    position = content.find(b"sm_", first, last)
    while position >= 0:
        start = content.rfind(b"\0", max(0, position - 512), position) + 1
        end = content.find(b"\0", position, position + 512)
        text = content[start:end] if start and end > 0 else b""
        if len(text) > len(best) and ARCHITECTURES.fullmatch(text):
            best = text
        position = content.find(b"sm_", max(end, position + 3), last)
    return best


def libraries(torch_folder: str) -> list[dict[str, Any]]:
    """Torch's own libraries, and those of the same names that a variable puts before them."""
    found = []
    own: dict[str, str] = {}
    for folder, origin in library_folders(torch_folder):
        for name, version in VERSIONS.items():
            is_own = origin != "LD_LIBRARY_PATH"
            path = first_file(
                folder, f"lib{name}.so.*" if is_own else own.get(name, f"lib{name}.so.*")
            )
            if path:
                if is_own:
                    own.setdefault(name, os.path.basename(path))
                entry = {"name": name.lower(), "path": path, "origin": origin}
                found.append({**entry, "version": readable(version, path)})
    return [*found, *preloaded()]


def preloaded() -> list[dict[str, Any]]:
    """What LD_PRELOAD puts before every other library; ld.so takes spaces and colons."""
    found = []
    for path in re.split(r"[\s:]+", os.environ.get("LD_PRELOAD", "")):
        named_like = re.match(r"lib(\w+?)(?:_\w+)?\.so", os.path.basename(path))
        name = named_like.group(1) if named_like else ""
        version = VERSIONS.get(name)
        if version and os.path.isfile(path):
            entry = {"name": name.lower(), "path": path, "origin": "LD_PRELOAD"}
            found.append({**entry, "version": readable(version, path)})
    return found


def library_folders(torch_folder: str) -> Iterator[tuple[str, str]]:
    yield os.path.join(torch_folder, "lib"), "torch"
    # torch's libraries look beside torch; its __init__ looks along the path after that
    for folder in (os.path.dirname(torch_folder), *sys.path):
        found = sorted(glob.glob(os.path.join(glob.escape(folder), "nvidia", "*", "lib")))
        for library in found:
            yield library, "wheel"
        if found:
            break
    if os.path.isdir(os.path.join(sys.prefix, "conda-meta")):
        yield os.path.join(sys.prefix, "lib"), "prefix"
    for folder in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep):
        if folder:
            yield folder, "LD_LIBRARY_PATH"


# -- interpreter and toolchain -------------------------------------------------------------------


def interpreter() -> dict[str, Any]:
    kind = "system"
    if os.path.isdir(os.path.join(sys.prefix, "conda-meta")):
        kind = "conda"
    elif sys.prefix != sys.base_prefix:
        kind = "venv"
    return {
        "executable": sys.executable,
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "is_free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "kind": kind,
    }


def markers() -> dict[str, str]:
    """The environment that requirement markers are judged in."""
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


def toolchain() -> dict[str, Any]:
    header = os.path.join(sysconfig.get_paths()["include"], "Python.h")
    return {
        "cc": compiler("CC", "gcc", "clang", "cc"),
        "cxx": compiler("CXX", "g++", "clang++", "c++"),
        "python_h": header if os.path.isfile(header) else None,
        "nvcc": nvcc_release(),
    }


def compiler(variable: str, *names: str) -> str | None:
    wanted = os.environ.get(variable, "").split()
    return next(filter(None, (shutil.which(name) for name in wanted[:1] or names)), None)


def nvcc_release() -> str | None:
    path = shutil.which("nvcc")
    if path is None:
        return None
    home = os.path.dirname(os.path.dirname(os.path.realpath(path)))
    try:
        with open(os.path.join(home, "version.json"), encoding="utf-8") as stream:
            return str(json.load(stream)["cuda_nvcc"]["version"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def main() -> None:
    report: dict[str, Any] = {"unread": {}}
    read("python", interpreter, report)
    read("markers", markers, report)
    read("distributions", distributions, report)
    read("torch", torch_files, report)
    read("toolchain", toolchain, report)
    if sys.stdout is not None:
        sys.stdout.flush()  # what hooks printed stands before the answer
    with os.fdopen(os.dup(1), "wb") as answer:
        answer.write(b"\n" + json.dumps(report).encode("ascii") + b"\n")


def read(name: str, part: Callable[[], Any], report: dict[str, Any]) -> None:
    """One part of the report; one that cannot be read leaves the others."""
    try:
        report[name] = part()
    except Exception as problem:
        report["unread"][name] = f"{type(problem).__name__}: {problem}"


main()
