"""What torch.compile and extension builds call: compilers, headers, libcuda, ptxas."""

from gpubench.checks.facts import (
    NO_GPU,
    capabilities,
    has_gpu,
    is_rocm,
    torch_cuda,
    torch_known,
    torch_version,
)
from gpubench.checks.outcome import Check, Outcome, note, ok, skip, unknown, warn
from gpubench.env.snapshot import Snapshot, Toolchain
from gpubench.knowledge.tables import first_assembler, gcc_limit
from gpubench.versions import Version

INSTALL = "apt-get install -y build-essential"


def _toolchain(snapshot: Snapshot) -> tuple[Outcome | None, Toolchain]:
    missing = torch_known(snapshot)
    if missing is not None:
        return missing, Toolchain()
    torch = torch_version(snapshot)
    if torch is not None and torch < Version.parse("2.0"):
        return skip(f"torch {torch} has no torch.compile"), Toolchain()
    if snapshot.toolchain is None or snapshot.paste is not None:  # no report tells all of it
        reason = snapshot.why_unread("toolchain")
        words = "the tool chain is not described here"
        return unknown(reason) if reason else skip(words), Toolchain()
    return None, snapshot.toolchain


def compiler(snapshot: Snapshot) -> Outcome:
    """There is a C compiler for torch.compile, and it builds.

    Why: triton builds its launchers with a C compiler, the CPU back end whole kernels with a
    C++ compiler, both when a model is first compiled.
    Remedy: apt install build-essential, or a -devel image.
    """
    other, tools = _toolchain(snapshot)
    if other is not None:
        return other
    for variable, wanted, found in (
        ("CC", tools.wanted_cc, tools.cc),
        ("CXX", tools.wanted_cxx, tools.cxx),
    ):
        if wanted and found is None:
            return warn(
                f"{variable}={wanted} names no program: torch.compile calls what it names",
                f"unset {variable}, or name a compiler that exists",
                value=wanted,
            )
    if tools.cc is None and tools.cxx is None:
        return warn("no C compiler on the PATH: torch.compile cannot build anything", INSTALL)
    if tools.cc is None:
        return warn("no C compiler on the PATH, only a C++ one: triton needs it", INSTALL)
    if tools.cc_compiles is False:
        remedy = "unset CC" if tools.wanted_cc else INSTALL
        return warn(f"{tools.cc} builds nothing: {tools.cc_problem}", remedy, compiler=tools.cc)
    if tools.cxx is None:
        if has_gpu(snapshot):
            return note("no C++ compiler: torch.compile works on the GPU, not on the CPU")
        return warn("no C++ compiler on the PATH: torch.compile cannot build CPU code", INSTALL)
    built = " (it built a small library)" if tools.cc_compiles else ""
    return ok(f"{tools.cc}{built} and {tools.cxx}")


def python_header(snapshot: Snapshot) -> Outcome:
    """Python.h is there for torch.compile.

    Why: what is built when a model is compiled includes the interpreter's header.
    Remedy: apt install python3-dev of this Python.
    """
    other, tools = _toolchain(snapshot)
    if other is not None:
        return other
    if tools.python_h is not None:
        return ok(tools.python_h)
    version = snapshot.python.version if snapshot.python else None
    minor = ".".join((version or "3").split(".")[:2])
    return warn(
        f"no Python.h for Python {minor}: torch.compile cannot build its launchers",
        f"apt-get install -y python{minor}-dev",
    )


def _for_gpus(snapshot: Snapshot) -> tuple[Outcome | None, Toolchain]:
    """What concerns compiled code for NVIDIA GPUs alone."""
    other, tools = _toolchain(snapshot)
    if other is not None:
        return other, tools
    if not has_gpu(snapshot):
        return skip(NO_GPU), tools
    if is_rocm(snapshot) or torch_cuda(snapshot) is None:
        return skip("this torch was built without CUDA"), tools
    return None, tools


def libcuda_to_link(snapshot: Snapshot) -> Outcome:
    """Triton finds libcuda.so.1 to link its launchers with.

    Why: triton asks the linker's cache and then LD_LIBRARY_PATH; a library that programs find
    in another way is not found by it ("libcuda.so cannot found").
    Remedy: sudo ldconfig, or TRITON_LIBCUDA_PATH.
    """
    other, tools = _for_gpus(snapshot)
    if other is not None:
        return other
    named = snapshot.environment.get("TRITON_LIBCUDA_PATH")
    if named:
        return ok(f"TRITON_LIBCUDA_PATH={named}")
    found = (*(tools.libcuda_in_cache or ()), *(tools.libcuda_on_path or ()))
    if found:
        return ok(found[0])
    if tools.libcuda_in_cache is None:
        return skip("the linker's cache is not described here")
    started = snapshot.cuda_init
    if started is None or started.code != 0:
        return skip("libcuda.so.1 is not where the linker looks, and CUDA was not seen to start")
    return warn(
        "CUDA starts, but libcuda.so.1 is neither in the linker's cache nor on LD_LIBRARY_PATH: "
        "triton will not find it",
        "sudo ldconfig",
        "or: export TRITON_LIBCUDA_PATH=/folder/of/libcuda.so.1",
        confidence="likely",
        library=started.library,
    )


