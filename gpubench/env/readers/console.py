"""Short outputs pasted beside a report: nvcc, /proc files, variables, packages."""

import re
from collections.abc import Iterator

from gpubench.env.host import ALLOWED
from gpubench.env.kernel_log import events_in
from gpubench.env.readers.draft import Draft
from gpubench.env.readers.pasted import Pasted, unquoted
from gpubench.env.readers.values import put_torch
from gpubench.env.redact import clean
from gpubench.env.snapshot import Container

_VARIABLE = re.compile(
    r"(?:^|\s)(?:export |set |ENV |\$env:)?(?P<name>[A-Z][A-Z0-9_]{1,60})="
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s;]*)"
)
_ENVIRON = re.compile(
    r"environ\[['\"](?P<name>[A-Z][A-Z0-9_]{1,60})['\"]\]\s*=\s*(?P<value>['\"][^'\"]{0,200}['\"])"
)
_ECHO = re.compile(r"\becho \"?\$\{?([A-Z][A-Z0-9_]{1,60})\}?\"?$")
_NVCC = re.compile(r"Cuda compilation tools, release (\d+\.\d+)")
_MODULE = re.compile(
    r"NVRM version: NVIDIA UNIX (?P<kind>Open Kernel Module|\S+ Kernel Module)"
    r".*?(?P<version>\d{3}\.[\d.]+)"
)
_PACKAGE = re.compile(
    r"(?:^|\s)(?P<name>libnvidia-compute|nvidia-fabricmanager|nvidia-utils|nvidia-driver)"
    r"-\d{3}[\w-]*(?::\w+)?\s+(?P<version>\d{3}\.\d[\d.]*)-"
)
_NVML_LIBRARY = re.compile(r"NVML library version: (\d{3}\.[\d.]+)")
_VERSION_LINE = re.compile(r"(\d+\.\d+\.\d+[\w.]*\+(?:cu\d+|cpu|rocm[\w.]+))(?:\s|$)")
_VLLM = re.compile(r"(?i)vLLM (?:API server )?version:?\s+v?(\d+\.\d+[\w.]*)")
_IMAGE = ("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_REQUIRE_CUDA")
"""Variables that stand in images and in hardly any shell."""
_CONTAINER = re.compile(
    r"/\.dockerenv|\bdocker(?:-compose)? (?:run|exec|compose)\b|\b(?:podman|nerdctl) run\b"
    r"|\binside (?:the |a )?(?:\w+ )?container\b|\bdocker restart\b|\bkubectl\b"
    r"|KUBERNETES_SERVICE_HOST|\bdocker: Error response"
)
_KERNEL = ("nvrm", "sxid", "pcie bus error", "pcie bandwidth", "key was rejected", "killed process")
_CONTAINERS = ("docker", "container", "podman", "nerdctl", "kube")
_SHM = re.compile(r"^(?:shm|tmpfs)\s+(\d+(?:\.\d+)?)([KMGT])\s.*?(?:\s(\d+)%)?\s+/dev/shm$")
_LETTERS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take what is known for certain; a line may also stay what was said."""
    found = False
    for number, raw in list(pasted.free()):
        line = unquoted(raw)
        if len(line) > 600:
            continue
        if _fact(draft, line) or _installed(draft, line):
            pasted.take(number)
            found = True
        found = _variables(draft, line) or _echoed(pasted, draft, number, line) or found
    _events(pasted, draft)
    _inside(pasted, draft)
    return found or bool(draft.kernel_events)


def _fact(draft: Draft, line: str) -> bool:
    """A line of a tool that stands for itself."""
    if found := _NVCC.search(line):
        draft.put("toolchain", nvcc=found[1])
    elif found := _MODULE.search(line):
        flavour = "open" if found["kind"].startswith("Open") else "proprietary"
        draft.put("driver", version=found["version"], flavour=flavour, module_loaded=True)
    elif found := _SHM.match(line):
        size = int(float(found[1]) * _LETTERS[found[2]])
        draft.put("host", shm_bytes=size)
        if found[3]:
            draft.put("host", shm_free_bytes=size * (100 - min(100, int(found[3]))) // 100)
    elif found := _VERSION_LINE.match(line):
        put_torch(draft, found[1])
    elif found := _NVML_LIBRARY.search(line):
        draft.put("nvml", driver_version=found[1])
        return False  # it stands below an error, and is read with it
    else:
        return False
    return True


def _installed(draft: Draft, line: str) -> bool:
    """A package of the driver as the system's package manager lists it, and vLLM's own line."""
    if found := _VLLM.search(line):
        draft.distribution("vllm", found[1].rstrip("."))
    elif found := _PACKAGE.search(line):
        version = found["version"]
        if found["name"] == "nvidia-fabricmanager":
            draft.put("driver", fabric_manager_version=version)
        elif found["name"] == "nvidia-driver":
            draft.put("driver", version_on_disk=version)
        else:
            draft.put("nvml", driver_version=version)
    else:
        return False
    return True


def _variables(draft: Draft, line: str) -> bool:
    """Variables of the allow-list, as a shell, a Dockerfile or ``env`` writes them."""
    if "=" not in line:
        return False
    if not any(ALLOWED.fullmatch(found["name"]) for found in _assignments(line)):
        return False
    for found in _assignments(clean(line)):  # the words around a secret tell what it is
        if ALLOWED.fullmatch(found["name"]):
            draft.environment.setdefault(found["name"], found["value"].strip("'\""))
    return True


def _assignments(line: str) -> Iterator[re.Match[str]]:
    """NAME=value as a shell writes it, and os.environ["NAME"] = "value"."""
    yield from _VARIABLE.finditer(line)
    yield from _ENVIRON.finditer(line)


def _echoed(pasted: Pasted, draft: Draft, number: int, line: str) -> bool:
    """A variable that was asked for, with its value on the next line."""
    asked = _ECHO.search(line) if "echo" in line else None
    if asked is None or not ALLOWED.fullmatch(asked[1]) or number + 1 >= len(pasted.lines):
        return False
    value = unquoted(pasted.lines[number + 1])
    if len(value) > 300 or value.startswith(("$", "#", ">")):
        value = ""
    draft.environment.setdefault(asked[1], clean(value))
    return True


def _events(pasted: Pasted, draft: Draft) -> None:
    if pasted.mentions(*_KERNEL):
        draft.kernel_events.extend(events_in(pasted.lines))


def _inside(pasted: Pasted, draft: Draft) -> None:
    if draft.container is None and (
        name := next((n for n in _IMAGE if n in draft.environment), "")
    ):
        draft.container = Container(runtime="docker", evidence=f"{name} is set")
    if draft.container is not None or not pasted.mentions(*_CONTAINERS):
        return
    found = next((found for line in pasted.lines if (found := _CONTAINER.search(line))), None)
    if found:
        runtime = "kubernetes" if "ube" in found[0].lower() else "docker"
        draft.container = Container(runtime=runtime, evidence=f"{found[0]!r} stands in the report")
