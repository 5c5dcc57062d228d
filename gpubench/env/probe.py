"""Takes a snapshot: asks every source, in parallel where they are processes of their own."""

import dataclasses
import datetime as dt
import shutil
import sys
from pathlib import Path

import gpubench
from gpubench.env.children import Pool
from gpubench.env.container import find_container
from gpubench.env.driver_files import is_gpu_node, read_driver
from gpubench.env.host import read_environment, read_host
from gpubench.env.kernel_log import read_kernel_log
from gpubench.env.loading import with_links
from gpubench.env.nvml import NvmlAnswer, ask_nvml
from gpubench.env.places import HERE, Interpreter, Place
from gpubench.env.proving import Tell
from gpubench.env.python_env import PythonAnswer, hold_contents, inspect_python
from gpubench.env.running import run_torch, start_cuda
from gpubench.env.snapshot import CudaInit, Driver, KernelEvent, Snapshot, Toolchain, TorchRun
from gpubench.env.sources import Sources
from gpubench.env.stack import read_stack
from gpubench.env.toolkit import add_files, try_tools
from gpubench.errors import BadUsage

LEVELS = ("quick", "standard", "deep")
Events = tuple[KernelEvent, ...] | None
HASH_SECONDS = {"standard": 15.0, "deep": 300.0}
"""How long the files of torch are read, to hold their contents against their wheels' hashes.

The 4.5 GB of torch 2.6 to 2.15 and its libraries took 7 to 10 s (own measurement, two cores)."""
NVML_SECONDS = 30.0
"""The least time NVML is given, however short ``timeout``: what is slower counts as hung.

nvmlInit of eight GPUs without the persistence daemon takes up to about ten seconds."""


def take_snapshot(
    *,
    level: str = "quick",
    python: str | None = None,
    timeout: float = 60.0,
    identify: bool = False,
    sources: Sources | None = None,
    tell: Tell | None = None,
    place: Place | None = None,
) -> Snapshot:
    """This machine and the Python of ``place``, or the interpreter ``python`` (default: this one).

    ``quick`` reads files, metadata and NVML; ``standard`` also starts CUDA, imports torch and
    proves what it does, in children that get ``timeout`` seconds each, NVML no less than
    ``NVML_SECONDS``; ``deep`` loads the GPUs for minutes. ``tell`` hears what is being proved.
    BadUsage where ``python`` is no program.
    """
    sources = sources or Sources()
    place = place or Interpreter(interpreter(python))
    variables = sources.variables if place.variables is None else place.variables
    unread: dict[str, str] = {}
    with Pool(2) as pool:
        nvml_answer = pool.submit(
            ask_nvml, sources, timeout=max(timeout, NVML_SECONDS), identify=identify
        )
        python_answer = pool.submit(inspect_python, place, sources, timeout=timeout)
        host = read_host(sources, unread, identify=identify)
        driver = read_driver(sources, unread)
        events = read_kernel_log(sources, unread)
        nvml, environment = nvml_answer.result(), python_answer.result()
    if level in HASH_SECONDS:
        environment = hold_contents(
            environment, place, sources, seconds=min(HASH_SECONDS[level], timeout)
        )
    seen = driver, nvml, environment
    cuda_init, torch_run = _run(level, place, sources, timeout, seen, tell)
    if torch_run is not None and level == "deep":
        events, torch_run = _after_load(sources, events, torch_run)
    return Snapshot(
        gpubench_version=gpubench.__version__,
        taken_at=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        level=level,
        host=host,
        container=find_container(sources),
        environment=read_environment(variables, identify=identify),
        stack=read_stack(sources, unread) if place == HERE else None,
        driver=_with_nvml(driver, nvml),
        gpus=with_links(nvml.gpus, torch_run) if torch_run else nvml.gpus,
        kernel_events=events,
        python=environment.python,
        torch=environment.torch,
        toolchain=_toolchain(level, environment, sources, timeout) if place.is_local else None,
        cuda_init=cuda_init,
        torch_run=torch_run,
        unread={**unread, **nvml.unread, **environment.unread},
    )


def _toolchain(
    level: str, environment: PythonAnswer, sources: Sources, timeout: float
) -> Toolchain | None:
    if environment.toolchain is None:
        return None
    toolchain = add_files(environment.toolchain, environment.python, sources)
    return toolchain if level == "quick" else try_tools(toolchain, sources, timeout=timeout)


def interpreter(python: str | None, option: str = "--python") -> str:
    """The absolute path of the interpreter to examine; BadUsage where it is no program."""
    if python is None:
        return sys.executable
    found = shutil.which(python)
    if found is None:
        inside = Path(python) / "bin" / "python"
        wanted = str(inside) if inside.is_file() else "the path of an interpreter"
        raise BadUsage(f"{option} {python}: no such program; give {wanted}")
    return str(Path(found).absolute())


def _run(
    level: str,
    place: Place,
    sources: Sources,
    timeout: float,
    seen: tuple[Driver, NvmlAnswer, PythonAnswer],
    tell: Tell | None,
) -> tuple[CudaInit | None, TorchRun | None]:
    """Start CUDA where there are signs of a driver or torch saw GPUs, torch where there is one."""
    if level == "quick":
        return None, None
    driver, nvml, environment = seen
    cuda = torch = None
    if _shows_a_driver(driver, nvml):
        cuda = start_cuda(place, sources, timeout=timeout)
    if environment.torch is not None:
        tools = environment.toolchain
        torch = run_torch(
            place,
            sources,
            timeout=timeout,
            level=level,
            has_compiler=tools is None or tools.cxx is not None,
            tell=tell,
        )
        if cuda is None and torch.devices and environment.torch.hip is None:
            cuda = start_cuda(place, sources, timeout=timeout)
    return cuda, torch


def _after_load(sources: Sources, before: Events, run: TorchRun) -> tuple[Events, TorchRun]:
    """The kernel log once more, and the Xids in it that were not there before the load."""
    after = read_kernel_log(sources, {})
    if before is None or after is None:
        return before, run
    new = tuple(event.code for event in after if event not in before and event.code is not None)
    return after, dataclasses.replace(run, new_xids=new)


def _shows_a_driver(driver: Driver, nvml: NvmlAnswer) -> bool:
    nodes = driver.device_nodes or ()
    return bool(
        driver.module_loaded
        or driver.pci_devices
        or nvml.gpus
        or any(is_gpu_node(node) or node.path == "/dev/dxg" for node in nodes)
    )


def _with_nvml(driver: Driver, nvml: NvmlAnswer) -> Driver:
    return dataclasses.replace(driver, nvml=nvml.nvml)
