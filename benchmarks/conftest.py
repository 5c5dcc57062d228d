"""What every file of these benchmarks says of its machine: its device and releases, no names."""

import dataclasses

from gpubench import codec
from gpubench.env.probe import take_snapshot
from gpubench.env.snapshot import Snapshot
from gpubench.gate.machine import Machine, hashed, machine_of
from gpubench.gate.pytest_benchmark import OURS, machine_section

PACKAGES = ("timm", "transformers")


def pytest_benchmark_update_machine_info(machine_info):
    """Tell GPUs of one model apart, and the host without its name."""
    snapshot = take_snapshot(level="quick")
    facts = device_facts()
    host = hashed(str(machine_info["node"]))
    machine = dataclasses.replace(machine_of(facts, codec.to_plain(snapshot)), host=host)
    machine_info |= described(machine, releases(snapshot, facts))


def described(machine: Machine, software: dict[str, str]) -> dict[str, object]:
    """The entries of ``machine_info`` that ``gpubench compare`` reads, in place of the host's."""
    return {"node": machine.host, OURS: machine_section(machine, software)}


def device_facts() -> dict[str, object]:
    """The device that the training steps are timed on; nothing where there is no torch."""
    try:
        import torch

        from gpubench.bench import cuda
    except ImportError:
        return {}
    return cuda.facts(cuda.device_named("cuda" if torch.cuda.is_available() else "cpu"))


def releases(snapshot: Snapshot, facts: dict[str, object]) -> dict[str, str]:
    """What may differ between two files of one machine, by its name."""
    found = {name: facts.get(name) for name in ("torch", "cuda", "cudnn")}
    found["driver"] = snapshot.driver.version
    for name in PACKAGES:
        installed = snapshot.python.distribution(name) if snapshot.python else None
        found[name] = installed.version if installed else None
    return {name: str(version) for name, version in found.items() if version}
