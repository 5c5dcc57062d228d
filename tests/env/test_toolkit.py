"""Toolkits, libcuda and ptxas as files, and the compiler as it runs."""

import dataclasses
import shutil
import struct
import subprocess

import pytest

from gpubench.env.snapshot import Distribution, Python, Toolchain, Toolkit
from gpubench.env.sources import Sources
from gpubench.env.toolkit import CACHE, _in_cache, add_files, try_tools
from tests.env.machine import tree

VERSION = """{"cuda" : {"name" : "CUDA SDK", "version" : "12.8.1"},
 "cuda_nvcc" : {"version" : "%s"}}"""
X86_64, I386 = 0x0303, 0x0003


def program(root, path, text="#!/bin/sh\n"):
    place = root / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(0o755)


def read(root, files=None, python=None, **variables):
    tree(root, files)
    return add_files(Toolchain(), python, Sources(root=root, variables=variables))


def cache(*entries, before=b""):
    """A linker's cache of (flags, name, path) entries, as glibc writes it."""
    table, texts = b"", b""
    start = 48 + 24 * len(entries)
    for flags, name, path in entries:
        offsets = (start + len(texts), start + len(texts) + len(name) + 1)
        table += struct.pack("<iIIIQ", flags, *offsets, 0, 0)
        texts += name.encode() + b"\0" + path.encode() + b"\0"
    header = b"glibc-ld.so.cache1.1" + struct.pack("<II", len(entries), len(texts)) + bytes(20)
    return before + header + table + texts


def test_toolkits_come_in_the_order_torch_looks_for_them(tmp_path):
    program(tmp_path, "/opt/bin/nvcc")
    found = read(
        tmp_path,
        {
            "/opt/cuda-12.4/version.json": VERSION % "12.4.131",
            "/opt/include/cuda.h": "#define CUDA_VERSION 12060\n",
            "/usr/local/cuda/version.txt": "CUDA Version 10.2.89\n",
        },
        CUDA_HOME="/opt/cuda-12.4",
        PATH="/usr/bin:/opt/bin",
    ).toolkits
    assert [(t.named_by, t.path, t.release, t.has_nvcc) for t in found] == [
        ("CUDA_HOME", "/opt/cuda-12.4", "12.4", False),
        ("PATH", "/opt", "12.6", True),
        ("default", "/usr/local/cuda", "10.2", False),
    ]


def test_a_variable_that_leads_nowhere_is_kept_without_a_release(tmp_path):
    (found,) = read(tmp_path, CUDA_HOME="/gone", PATH="").toolkits
    assert (found.path, found.release, found.has_nvcc) == ("/gone", None, False)


def test_a_link_to_nvcc_leads_to_its_toolkit(tmp_path):
    program(tmp_path, "/opt/cuda-12.8/bin/nvcc")
    tree(tmp_path, {"/opt/cuda-12.8/version.json": VERSION % "12.8.93"})
    tree(tmp_path, links={"/usr/bin/nvcc": "../../opt/cuda-12.8/bin/nvcc"})
    (found,) = read(tmp_path, PATH="/usr/bin").toolkits
    assert (found.path, found.release) == ("/opt/cuda-12.8", "12.8")


def test_a_machine_without_any_toolkit_has_none(tmp_path):
    assert read(tmp_path, PATH="/usr/bin").toolkits == ()


@pytest.mark.parametrize("before", [b"", b"ld.so-1.7.0\0" + bytes(60)])
def test_the_linkers_cache_lists_the_64_bit_libcuda(tmp_path, before):
    (tmp_path / "etc").mkdir()
    (tmp_path / CACHE.lstrip("/")).write_bytes(
        cache(
            (I386, "libcuda.so.1", "/lib/i386-linux-gnu/libcuda.so.1"),
            (X86_64, "libcuda.so.1", "/lib/x86_64-linux-gnu/libcuda.so.1"),
            (X86_64, "libcudart.so.12", "/opt/libcudart.so.12"),
            before=before,
        )
    )
    assert read(tmp_path).libcuda_in_cache == ("/lib/x86_64-linux-gnu/libcuda.so.1",)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (cache((X86_64, "libc.so.6", "/lib/libc.so.6")), ()),
        (b"nonsense", None),
        (cache((X86_64, "libcuda.so.1", "/x"))[:60], None),
        (b"", None),
    ],
)
def test_a_cache_without_it_is_empty_and_one_that_is_broken_unknown(tmp_path, content, found):
    (tmp_path / "etc").mkdir()
    (tmp_path / CACHE.lstrip("/")).write_bytes(content)
    assert read(tmp_path).libcuda_in_cache == found


