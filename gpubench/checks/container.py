"""The container: were the GPUs of the host handed in."""

from gpubench.checks.facts import cuda_works, gpu_nodes, nvml_answers, pci_gpus
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip
from gpubench.env.snapshot import Snapshot

FLAGS = {
    "docker": "docker run --gpus all ...",
    "podman": "podman run --device nvidia.com/gpu=all ...",
    "kubernetes": "ask for the GPU in the pod: resources: limits: nvidia.com/gpu: 1",
    "apptainer": "apptainer exec --nv ...",
    "lxc": "lxc config device add NAME gpu gpu",
}
LIBRARY_MISSING, UNKNOWN_ERROR = 12, 999
"""What NVML answers without its library, and where a device node may no longer be opened."""
TOOLKIT = "where that is refused: install the NVIDIA Container Toolkit on the host and restart it"


def is_known(snapshot: Snapshot) -> Outcome:
    """Whether this is a container, and of which runtime.

    Why: what is missing in a container is put right outside of it, by its runtime's own words;
    every remedy follows this answer.
    Remedy: none needed.
    """
    found = snapshot.container
    if found is not None:
        return ok(f"in a container: {found.runtime} (by {found.evidence})")
    if snapshot.source != "live":
        return skip("whether this is a container is not described here")
    return ok("this is no container")


def gpus_handed_in(snapshot: Snapshot) -> Outcome:
    """The container was started with the GPUs of its host.

    Why: a container sees no GPU unless its runtime hands in device nodes and driver libraries.
    Remedy: docker run --gpus all, with the NVIDIA Container Toolkit on the host.
    """
    if snapshot.container is None:
        return skip("this is no container")
    if nvml_answers(snapshot) or cuda_works(snapshot):
        return _capabilities(snapshot)
    if snapshot.paste is not None:
        return _as_reported(snapshot)
    on_host = bool(pci_gpus(snapshot) or snapshot.driver.module_loaded)
    if not on_host:
        return skip("nothing here shows that the host has a GPU")
    hidden = snapshot.environment.get("NVIDIA_VISIBLE_DEVICES")
    if snapshot.driver.device_nodes is None:
        return skip("the device nodes are not described here")
    if gpu_nodes(snapshot):
        return _without_libraries(snapshot) or _capabilities(snapshot)
    said = f"; NVIDIA_VISIBLE_DEVICES={hidden}" if hidden in ("void", "none", "") else ""
    return fail(
        f"the host has an NVIDIA GPU, but none was handed into this container{said}",
        *_how(snapshot),
        NVIDIA_VISIBLE_DEVICES=hidden,
        runtime=snapshot.container.runtime,
    )


def _as_reported(snapshot: Snapshot) -> Outcome:
    """A report tells no device nodes, but may tell what the runtime was asked for."""
    hidden = snapshot.environment.get("NVIDIA_VISIBLE_DEVICES")
    missed = snapshot.paste is not None and snapshot.paste.cuda_available is False
    if hidden not in ("void", "none") or not missed:
        return skip("the device nodes are not described here")
    return fail(
        f"NVIDIA_VISIBLE_DEVICES={hidden}: no GPU was handed into this container",
        *_how(snapshot),
        NVIDIA_VISIBLE_DEVICES=hidden,
    )


def _without_libraries(snapshot: Snapshot) -> Outcome | None:
    """Device nodes were handed in (--device), the driver's libraries were not."""
    nvml, tools = snapshot.driver.nvml, snapshot.toolchain
    if nvml is None or nvml.code != LIBRARY_MISSING or tools is None:
        return None
    if tools.libcuda_in_cache is None or tools.libcuda_in_cache or tools.libcuda_on_path:
        return None
    return fail(
        "the GPUs' device nodes are in this container, the driver's libraries are not",
        *_how(snapshot),
        confidence="likely",
        runtime=snapshot.container.runtime if snapshot.container else None,
    )


def _how(snapshot: Snapshot) -> tuple[str, ...]:
    runtime = snapshot.container.runtime if snapshot.container else "docker"
    if runtime == "docker":
        return (FLAGS["docker"], TOOLKIT)
    if runtime in FLAGS:
        return (FLAGS[runtime], f"with Docker: {FLAGS['docker']}", TOOLKIT)
    return (FLAGS["docker"], TOOLKIT)


def _capabilities(snapshot: Snapshot) -> Outcome:
    """Device nodes are here; were the libraries for computing handed in as well."""
    given = snapshot.environment.get("NVIDIA_DRIVER_CAPABILITIES")
    names = {name.strip() for name in (given or "").split(",")}
    if not given or names & {"all", "compute"}:
        return ok("the GPUs were handed into this container")
    if cuda_works(snapshot):
        return note("CUDA starts although NVIDIA_DRIVER_CAPABILITIES lacks compute")
    if snapshot.cuda_init is None:
        return note(f"NVIDIA_DRIVER_CAPABILITIES={given} lacks compute; CUDA was not tried")
    return fail(
        f"NVIDIA_DRIVER_CAPABILITIES={given} lacks compute, so libcuda was not handed in",
        "docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility ...",
        NVIDIA_DRIVER_CAPABILITIES=given,
    )


def access_kept(snapshot: Snapshot) -> Outcome:
    """The container can still open the GPUs it was given.

    Why: where systemd rules the control groups, a reload of it (an update on the host does one)
    takes device nodes away from running containers: NVML says "Unknown Error" from then on.
    Remedy: start the container again; hand GPUs in by CDI, or name the nodes with --device.
    """
    if snapshot.container is None:
        return skip("this is no container")
    nvml = snapshot.driver.nvml
    if nvml is None or not gpu_nodes(snapshot):
        return skip("no GPU was handed in")
    if cuda_works(snapshot) or nvml.code != UNKNOWN_ERROR:
        return ok("the GPUs that were handed in can be opened, as far as NVML tells")
    return fail(
        "this container has lost its GPUs: the nodes are here and NVML says "
        f"{nvml.message or 'Unknown Error'} ({nvml.code})",
        "start the container again",
        "to keep it: docker run --device nvidia.com/gpu=all ...  (CDI), or "
        "native.cgroupdriver=cgroupfs in the host's /etc/docker/daemon.json",
        confidence="likely",
    )


CHECKS = (
    Check(
        id="ctr.detect",
        judge=is_known,
        cause="container-no-gpu",
        reference="lablup/all-smi, container.runtime",
    ),
    Check(
        id="ctr.injection",
        judge=gpus_handed_in,
        cause="container-no-gpu",
        reference="NVIDIA Container Toolkit documentation",
    ),
    Check(
        id="ctr.lost_access",
        judge=access_kept,
        cause="device-access",
        needs=("ctr.injection",),
        reference="NVIDIA Container Toolkit, troubleshooting: containers losing access to GPUs",
    ),
)
