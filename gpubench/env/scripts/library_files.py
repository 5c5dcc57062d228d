"""What the files of CUDA's libraries and of extensions tell: releases, links, NumPy's traces.

A part of the scripts that are sent to interpreters: standard library alone, Python 3.8.
"""

from __future__ import annotations

import glob
import mmap
import os
import re
import struct
from typing import BinaryIO, Callable, Tuple

Section = Tuple[int, ...]
LIBRARY = re.compile(r"\.so(\.\d+)*$")
NUMPY_CHECK = b"module compiled against A"
"""What every extension says whose NumPy has another binary interface: it calls NumPy's C API."""
NUMPY_1 = b"numpy.core._multiarray_umath"
NUMPY_2 = b"numpy._core._multiarray_umath"
"""Where it looks for that API: headers from NumPy 2.0 on know both places."""


def readable(version: Callable[[str], str | None], path: str) -> str | None:
    """The version of a library, None where the file is empty, cut short or closed to us."""
    try:
        return version(path)
    except (OSError, ValueError, IndexError, struct.error):
        return None


def first_file(folder: str, pattern: str) -> str | None:
    paths = sorted(glob.glob(os.path.join(glob.escape(folder), pattern)), key=len)
    return next((path for path in paths if LIBRARY.search(path) and os.path.isfile(path)), None)


def mapped(stream: BinaryIO) -> mmap.mmap:
    """A file as memory, so that half a gigabyte is searched and not copied."""
    return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


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


def numpy_of_extension(path: str) -> str | None:
    with open(path, "rb") as stream, mapped(stream) as content:
        if not says(content, NUMPY_CHECK):
            return None
        if says(content, NUMPY_2):
            return "2"
        return "1" if says(content, NUMPY_1) else None


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


def returned_constant(path: str, symbol: bytes) -> int | None:
    """The constant a C function without arguments returns, decoded from its first bytes."""
    with open(path, "rb") as stream, mapped(stream) as content:
        try:
            offset = function_offset(content, symbol)
            return decoded_constant(content, offset) if offset else None
        except (struct.error, IndexError, ValueError):
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


def says(content: mmap.mmap, text: bytes) -> bool:
    return any(content.find(text, start, end) >= 0 for start, end in constants(content))


def constants(content: mmap.mmap) -> list[tuple[int, int]]:
    """Where texts stand in a library: its data that is loaded and never written or executed.

    That is a tenth of most libraries, so searching it alone is what makes a search quick.
    """
    loaded = [
        (offset, offset + length)
        for _, kind, flags, _, offset, length, _, _, _, _ in elf_sections(content)
        if kind == 1 and flags & 0x7 == 0x2  # SHT_PROGBITS; SHF_ALLOC without WRITE, EXECINSTR
    ]
    return loaded or [(0, len(content))]


def elf_sections(content: mmap.mmap) -> list[Section]:
    """The section headers of a 64-bit little-endian ELF file; none for anything else."""
    if content[:6] != b"\x7fELF\x02\x01":
        return []
    table = struct.unpack_from("<Q", content, 0x28)[0]
    size, count = struct.unpack_from("<HH", content, 0x3A)
    return [struct.unpack_from("<IIQQQQIIQQ", content, table + size * i) for i in range(count)]


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
