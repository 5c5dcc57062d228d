"""What changed between two snapshots."""

import dataclasses

import pytest

from gpubench import codec
from gpubench.checks.diagnosis import diagnose
from gpubench.checks.drift import WHY, drift
from gpubench.checks.running import run_checks
from gpubench.env.differences import LEFT_OUT, facts
from gpubench.env.snapshot import LibraryFile, Snapshot, digest
from gpubench.errors import UnreadableInput
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK


def changes(before, after, findings=()):
    return [(c.what, c.before, c.after) for c in drift(before, after, findings).changes]


def findings(snapshot):
    return diagnose(snapshot, run_checks(snapshot)).findings


def with_uuids(snapshot, *uuids):
    gpus = [dataclasses.replace(g, uuid=u) for g, u in zip(snapshot.gpus, uuids, strict=False)]
    return h.change(snapshot, gpus=tuple(gpus))


NAMED = with_uuids(QUICK, *"abcdefgh")


@pytest.mark.parametrize("snapshot", [HEALTHY, QUICK, NO_GPU, NAMED, Snapshot()])
def test_nothing_changed_between_a_snapshot_and_itself(snapshot):
    assert changes(snapshot, snapshot) == []


def test_what_moves_from_minute_to_minute_is_no_change():
    later = h.with_gpus(HEALTHY, temperature_c=70, power_w=650.0, process_count=3)
    later = h.change(later, taken_at="2027-01-01T00:00:00+00:00", level="quick", torch_run=None)
    assert digest(later) == digest(HEALTHY)
    assert changes(HEALTHY, later) == []


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (
            h.with_distribution(QUICK, "nvidia-cudnn-cu12", version="9.1.0.70"),
            ("nvidia-cudnn-cu12", "9.10.2.21", "9.1.0.70"),
        ),
        (h.without_distribution(QUICK, "numpy"), ("numpy", "2.2.1", None)),
        (h.with_distribution(QUICK, "apex", version="0.1"), ("apex", None, "0.1")),
        (
            h.with_distribution(QUICK, "sympy", damaged_count=2),
            ("sympy: damaged_count", "0", "2"),
        ),
        (
            h.with_distribution(QUICK, "torchvision", requires=("torch==2.8.0", "pillow")),
            ("torchvision: requires", None, "pillow"),
        ),
        (h.with_driver_version(QUICK, "575.57.08"), ("driver", "580.82.07", "575.57.08")),
        (
            h.with_torch(QUICK, version="2.8.0+cpu", cuda=None),
            ("torch", "2.8.0+cu128", "2.8.0+cpu"),
        ),
        (h.with_gpus(QUICK, vbios="97"), ("every GPU: vbios", "96.00.74.00.01", "97")),
        (h.with_gpu(QUICK, 3, vbios="97"), ("GPU 3: vbios", "96.00.74.00.01", "97")),
        (
            h.with_gpu(QUICK, 3, memory_bytes=2**30),
            ("GPU 3: memory_bytes", "79.6 GiB", "1.00 GiB"),
        ),
        (
            h.change(QUICK, host=dataclasses.replace(QUICK.host, kernel="6.9")),
            ("kernel", "6.8.0", "6.9"),
        ),
        (
            h.change(QUICK, host=dataclasses.replace(QUICK.host, memlock_bytes=65536)),
            ("host.memlock_bytes", "unlimited", "64.0 KiB"),
        ),
        (
            h.change(QUICK, environment={"LD_LIBRARY_PATH": "/opt/lib"}),
            ("LD_LIBRARY_PATH", None, "/opt/lib"),
        ),
        (
            h.change(QUICK, python=dataclasses.replace(QUICK.python, version="3.12.1")),
            ("python", "3.11.9", "3.12.1"),
        ),
        (
            h.change(QUICK, toolchain=dataclasses.replace(QUICK.toolchain, cc=None)),
            ("toolchain.cc", "/usr/bin/gcc", None),
        ),
        (h.with_driver(QUICK, flavour="proprietary"), ("driver.flavour", "open", "proprietary")),
        (
            h.with_driver(QUICK, device_nodes=QUICK.driver.device_nodes[:-1]),
            ("driver.device_nodes", "/dev/nvidia7", None),
        ),
        (h.change(QUICK, gpus=QUICK.gpus[:7]), ("number of GPUs", "8", "7")),
        (h.change(QUICK, container=h.DOCKER), ("container.runtime", None, "docker")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_one_thing_that_changed_is_one_change(after, expected):
    found = changes(QUICK, after)
    assert expected in found
    assert len(found) == (2 if expected[0].startswith("container") else 1)


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from leaves(entry, (*path, key))
    elif isinstance(value, list):
        for place, entry in enumerate(value):
            yield from leaves(entry, (*path, place))
    else:
        yield path


def other(value):
    if isinstance(value, bool) or value is None:
        return not value
    return value + 1 if isinstance(value, int | float) else f"{value}x"


SMALL = h.change(
    h.with_driver(
        HEALTHY,
        pci_devices=HEALTHY.driver.pci_devices[:1],
        device_nodes=HEALTHY.driver.device_nodes[:1],
    ),
    gpus=HEALTHY.gpus[:1],
    torch_run=None,
)
PLAIN = codec.to_plain(SMALL)


@pytest.mark.parametrize("path", list(leaves(PLAIN)), ids=lambda path: ".".join(map(str, path)))
def test_every_change_that_the_digest_sees_is_told(path):
    plain = codec.to_plain(SMALL)
    spot = plain
    for step in path[:-1]:
        spot = spot[step]
    spot[path[-1]] = other(spot[path[-1]])
    try:
        after = codec.from_plain(Snapshot, plain, "a test")
    except UnreadableInput:  # a value that no snapshot can hold
        return
    identity = path[0] == "gpus" and path[-1] in ("uuid", "serial", "pci_address", "index")
    if path[0] in LEFT_OUT or identity:
        return
    assert bool(changes(SMALL, after)) == (digest(after) != digest(SMALL))


def test_what_is_likelier_to_matter_stands_first():
    after = h.change(
        QUICK, host=dataclasses.replace(QUICK.host, kernel="6.9"), environment={"CC": "x"}
    )
    after = h.with_distribution(after, "numpy", version="1.26.4")
    after = h.with_distribution(after, "triton", version="3.3.0")
    after = h.with_distribution(after, "nvidia-nccl-cu12", version="2.26.2")
    after = h.with_distribution(after, "nvidia-cudnn-cu12", version="9.1.0.70")
    after = h.with_distribution(after, "nvidia-cublas-cu12", version="12.6.1.1")
    after = h.with_distribution(after, "torchaudio", version="2.7.0")
    after = h.with_torch(h.with_driver_version(after, "575.57.08"), version="2.8.1+cu128")
    after = h.change(after, toolchain=None)
    told = drift(QUICK, after).changes
    assert [change.what for change in told[:10]] == [
        "driver",
        "torch",
        "nvidia-cublas-cu12",
        "nvidia-cudnn-cu12",
        "nvidia-nccl-cu12",
        "triton",
        "numpy",
        "torchaudio",
        "kernel",
        "CC",
    ]
    assert [change.rank for change in told] == list(range(1, len(told) + 1))
    assert all(change.why in WHY.values() for change in told)


def test_what_a_finding_speaks_of_stands_before_everything():
    """The dependency that updated itself in hour 68 of a run."""
    after = h.with_distribution(QUICK, "nvidia-cudnn-cu12", version="9.1.0.70")
    after = h.with_driver_version(after, "575.57.08")
    first, second = drift(QUICK, after, findings(after)).changes
    assert (first.what, first.named_by) == ("nvidia-cudnn-cu12", ("torch.cudnn",))
    assert (second.what, second.named_by) == ("driver", ())


def test_a_note_names_nothing():
    after = h.with_driver_version(QUICK, "550.54.15")
    assert [f.severity for f in findings(after)] == ["note"]
    assert drift(QUICK, after, findings(after)).changes[0].named_by == ()


def test_gpus_in_another_order_are_the_same_machine():
    turned = h.change(NAMED, gpus=tuple(reversed(NAMED.gpus)))
    found = drift(NAMED, turned)
    assert found.same_machine is True
    assert found.changes == ()


def test_gpus_are_paired_by_what_they_are_and_not_by_where_they_stand():
    gpus = [dataclasses.replace(g, index=7 - g.index) for g in NAMED.gpus]
    gpus[0] = dataclasses.replace(gpus[0], vbios="97")
    assert changes(NAMED, h.change(NAMED, gpus=tuple(gpus))) == [
        ("GPU 7: vbios", "96.00.74.00.01", "97")
    ]


def test_another_machine_is_said():
    assert drift(NAMED, with_uuids(QUICK, *"ijklmnop")).same_machine is False
    assert drift(NO_GPU, NAMED).same_machine is None


def test_a_library_that_changed_under_its_package_is_told():
    files = tuple(
        dataclasses.replace(e, version="9.1.0") if e.name == "cudnn" else e
        for e in QUICK.torch.libraries
    )
    (found,) = drift(QUICK, h.with_torch(QUICK, libraries=files)).changes
    assert "libcudnn.so.9" in found.what
    assert (found.before, found.after) == ("9.10.2", "9.1.0")
    moved = h.with_distribution(
        h.with_torch(QUICK, libraries=files), "nvidia-cudnn-cu12", version="9.1.0.70"
    )
    assert [c[0] for c in changes(QUICK, moved)] == ["nvidia-cudnn-cu12"]


def test_a_library_without_a_name_of_a_known_one_is_told():
    library = LibraryFile(name="cublas", path="/x/libcublas.so.12", version="12", origin="wheel")
    before = h.with_torch(QUICK, libraries=(library,))
    after = h.with_torch(QUICK, libraries=(dataclasses.replace(library, version="13"),))
    assert len(changes(before, after)) == 1


def test_a_library_that_came_is_told_whatever_is_known_of_it():
    foreign = LibraryFile(name="cudnn", path="/x/libcudnn.so.9", origin="LD_LIBRARY_PATH")
    after = h.with_torch(QUICK, libraries=(*QUICK.torch.libraries, foreign))
    assert changes(QUICK, after) == [("/x/libcudnn.so.9", None, "cudnn")]


def test_two_installations_of_one_package_are_two_facts():
    twice = h.with_distributions(
        QUICK, [*QUICK.python.distributions, h.distribution("numpy", "1.26.4")]
    )
    place = len(QUICK.python.distributions)
    assert changes(QUICK, twice) == [(f"numpy ({place})", None, "1.26.4")]


@pytest.mark.parametrize(
    ("unread", "field"),
    [
        ("driver.nvml", {"gpus": ()}),
        ("python", {"python": None}),
        ("torch", {"torch": None}),
        ("toolchain", {"toolchain": None}),
    ],
)
def test_what_could_not_be_read_has_not_changed(unread, field):
    after = h.change(QUICK, unread={unread: "no permission"}, **field)
    if unread == "driver.nvml":
        after = h.with_driver(after, nvml=None)
    assert changes(QUICK, after) == []
    assert changes(after, QUICK) == []


def test_a_pasted_report_is_compared_in_what_it_says():
    paste = Snapshot(source="collect_env", torch=dataclasses.replace(QUICK.torch, version="2.7.1"))
    assert changes(paste, QUICK) == [("torch", "2.7.1", "2.8.0+cu128")]


def test_a_machine_that_lost_its_driver_is_told_in_few_lines():
    found = changes(QUICK, NO_GPU)
    assert found[0] == ("driver", "580.82.07", None)
    assert ("number of GPUs", "8", "0") in found
    assert len(found) <= 4


def test_a_driver_that_nvml_alone_tells_is_the_driver():
    def alone(version):
        return h.with_driver(h.with_driver_version(QUICK, version), version=None)

    assert changes(alone("580.82.07"), alone("575.57.08")) == [("driver", "580.82.07", "575.57.08")]


def test_a_gpu_that_is_missing_is_told_once():
    fewer = h.with_nvml(h.change(QUICK, gpus=QUICK.gpus[:7]), device_count=7)
    assert changes(QUICK, fewer) == [("number of GPUs", "8", "7")]


def test_an_environment_that_stands_elsewhere_is_one_change():
    moved = h.with_distributions(
        QUICK, [dataclasses.replace(e, folder="/srv/v/site") for e in QUICK.python.distributions]
    )
    moved = h.change(moved, python=dataclasses.replace(moved.python, executable="/srv/v/python"))
    assert changes(QUICK, moved) == [("python.executable", "/opt/venv/bin/python", "/srv/v/python")]


def test_facts_are_told_apart_by_path():
    known = facts(QUICK, by_uuid=False)
    assert known["python", "distributions", "numpy", "version"] == "2.2.1"
    assert known["gpus", "3", "name"] == "NVIDIA H100 80GB HBM3"