@pytest.mark.skipif(shutil.which("ldconfig") is None, reason="needs ldconfig")
def test_this_machines_own_cache_is_read_as_ldconfig_reads_it():
    said = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    listed = [line.split()[-1] for line in said.splitlines() if line.split()[:1] == ["libc.so.6"]]
    assert _in_cache(Sources(), "libc.so.6") == tuple(listed)


def test_libcuda_is_looked_for_along_the_path_in_its_order(tmp_path):
    files = {"/b/libcuda.so.1": "", "/usr/local/cuda/compat/libcuda.so.1": ""}
    path = "/a:/usr/local/cuda/compat/::relative:/b"
    found = read(tmp_path, files, LD_LIBRARY_PATH=path).libcuda_on_path
    assert found == ("/usr/local/cuda/compat/libcuda.so.1", "/b/libcuda.so.1")


def test_the_assembler_is_tritons_own_unless_a_variable_names_one(tmp_path):
    site = "/venv/site"
    triton = Distribution(name="triton", version="3.4.0", folder=site)
    python = Python(distributions=(triton,))
    path = f"{site}/triton/backends/nvidia/bin/ptxas"
    assert read(tmp_path, {path: ""}, python).ptxas == path
    newer = f"{path}-blackwell"
    assert read(tmp_path, {newer: ""}, python).ptxas == newer
    assert read(tmp_path, {}, python, TRITON_PTXAS_PATH="/x/ptxas").ptxas == "/x/ptxas"
    assert read(tmp_path / "empty", {}, python).ptxas is None
    assert read(tmp_path, {}, None).ptxas is None


def tried(**fields):
    variables = {"PATH": "/usr/bin:/bin"}
    toolchain = dataclasses.replace(Toolchain(), **fields)
    return try_tools(toolchain, Sources(variables=variables), timeout=20.0)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")
def test_the_compiler_of_this_machine_builds_a_small_library():
    found = tried(cc=shutil.which("gcc"))
    assert (found.cc_compiles, found.cc_problem) == (True, None)
    assert found.cc_release


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#!/bin/sh\necho 'x.c: fatal error: stdlib.h: missing' >&2; exit 1\n", "stdlib.h"),
        ("#!/bin/sh\nkill -SEGV $$\n", "SIGSEGV"),
    ],
)
def test_a_compiler_that_builds_nothing_is_told_in_its_own_words(tmp_path, text, words):
    program(tmp_path, "/cc", text)
    found = tried(cc=str(tmp_path / "cc"))
    assert found.cc_compiles is False
    assert words in found.cc_problem


def test_the_assembler_gives_its_release_or_its_problem(tmp_path):
    said = "#!/bin/sh\necho 'Cuda compilation tools, release 12.8, V12.8.93'\n"
    program(tmp_path, "/ptxas", said)
    assert tried(ptxas=str(tmp_path / "ptxas")).ptxas_release == "12.8"
    assert "cannot start" in tried(ptxas=str(tmp_path / "gone")).ptxas_problem


def test_an_nvcc_whose_files_do_not_tell_its_release_is_asked(tmp_path):
    program(tmp_path, "/cuda/bin/nvcc", "#!/bin/sh\necho 'release 12.4, V12.4.131'\n")
    toolkits = tuple(
        Toolkit(named_by="PATH", path=str(tmp_path / name), has_nvcc=True)
        for name in ("cuda", "gone")
    )
    assert [found.release for found in tried(toolkits=toolkits).toolkits] == ["12.4", None]


def test_what_is_not_there_is_not_tried():
    assert tried().cc_compiles is None