def assembler(snapshot: Snapshot) -> Outcome:
    """The ptxas of triton runs and knows these GPUs.

    Why: triton assembles every kernel with it; one that is older than the GPU says
    "Value 'sm_X' is not defined for option 'gpu-name'".
    Remedy: unset TRITON_PTXAS_PATH, or the triton that belongs to this torch.
    """
    other, tools = _for_gpus(snapshot)
    if other is not None:
        return other
    if tools.ptxas is None:
        return skip("no ptxas of triton is described here")
    named = snapshot.environment.get("TRITON_PTXAS_PATH")
    remedy = "unset TRITON_PTXAS_PATH" if named else "pip install --force-reinstall triton"
    if tools.ptxas_problem:
        return warn(f"{tools.ptxas} does not run: {tools.ptxas_problem}", remedy)
    release = Version.find(tools.ptxas_release)
    if release is None:
        return skip(f"{tools.ptxas}; it is asked for its release at --level standard")
    for gpu in capabilities(snapshot):
        first = first_assembler(gpu)
        if first is not None and release < first:
            return warn(
                f"{tools.ptxas} is of CUDA {release} and does not know sm_{gpu.major}{gpu.minor}, "
                f"which came with CUDA {first}",
                remedy,
                confidence="likely",
                release=str(release),
            )
    return ok(f"{tools.ptxas} of CUDA {release}")


def extension_tools(snapshot: Snapshot) -> Outcome:
    """What builds CUDA extensions is there, and fits together.

    Why: a build needs nvcc, ninja, and a gcc that this nvcc accepts. It is asked where
    TORCH_CUDA_ARCH_LIST shows that extensions are built.
    Remedy: install a CUDA toolkit of torch's release, ninja, and a gcc within its limit.
    """
    other, tools = _toolchain(snapshot)
    if other is not None:
        return other
    if not snapshot.environment.get("TORCH_CUDA_ARCH_LIST"):
        return skip("nothing shows that extensions are built here (TORCH_CUDA_ARCH_LIST)")
    if tools.toolkits is None:
        return skip("the toolkits are not described here")
    toolkit = next((found for found in tools.toolkits if found.has_nvcc), None)
    cuda = torch_cuda(snapshot)
    if toolkit is None:
        wanted = f"{cuda.major}-{cuda.minor}" if cuda else "of torch's release"
        return note(f"no nvcc to build CUDA extensions with; the package is cuda-nvcc-{wanted}")
    release, gcc = Version.find(toolkit.release), Version.find(tools.cc_release)
    limit = gcc_limit(release) if release else None
    if limit is not None and gcc is not None and gcc.major >= limit:
        return note(f"nvcc {release} refuses gcc {gcc}: it takes those below {limit}")
    if tools.ninja is None:
        return note("no ninja: extensions build one file at a time")
    return ok(f"nvcc {release or '?'} at {toolkit.path}, ninja, gcc {gcc or '?'}")


CHECKS = (
    Check(
        id="tc.cc",
        judge=compiler,
        cause="compiler-missing",
        needs=("torch.present",),
        reference="pytorch/pytorch issue 116696",
    ),
    Check(
        id="tc.python_h",
        judge=python_header,
        cause="compiler-missing",
        needs=("torch.present",),
        reference="theroyallab/tabbyAPI issue 456",
    ),
    Check(
        id="tc.libcuda_link",
        judge=libcuda_to_link,
        cause="compiler-missing",
        needs=("torch.present", "drv.module"),
        reference="triton, backends/nvidia/driver.py, libcuda_dirs; pytorch/pytorch issue 103417",
    ),
    Check(
        id="tc.ptxas",
        judge=assembler,
        cause="torch-companion-mismatch",
        needs=("torch.present", "comp.triton"),
        reference="triton, backends/nvidia/compiler.py, get_ptxas",
    ),
    Check(
        id="tc.ext_build",
        judge=extension_tools,
        cause="toolkit-mismatch",
        needs=("torch.present",),
        reference="PyTorch, torch.utils.cpp_extension",
    ),
)
