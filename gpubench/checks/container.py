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
TOOLKIT = "where that is refused: install the NVIDIA Container Toolkit on the host and restart it"


def gpus_handed_in(snapshot: Snapshot) -> Outcome:
    """The container was started with the GPUs of its host.

    Why: a container sees no GPU unless its runtime hands in device nodes and driver libraries.
    Remedy: docker run --gpus all, with the NVIDIA Container Toolkit on the host.
    """
    if snapshot.container is None:
        return skip("this is no container")
    if nvml_answers(snapshot) or cuda_works(snapshot):
        return _capabilities(snapshot)
    on_host = bool(pci_gpus(snapshot) or snapshot.driver.module_loaded)
    if not on_host:
        return skip("nothing here shows that the host has a GPU")
    hidden = snapshot.environment.get("NVIDIA_VISIBLE_DEVICES")
    if snapshot.driver.device_nodes is None:
        return skip("the device nodes are not described here")
    if gpu_nodes(snapshot):
        return _capabilities(snapshot)
    said = f"; NVIDIA_VISIBLE_DEVICES={hidden}" if hidden in ("void", "none", "") else ""
    return fail(
        f"the host has an NVIDIA GPU, but none was handed into this container{said}",
        *_how(snapshot),
        NVIDIA_VISIBLE_DEVICES=hidden,
        runtime=snapshot.container.runtime,
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


CHECKS = (
    Check(
        id="ctr.injection",
        judge=gpus_handed_in,
        cause="container-no-gpu",
        reference="NVIDIA Container Toolkit documentation",
    ),
)
