"""The container, by the marks its runtime leaves."""

import pytest

from gpubench.env.container import find_container
from gpubench.env.sources import Sources
from tests.env.machine import tree

OWN = "100 90 8:1 {} /etc/hosts rw - ext4 /dev/sda1 rw\n"
"""A mount a runtime makes for a container of its own."""


@pytest.mark.parametrize(
    ("files", "variables", "runtime"),
    [
        ({"/.dockerenv": ""}, {}, "docker"),
        ({"/run/.containerenv": ""}, {}, "podman"),
        ({"/.dockerenv": ""}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({}, {"APPTAINER_CONTAINER": "/x.sif"}, "apptainer"),
        ({}, {"container": "lxc"}, "lxc"),
        ({"/proc/1/cgroup": "0::/kubepods/burstable/pod1"}, {}, "kubernetes"),
        ({"/proc/1/cgroup": "12:pids:/docker/0123"}, {}, "docker"),
        ({"/.singularity.d/actions/x": ""}, {}, "apptainer"),
        ({"/proc/self/mountinfo": OWN.format("/var/lib/docker/containers/01/hosts")}, {}, "docker"),
        (
            {"/proc/self/mountinfo": OWN.format("/var/lib/kubelet/pods/01/etc-hosts")},
            {},
            "kubernetes",
        ),
    ],
)
def test_a_container_is_known_by_the_marks_of_its_runtime(tmp_path, files, variables, runtime):
    tree(tmp_path, files)
    container = find_container(Sources(root=tmp_path, variables=variables))
    assert container.runtime == runtime
    assert container.evidence


def test_a_plain_machine_is_no_container(tmp_path):
    tree(tmp_path, {"/proc/1/cgroup": "0::/init.scope\n"})
    assert find_container(Sources(root=tmp_path, variables={})) is None


def test_containers_that_run_on_a_machine_do_not_make_it_one(tmp_path):
    mounts = "100 22 0:50 / /var/lib/docker/overlay2/01/merged rw - overlay overlay rw\n"
    tree(tmp_path, {"/proc/1/cgroup": "0::/init.scope\n", "/proc/self/mountinfo": mounts})
    assert find_container(Sources(root=tmp_path, variables={})) is None
