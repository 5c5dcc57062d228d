"""The container this process runs in, if any."""

from gpubench.env.files import optional
from gpubench.env.snapshot import Container
from gpubench.env.sources import Sources

MARKS = (
    ("kubepods", "kubernetes"),
    ("/kubelet/pods/", "kubernetes"),
    ("docker", "docker"),
    ("libpod", "podman"),
    ("containers/storage/overlay", "podman"),
    ("containerd", "unknown"),
    ("/lxc/", "lxc"),
)
"""What stands in the control group or the mounts of a container, and its runtime."""


def find_container(sources: Sources) -> Container | None:
    """The container this process runs in, by the marks its runtime leaves."""
    if sources.path("/.dockerenv").exists():
        return _orchestrated(sources, "docker", "/.dockerenv")
    if sources.path("/run/.containerenv").exists():
        return _orchestrated(sources, "podman", "/run/.containerenv")
    for variable in ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"):
        if variable in sources.variables:
            return Container(runtime="apptainer", evidence=variable)
    if "KUBERNETES_SERVICE_HOST" in sources.variables:
        return Container(runtime="kubernetes", evidence="KUBERNETES_SERVICE_HOST")
    if sources.path("/.singularity.d").is_dir():
        return Container(runtime="apptainer", evidence="/.singularity.d")
    return _by_traces(sources)


def _orchestrated(sources: Sources, runtime: str, evidence: str) -> Container:
    if "KUBERNETES_SERVICE_HOST" in sources.variables:
        return Container(runtime="kubernetes", evidence="KUBERNETES_SERVICE_HOST")
    return Container(runtime=runtime, evidence=evidence)


def _by_traces(sources: Sources) -> Container | None:
    named = sources.variables.get("container")
    if named:
        known = named in ("docker", "podman", "lxc")
        return Container(runtime=named if known else "unknown", evidence="the variable container")
    return _by_text(optional(sources, "/proc/1/cgroup"), "/proc/1/cgroup") or _by_text(
        _own_mounts(sources), "/proc/self/mountinfo"
    )


def _own_mounts(sources: Sources) -> str:
    """The mounts a runtime makes for a container; those of other containers are left out."""
    own = {"/", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf"}
    lines = optional(sources, "/proc/self/mountinfo").splitlines()
    return "\n".join(line for line in lines if len(line.split()) > 4 and line.split()[4] in own)


def _by_text(text: str, evidence: str) -> Container | None:
    runtime = next((runtime for mark, runtime in MARKS if mark in text), None)
    return Container(runtime=runtime, evidence=evidence) if runtime else None
