"""Describes the interpreter it runs in, from metadata and files: nothing is imported from it.

Sent to the interpreter on stdin, so it is one file of the standard library alone and keeps to
Python 3.8. Prints one JSON object. ``unread`` names what could not be read, and why.
"""

from __future__ import annotations

import sys

sys.path[:] = [entry for entry in sys.path if entry]

import csv
import functools
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
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Tuple

Section = Tuple[int, ...]

RELEVANT = re.compile(
    r"torch|torchvision|torchaudio|torchtext|torchdata|torchao|pytorch-.+|triton(-.+)?|nvidia-.+"
    r"|cuda-.+|numpy|timm|transformers|tokenizers|accelerate|deepspeed|flash-attn|xformers"
    r"|bitsandbytes|apex|transformer-engine.*|vllm|lightning|peft|diffusers|datasets|pynvml"
)
WITH_RECORD = re.compile(r"torch|torchvision|torchaudio|triton|pytorch-triton|nvidia-.+")
SHARED_FOLDER = re.compile(r"^(?:torch|torchvision|torchaudio|triton|nvidia)/", re.MULTILINE)
CODE = re.compile(r"\.py$|\.so(\.\d+)*$")
LIBRARY = re.compile(r"\.so(\.\d+)*$")
EXTENSION = re.compile(r"(?:^|/)(?!lib)[^/]+\.so$")
DAMAGE_NAMED = 20
CONDA_PACKAGES = re.compile(
    r"(lib)?(pytorch|torch)(-cuda|-gpu|-mutex)?|cudatoolkit|cuda-version|cudnn|nccl"
)
SEARCHED_BYTES = 64 * 2**20
"""At most so much of one distribution's extensions is searched for NumPy's traces."""
NUMPY_CHECK = b"module compiled against A"
"""What every extension says whose NumPy has another binary interface: it calls NumPy's C API."""
NUMPY_1 = b"numpy.core._multiarray_umath"
NUMPY_2 = b"numpy._core._multiarray_umath"
"""Where it looks for that API: headers from NumPy 2.0 on know both places."""
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


