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
import csv
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
from typing import Any, BinaryIO, Callable, Iterator, Tuple

with contextlib.suppress(Exception):  # a minimal installation lacks the module this loads
    sysconfig.get_config_vars()
sys.path[:] = everything
Section = Tuple[int, ...]

RELEVANT = re.compile(
    r"torch|torchvision|torchaudio|torchtext|torchdata|torchao|pytorch-.+|triton(-.+)?|nvidia-.+"
    r"|cuda-.+|numpy|timm|transformers|tokenizers|accelerate|deepspeed|flash-attn|xformers"
    r"|bitsandbytes|apex|transformer-engine.*|vllm|lightning|peft|diffusers|datasets|pynvml"
)
WITH_RECORD = re.compile(
    r"torch|torchvision|torchaudio|triton|nvidia-(cudnn|nccl|cublas|cuda-runtime)(-cu\d+)?"
)
CODE = re.compile(r"\.py$|\.so(\.\d+)*$")
LIBRARY = re.compile(r"\.so(\.\d+)*$")
DAMAGE_NAMED = 20
ARCHITECTURES = re.compile(rb"(?:sm|compute)_\d+[af]?(?: (?:sm|compute)_\d+[af]?)*")


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# -- distributions ----------------------------------------------------------------------------


def metadata_folders() -> Iterator[tuple[str, str, str]]:
    """(name, folder of the metadata, folder of the package) in the order an import looks."""
    seen = set()
    for folder in sys.path:
        real = os.path.realpath(folder)
        if real in seen or not os.path.isdir(folder):
            continue
        seen.add(real)
        for entry in sorted(os.listdir(folder)):
            stem, ending = os.path.splitext(entry)
            if ending in (".dist-info", ".egg-info"):
                yield normalised(stem.split("-")[0]), os.path.join(folder, entry), folder


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
    return [describe(*entry) for entry in found if entry[0] in names]


def relevant_names(found: list[tuple[str, str, str]]) -> set[str]:
    names = {name for name, _, _ in found if RELEVANT.fullmatch(name)}
    for name, metadata, _ in found:
        if name == "torch":
            for line in values_of(headers(metadata), "Requires-Dist"):
                names.add(normalised(re.split(r"[^\w.-]", line, maxsplit=1)[0]))
    return names


def describe(name: str, metadata: str, folder: str) -> dict[str, Any]:
    lines = headers(metadata)
    version = (values_of(lines, "Version") or [""])[0]
    if not version:
        parts = os.path.basename(metadata).rsplit(".", 1)[0].split("-")
        version = parts[1] if len(parts) > 1 else ""
    entry = {
        "name": name,
        "version": version,
        "requires": values_of(lines, "Requires-Dist"),
        "folder": folder,
        "build": own_version(folder, name),
    }
    if WITH_RECORD.fullmatch(name):
        entry.update(record_damage(metadata, folder))
    return entry


def own_version(folder: str, name: str) -> str | None:
    """The version in ``<name>/version.py``, which keeps the local tag that metadata may drop."""
    if name not in ("torch", "torchvision", "torchaudio"):
        return None
    return assigned(os.path.join(folder, name, "version.py"), "__version__")


def assigned(path: str, variable: str) -> str | None:
    """The text assigned to ``variable`` at the top of a Python file, or None."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            text = stream.read(65536)
    except OSError:
        return None
    found = re.search(rf"^{variable}\s*(?::[^=\n]+)?=\s*['\"]([^'\"]*)['\"]", text, re.MULTILINE)
    return found.group(1) if found else None


def record_damage(metadata: str, folder: str) -> dict[str, Any]:
    """Which files of the RECORD are missing or have another size; byte code is not looked at.

    Empty files are not either: several wheels own the same nvidia/__init__.py. Libraries are
    named first.
    """
    path = os.path.join(metadata, "RECORD")
    if not os.path.isfile(path):
        return {"record_read": False}
    damaged = []
    with open(path, encoding="utf-8", errors="replace", newline="") as stream:
        for row in csv.reader(stream):
            if len(row) == 3 and row[2].isdigit() and int(row[2]) and CODE.search(row[0]):
                problem = damage(os.path.join(folder, row[0]), int(row[2]))
                if problem:
                    damaged.append((LIBRARY.search(row[0]) is None, row[0] + problem))
    named = [text for _, text in sorted(damaged)]
    return {
        "record_read": True,
        "damaged": named[:DAMAGE_NAMED],
        "damaged_count": len(damaged),
    }


def damage(path: str, size: int) -> str:
    try:
        actual = os.stat(path).st_size
    except OSError:
        return " is missing"
    return "" if actual == size else f" has {actual} bytes, not {size}"


# -- torch as files ----------------------------------------------------------------------------


def torch_files() -> dict[str, Any] | None:
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = next(iter(spec.submodule_search_locations))
    version_py = os.path.join(folder, "version.py")
    version = assigned(version_py, "__version__")
    if version is None:
        return None
    return {
        "version": version,
        "cuda": assigned(version_py, "cuda"),
        "hip": assigned(version_py, "hip"),
        "git": assigned(version_py, "git_version"),
        "architectures": architectures(os.path.join(folder, "lib")),
        "libraries": libraries(folder),
    }


def architectures(folder: str) -> list[str] | None:
    """The architectures torch was compiled for, which stand as one text in its libraries."""
    for name in ("libtorch_python.so", "libtorch_cuda.so", "libtorch.so"):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.path.getsize(path):
            with open(path, "rb") as stream, mapped(stream) as content:
                found = architecture_text(content)
            if found:
                return found.decode().split()
    return None


def architecture_text(content: mmap.mmap) -> bytes:
    """The longest list of architectures that is a whole C string, as bytes."""
    best = b""
    position = content.find(b"sm_")
    while position >= 0:
        start = content.rfind(b"\0", max(0, position - 512), position) + 1
        end = content.find(b"\0", position, position + 512)
        text = content[start:end] if start and end > 0 else b""
        if len(text) > len(best) and ARCHITECTURES.fullmatch(text):
            best = text
        position = content.find(b"sm_", max(end, position + 3))
    return best


def libraries(torch_folder: str) -> list[dict[str, Any]]:
    found = []
    for folder, origin in library_folders(torch_folder):
        for name, version in (("cudnn", cudnn_version), ("nccl", nccl_version)):
            path = first_file(folder, f"lib{name}.so.*")
            if path:
                entry = {"name": name, "path": path, "origin": origin}
                found.append({**entry, "version": readable(version, path)})
    return found


def readable(version: Callable[[str], str | None], path: str) -> str | None:
    """The version of a library, None where the file is empty, cut short or closed to us."""
    try:
        return version(path)
    except (OSError, ValueError):
        return None


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


def first_file(folder: str, pattern: str) -> str | None:
    paths = sorted(glob.glob(os.path.join(glob.escape(folder), pattern)), key=len)
    return next((path for path in paths if os.path.isfile(path)), None)


def nccl_version(path: str) -> str | None:
    """The version in NCCL's own banner."""
    with open(path, "rb") as stream, mapped(stream) as content:
        position = content.find(b"NCCL version ")
        while position >= 0:
            found = re.match(rb"NCCL version (\d+(?:\.\d+)+)\+", content[position : position + 64])
            if found:
                return found.group(1).decode()
            position = content.find(b"NCCL version ", position + 1)
    return None


