"""The machine a plan is for: driver, GPUs and Python, by flags or as a snapshot describes them."""

import dataclasses
import re
from collections.abc import Sequence

from gpubench.env.snapshot import Snapshot
from gpubench.errors import BadUsage
from gpubench.knowledge.tables import capability_of, torch_builds
from gpubench.versions import Version

ARM = "aarch64"
_ARM_HOSTED = re.compile(r"(?i)\b(?:GH200|GB200|GB300|GB10|Thor)\b")
_ARM_CAPABILITIES = ("11.0", "12.1")
"""Of Thor and GB10 alone (NVIDIA, CUDA GPU compute capability)."""
_JETSON_CAPABILITIES = ("5.3", "6.2", "7.2", "8.7")
"""Of Jetson boards alone: Nano and TX1, TX2, Xavier, Orin (the same table)."""

_CAPABILITY = re.compile(r"(?:sm_?|compute_)?(\d{1,2})\.?(\d)[af]?$")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One kind of GPU."""

    name: str
    capability: str | None = None
    """Compute capability (9.0); None where it is not on record."""

    @property
    def is_jetson(self) -> bool:
        """True for a GPU of the Jetson boards that take wheels of their own."""
        return self.capability in _JETSON_CAPABILITIES

    @property
    def has_arm_host(self) -> bool:
        """True for a GPU that comes with an Arm processor only."""
        is_named = _ARM_HOSTED.search(self.name) is not None
        return is_named or self.is_jetson or self.capability in _ARM_CAPABILITIES


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is known of the machine; None and empty are unknown, unless ``has_no_gpu``."""

    driver: str | None = None
    gpus: tuple[Target, ...] = ()
    python: str | None = None
    architecture: str | None = None
    has_no_gpu: bool = False
    """Every source says that there is no NVIDIA GPU and no driver."""
    companions: tuple[str, ...] = ()
    """Those of torchvision and torchaudio that are installed and go with torch."""
    origin: str = "flags"
    """``live``, ``flags``, or the kind of report."""
    named: tuple[str, ...] = ()
    """What was named by flags: driver, gpu, python."""

    @property
    def driver_version(self) -> Version | None:
        """The driver as a version."""
        return Version.find(self.driver)

    @property
    def python_version(self) -> Version | None:
        """The Python as a version."""
        return Version.find(self.python)

    @property
    def capabilities(self) -> tuple[Version, ...]:
        """The distinct compute capabilities that are known, oldest first."""
        known = {Version.parse(gpu.capability) for gpu in self.gpus if gpu.capability}
        return tuple(sorted(known))

    @property
    def is_other_architecture(self) -> bool:
        """True where no CUDA build for this kind of processor is on record."""
        return self.architecture is not None and not torch_builds(self.architecture)

    @property
    def is_jetson(self) -> bool:
        """True where some GPU is one of those Jetson boards that take wheels of their own."""
        return any(gpu.is_jetson for gpu in self.gpus)

    @property
    def knows_few_builds(self) -> bool:
        """True where the table holds, for this processor, only what pip installs by default."""
        return self.architecture is not None and all(
            build.is_default for build in torch_builds(self.architecture)
        )


def of_snapshot(snapshot: Snapshot) -> Machine:
    """The machine that a snapshot describes."""
    python = snapshot.python
    installed = [
        name
        for name in ("torchvision", "torchaudio")
        if python is not None and python.distribution(name)
    ]
    return Machine(
        driver=_driver(snapshot),
        gpus=tuple(dict.fromkeys(_targets(snapshot))),
        python=python.version if python else None,
        architecture=snapshot.host.machine,
        has_no_gpu=_has_no_gpu(snapshot),
        companions=tuple(installed),
        origin=snapshot.source,
    )


def _driver(snapshot: Snapshot) -> str | None:
    nvml = snapshot.driver.nvml
    found = Version.find(snapshot.driver.version)
    found = found or Version.find(nvml.driver_version if nvml else None)
    return str(found) if found else None


def _targets(snapshot: Snapshot) -> list[Target]:
    return [
        Target(
            name=gpu.name or f"GPU {gpu.index}",
            capability=gpu.compute_capability or (capability_of(gpu.name) if gpu.name else None),
        )
        for gpu in snapshot.gpus
    ]


def _has_no_gpu(snapshot: Snapshot) -> bool:
    """Nothing on the bus, no driver loaded, NVML without a device; a paste never proves that."""
    driver = snapshot.driver
    if snapshot.source != "live" or snapshot.gpus or driver.module_loaded is not False:
        return False
    if any(device.is_gpu for device in driver.pci_devices or ()):
        return False
    nodes = driver.device_nodes or ()
    if any(node.path == "/dev/dxg" or node.path[-1].isdigit() for node in nodes):
        return False
    return not (driver.nvml is not None and driver.nvml.code == 0 and driver.nvml.device_count)


def with_flags(
    machine: Machine, *, driver: str | None, gpu: str | None, python: str | None
) -> Machine:
    """``machine`` with what was named on the command line in its place; BadUsage if unreadable."""
    changes: dict[str, object] = {}
    if driver is not None:
        changes["driver"] = str(parsed(driver, "--driver", "535.104.05"))
    if gpu is not None:
        changes["gpus"] = tuple(target(name) for name in gpu.split(",") if name.strip())
        if not changes["gpus"]:
            raise BadUsage("--gpu is empty; name a GPU (H100) or a compute capability (9.0)")
        if all(found.has_arm_host for found in changes["gpus"]):  # type: ignore[attr-defined]
            changes["architecture"] = ARM
    if python is not None:
        changes["python"] = str(parsed(python, "--python-version", "3.11"))
    named = tuple(
        name
        for name, value in (("driver", driver), ("gpu", gpu), ("python", python))
        if value is not None
    )
    if "driver" in changes or "gpus" in changes:
        changes["has_no_gpu"] = False
    return dataclasses.replace(machine, named=named, **changes)  # type: ignore[arg-type]


def parsed(text: str, option: str, example: str) -> Version:
    """The version a flag names; BadUsage where it is none."""
    text = text.strip()
    if not re.fullmatch(r"\d{1,5}(\.\d{1,5}){0,4}", text):
        raise BadUsage(f"{option} {text[:40]!r} is no version; write it like {example}")
    return Version.parse(text)


def target(text: str) -> Target:
    """The GPU named ``text``: by its name, or by its compute capability (9.0, sm_90)."""
    text = text.strip()
    found = _CAPABILITY.fullmatch(text)
    if found:
        capability = f"{int(found[1])}.{found[2]}"
        return Target(name=f"compute capability {capability}", capability=capability)
    known = capability_of(text[:200]) or capability_of(text[:200].upper())
    if known is None:
        raise BadUsage(
            f"no GPU named {text[:60]!r} on record; give its compute capability instead, such as "
            "--gpu 9.0 (nvidia-smi --query-gpu=compute_cap --format=csv shows it)"
        )
    return Target(name=text, capability=known)


def describes_nothing(machine: Machine) -> bool:
    """True where neither a driver nor a GPU is known, nor that there is none."""
    return machine.driver is None and not machine.gpus and not machine.has_no_gpu


def unknown_gpus(gpus: Sequence[Target]) -> tuple[str, ...]:
    """The names of the GPUs whose compute capability is not on record."""
    return tuple(gpu.name for gpu in gpus if gpu.capability is None)