def first_line(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.readline(200).strip() or None
    except OSError:
        return None


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


# -- files and the RECORD that lists them ---------------------------------------------------------

Owners = Dict[str, List[Tuple[str, str]]]
"""File → (metadata folder, hash) of every distribution whose RECORD lists it."""


@functools.lru_cache(maxsize=None)
def record_of(metadata: str) -> str:
    """The RECORD of a distribution, empty where there is none to read."""
    try:
        path = os.path.join(metadata, "RECORD")
        with open(path, encoding="utf-8", errors="replace", newline="") as stream:
            return stream.read()
    except OSError:
        return ""


@functools.lru_cache(maxsize=None)
def rows_of(metadata: str) -> list[tuple[str, str, int]]:
    """(file, hash, size) of the code a RECORD lists; byte code is not looked at.

    Empty files are not either: several wheels own the same nvidia/__init__.py.
    """
    return [
        (row[0], row[1], int(row[2]))
        for row in csv.reader(record_of(metadata).splitlines())
        if len(row) == 3 and row[2].isdigit() and int(row[2]) and CODE.search(row[0])
    ]


def file_owners(found: list[tuple[str, str, str]]) -> Owners:
    """Who lists the files in the folders of torch and of NVIDIA's libraries."""
    owners: Owners = {}
    for name, metadata, folder in found:
        if WITH_RECORD.fullmatch(name) or SHARED_FOLDER.search(record_of(metadata)):
            for path, digest, _ in rows_of(metadata):
                if path.startswith(("torch", "triton/", "nvidia/")):
                    place = os.path.join(folder, path)
                    owners.setdefault(place, []).append((metadata, digest))
    return owners


def is_repacked(metadata: str) -> bool:
    """True where another packager changed the files after the RECORD was written.

    conda-build, Nix and Guix write their own search paths into libraries.
    """
    by_conda = first_line(os.path.join(metadata, "INSTALLER")) == "conda"
    return by_conda or os.path.realpath(metadata).startswith(("/nix/store/", "/gnu/store/"))


def record_damage(metadata: str, folder: str, owners: Owners) -> dict[str, Any]:
    """Files of the RECORD that are missing, of another size, or listed by another one too.

    Libraries are named first.
    """
    if not os.path.isfile(os.path.join(metadata, "RECORD")) or is_repacked(metadata):
        return {"record_read": False}
    damaged = []
    shared = set()
    for path, digest, size in rows_of(metadata):
        place = os.path.join(folder, path)
        problem = damage(place, size)
        if problem:
            damaged.append((LIBRARY.search(path) is None, path + problem))
        for other, its_digest in owners.get(place, ()):
            if other != metadata and its_digest != digest:
                shared.add(named(other))
    texts = [text for _, text in sorted(damaged)]
    return {
        "record_read": True,
        "damaged": texts[:DAMAGE_NAMED],
        "damaged_count": len(damaged),
        "overlaps": sorted(shared),
    }


def named(metadata: str) -> str:
    """``name version`` of a distribution by the name of its metadata folder."""
    stem = os.path.basename(metadata).rsplit(".", 1)[0]
    name, _, version = stem.partition("-")
    return f"{normalised(name)} {version}".strip()


def damage(path: str, size: int) -> str:
    try:
        actual = os.stat(path).st_size
    except OSError:
        return " is missing"
    if actual == size:
        return ""
    if LIBRARY.search(path) and is_cut_short(path, actual):
        return f" is cut short: {actual} bytes, not {size}"
    return f" has {actual} bytes, not {size}"


def is_cut_short(path: str, size: int) -> bool:
    """True for a file that is no library, or whose table of sections lies behind its end."""
    try:
        with open(path, "rb") as stream:
            head = stream.read(64)
        table = struct.unpack_from("<Q", head, 0x28)[0]
        length, count = struct.unpack_from("<HH", head, 0x3A)
    except (OSError, struct.error):
        return True
    return head[:4] != b"\x7fELF" or bool(table + length * count > size)


def built_for_numpy(name: str, metadata: str, folder: str) -> int | None:
    """The NumPy major whose headers the extensions of a distribution were compiled with.

    Extensions compiled with NumPy 2 run under NumPy 1 as well, those compiled with NumPy 1 do
    not run under NumPy 2. None where nothing was found that calls NumPy's C API.
    """
    if name == "numpy" or ".so," not in record_of(metadata):
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


def numpy_of_extension(path: str) -> str | None:
    with open(path, "rb") as stream, mapped(stream) as content:
        if content.find(NUMPY_CHECK) < 0:
            return None
        if content.find(NUMPY_2) >= 0:
            return "2"
        return "1" if content.find(NUMPY_1) >= 0 else None


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


def readable(version: Callable[[str], str | None], path: str) -> str | None:
    """The version of a library, None where the file is empty, cut short or closed to us."""
    try:
        return version(path)
    except (OSError, ValueError, IndexError, struct.error):
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
    return next((path for path in paths if LIBRARY.search(path) and os.path.isfile(path)), None)


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


def cudart_version(path: str) -> str | None:
    """The CUDA release cudaRuntimeGetVersion stores through its argument, such as 12.4.

    It is found by the code that does so: test rdi, rdi; je; mov dword [rdi], 12040.
    """
    with open(path, "rb") as stream, mapped(stream) as content:
        found = re.findall(rb"\x85\xff\x74\x0b\xc7\x07(..\0\0)", content, re.DOTALL)
    codes = {int.from_bytes(code, "little") for code in found}
    releases = {code for code in codes if 11000 <= code < 20000 and code % 10 == 0}
    if len(releases) != 1:
        return None
    code = releases.pop()
    return f"{code // 1000}.{code % 1000 // 10}"


def cufft_version(path: str) -> str | None:
    code = stored_constant(path, b"cufftGetVersion", 10000, 20000)
    return f"{code // 1000}.{code % 1000 // 100}.{code % 100}" if code else None


def cusolver_version(path: str) -> str | None:
    code = stored_constant(path, b"cusolverGetVersion", 10000, 20000)
    return f"{code // 1000}.{code % 1000 // 100}.{code % 100}" if code else None


def nvrtc_version(path: str) -> str | None:
    """The CUDA release in the name of the file that NVRTC opens beside itself."""
    builtins = first_file(os.path.dirname(path), "libnvrtc-builtins.so.*")
    found = re.search(r"\.so\.(\d+\.\d+)", builtins or "")
    return found.group(1) if found else None


def nvjitlink_version(path: str) -> str | None:
    """The newest CUDA release whose interface it has: __nvJitLinkCreate_12_4."""
    with open(path, "rb") as stream, mapped(stream) as content:
        names = dynamic_names(content)
    found = re.findall(rb"__nvJitLinkCreate_(\d+)_(\d+)\0", names)
    newest = max(((int(major), int(minor)) for major, minor in found), default=None)
    return f"{newest[0]}.{newest[1]}" if newest else None


def stored_constant(path: str, symbol: bytes, least: int, most: int) -> int | None:
    """The constant a C function stores through its argument (mov dword [reg], constant)."""
    with open(path, "rb") as stream, mapped(stream) as content:
        try:
            offset = function_offset(content, symbol)
        except (struct.error, IndexError):
            return None
        code = content[offset : offset + 512] if offset else b""
    for found in re.finditer(rb"\xc7[\x00-\x03\x06\x07](....)", code, re.DOTALL):
        value = int.from_bytes(found.group(1), "little")
        if least <= value < most:
            return value
    return None


def dynamic_names(content: mmap.mmap) -> bytes:
    """The names a 64-bit little-endian ELF file exports and asks for."""
    for section in elf_sections(content):
        if section[1] == 11:  # SHT_DYNSYM
            strings = elf_sections(content)[section[6]]
            return content[strings[4] : strings[4] + strings[5]]
    return b""


def needed_libraries(content: mmap.mmap) -> list[str]:
    """The names of the libraries an ELF file is linked with (DT_NEEDED)."""
    sections = elf_sections(content)
    for section in sections:
        if section[1] == 6:  # SHT_DYNAMIC
            strings = sections[section[6]]
            names = content[strings[4] : strings[4] + strings[5]]
            entries = struct.iter_unpack("<qQ", content[section[4] : section[4] + section[5]])
            starts = [value for tag, value in entries if tag == 1]
            return [names[at : names.index(b"\0", at)].decode("utf-8", "replace") for at in starts]
    return []


def elf_sections(content: mmap.mmap) -> list[Section]:
    """The section headers of a 64-bit little-endian ELF file; none for anything else."""
    if content[:6] != b"\x7fELF\x02\x01":
        return []
    table = struct.unpack_from("<Q", content, 0x28)[0]
    size, count = struct.unpack_from("<HH", content, 0x3A)
    return [struct.unpack_from("<IIQQQQIIQQ", content, table + size * i) for i in range(count)]


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
    sections = elf_sections(content)
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


VERSIONS: dict[str, Callable[[str], str | None]] = {
    "cudnn": cudnn_version,
    "nccl": nccl_version,
    "cudart": cudart_version,
    "cufft": cufft_version,
    "cusolver": cusolver_version,
    "nvrtc": nvrtc_version,
    "nvJitLink": nvjitlink_version,
}
"""How the version of a library is read from its file; ``lib<name>.so.*``.

cuBLAS and cuSPARSE work theirs out when called, so a file does not tell."""


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
    sys.stdout.write(json.dumps(report))


def read(name: str, part: Callable[[], Any], report: dict[str, Any]) -> None:
    """One part of the report; one that cannot be read leaves the others."""
    try:
        report[name] = part()
    except Exception as problem:
        report["unread"][name] = f"{type(problem).__name__}: {problem}"


main()