def mapped(stream: BinaryIO) -> mmap.mmap:
    """A file as memory, so that half a gigabyte is searched and not copied."""
    return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def cudnn_version(path: str) -> str | None:
    """What ``cudnnGetVersion`` returns, read from its code; else the header or the file name."""
    folder = os.path.dirname(path)
    for pattern in ("libcudnn_graph.so.*", "libcudnn_ops_infer.so.*", "libcudnn.so.*"):
        candidate = first_file(folder, pattern)
        code = returned_constant(candidate, b"cudnnGetVersion") if candidate else None
        if code and 1000 <= code < 1000000:
            scale = 10000 if code >= 90000 else 1000
            return f"{code // scale}.{code % scale // 100}.{code % 100}"
    return cudnn_header_version(folder) or real_name_version(path)


def cudnn_header_version(folder: str) -> str | None:
    path = os.path.join(folder, "..", "include", "cudnn_version.h")
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            text = stream.read(65536)
    except OSError:
        return None
    numbers = []
    for part in ("MAJOR", "MINOR", "PATCHLEVEL"):
        found = re.search(rf"#define CUDNN_{part}\s+(\d+)", text)
        if found is None:
            return None
        numbers.append(found.group(1))
    return ".".join(numbers)


def real_name_version(path: str) -> str | None:
    found = re.search(r"\.so\.(\d+\.\d+(?:\.\d+)*)$", os.path.realpath(path))
    return found.group(1) if found else None


def returned_constant(path: str, symbol: bytes) -> int | None:
    """The constant a C function without arguments returns, decoded from its first bytes."""
    with open(path, "rb") as stream, mapped(stream) as content:
        try:
            offset = function_offset(content, symbol)
            return decoded_constant(content, offset) if offset else None
        except (struct.error, IndexError, ValueError):
            return None


def function_offset(content: mmap.mmap, symbol: bytes) -> int | None:
    """Where the code of an exported function begins in a 64-bit little-endian ELF file."""
    if content[:6] != b"\x7fELF\x02\x01":
        return None
    table = struct.unpack_from("<Q", content, 0x28)[0]
    size, count = struct.unpack_from("<HH", content, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", content, table + size * i) for i in range(count)]
    for section in sections:
        if section[1] == 11:  # SHT_DYNSYM
            address = symbol_address(content, section, sections[section[6]], symbol)
            return place_in_file(sections, address) if address else None
    return None


def place_in_file(sections: list[Section], address: int) -> int | None:
    for _, _, _, start, offset, length, _, _, _, _ in sections:
        if start and start <= address < start + length:
            return offset + address - start
    return None


def symbol_address(
    content: mmap.mmap, symbols: Section, strings: Section, name: bytes
) -> int | None:
    names = content[strings[4] : strings[4] + strings[5]]
    position = names.find(b"\0" + name + b"\0")
    if position < 0:
        return None
    wanted = position + 1
    for offset in range(symbols[4], symbols[4] + symbols[5], 24):
        if struct.unpack_from("<I", content, offset)[0] == wanted:
            return int(struct.unpack_from("<Q", content, offset + 8)[0]) or None
    return None


def decoded_constant(content: mmap.mmap, offset: int) -> int | None:
    code = content[offset : offset + 32]
    found = re.match(rb"(?:\xf3\x0f\x1e\xfa)?(?:\x55\x48\x89\xe5)?\xb8(....)", code, re.DOTALL)
    if found:  # x86-64: mov eax, constant
        return int.from_bytes(found.group(1), "little")
    first: int
    second: int
    first, second = struct.unpack_from("<II", code)
    if first & 0xFFE0001F == 0x52800000:  # AArch64: mov w0, low; movk w0, high, lsl 16
        low = first >> 5 & 0xFFFF
        return low | (second >> 5 & 0xFFFF) << 16 if second & 0xFFE0001F == 0x72A00000 else low
    return None


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
