"""Takes a snapshot: asks every source, in parallel where they are processes of their own."""

import dataclasses
import datetime as dt
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gpubench
from gpubench.env.driver_files import is_gpu_node, read_driver
from gpubench.env.host import find_container, read_environment, read_host
from gpubench.env.kernel_log import read_kernel_log
from gpubench.env.nvml import NvmlAnswer, ask_nvml
from gpubench.env.python_env import PythonAnswer, hold_contents, inspect_python
from gpubench.env.running import run_torch, start_cuda
from gpubench.env.snapshot import CudaInit, Driver, Snapshot, TorchRun
from gpubench.env.sources import Sources
from gpubench.errors import BadUsage

LEVELS = ("quick", "standard")
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
) -> Snapshot:
    """This machine and the interpreter ``python`` (default: this one).

    ``quick`` reads files, metadata and NVML; ``standard`` also starts CUDA and imports torch,
    in children that get ``timeout`` seconds each, NVML no less than ``NVML_SECONDS``.
    BadUsage where ``python`` is no program.
    """
    sources = sources or Sources()
    executable = interpreter(python)
    unread: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=2) as pool:
        nvml_answer = pool.submit(
            ask_nvml, sources, timeout=max(timeout, NVML_SECONDS), identify=identify
        )
        python_answer = pool.submit(inspect_python, executable, sources, timeout=timeout)
        host = read_host(sources, unread, identify=identify)
        driver = read_driver(sources, unread)
        events = read_kernel_log(sources, unread)
        nvml, environment = nvml_answer.result(), python_answer.result()
    if level in HASH_SECONDS:
        environment = hold_contents(
            environment, executable, sources, seconds=min(HASH_SECONDS[level], timeout)
        )
    cuda_init, torch_run = _run(level, executable, sources, timeout, (driver, nvml, environment))
    return Snapshot(
        gpubench_version=gpubench.__version__,
        taken_at=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        level=level,
        host=host,
        container=find_container(sources),
        environment=read_environment(sources.variables, identify=identify),
        driver=_with_nvml(driver, nvml),
        gpus=nvml.gpus,
        kernel_events=events,
        python=environment.python,
        torch=environment.torch,
        toolchain=environment.toolchain,
        cuda_init=cuda_init,
        torch_run=torch_run,
        unread={**unread, **nvml.unread, **environment.unread},
    )


def interpreter(python: str | None) -> str:
    """The absolute path of the interpreter to examine; BadUsage where it is no program."""
    if python is None:
        return sys.executable
    found = shutil.which(python)
    if found is None:
        raise BadUsage(f"--python {python}: no such program; give the path of an interpreter")
    return str(Path(found).absolute())


def _run(
    level: str,
    executable: str,
    sources: Sources,
    timeout: float,
    seen: tuple[Driver, NvmlAnswer, PythonAnswer],
) -> tuple[CudaInit | None, TorchRun | None]:
    """Start CUDA where there are signs of a driver or torch saw GPUs, torch where there is one."""
    if level == "quick":
        return None, None
    driver, nvml, environment = seen
    cuda = torch = None
    if _shows_a_driver(driver, nvml):
        cuda = start_cuda(executable, sources, timeout=timeout)
    if environment.torch is not None:
        torch = run_torch(executable, sources, timeout=timeout)
        if cuda is None and torch.devices and environment.torch.hip is None:
            cuda = start_cuda(executable, sources, timeout=timeout)
    return cuda, torch


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
