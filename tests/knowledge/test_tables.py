"""The tables of vendors and releases."""

import re

import pytest

from gpubench.checks.diagnosis import CAUSES
from gpubench.knowledge import tables
from gpubench.versions import Version

V = Version.parse
ROWS = [
    (name, kind, number, row)
    for name in tables.FILES
    for kind, rows in tables.load(name).items()
    if kind != "sources"
    for number, row in enumerate(rows)
]


@pytest.mark.parametrize(
    ("name", "kind", "number", "row"), ROWS, ids=[f"{n}-{k}-{i}" for n, k, i, _ in ROWS]
)
def test_every_row_names_its_source(name, kind, number, row):
    sources = tables.load(name).get("sources")
    assert row["source"]
    assert sources is None or row["source"] in sources
    for build in row.get("build", ()):
        assert build["source"] in sources


@pytest.mark.parametrize(
    "row",
    [r for _, _, _, r in ROWS if "cause" in r],
    ids=lambda row: str(row.get("code", row["cause"])),
)
def test_every_cause_is_one_of_ours(row):
    assert row["cause"] in CAUSES


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("NVIDIA H100 80GB HBM3", "9.0"),
        ("NVIDIA GeForce RTX 3090", "8.6"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "8.9"),
        ("NVIDIA GeForce RTX 5090", "12.0"),
        ("NVIDIA A10G", "8.6"),
        ("NVIDIA A100-SXM4-80GB", "8.0"),
        ("Tesla V100-SXM2-32GB", "7.0"),
        ("Tesla T4", "7.5"),
        ("GeForce GTX 1080 Ti", "6.1"),
        ("NVIDIA RTX 6000 Ada Generation", "8.9"),
        ("Quadro RTX 6000", "7.5"),
        ("NVIDIA RTX A6000", "8.6"),
        ("NVIDIA GB200", "10.0"),
        ("NVIDIA GH200 480GB", "9.0"),
        ("NVIDIA L40S", "8.9"),
        ("NVIDIA L4", "8.9"),
        ("NVIDIA B300 SXM6 AC", "10.3"),
        ("NVIDIA GB10", "12.1"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "12.0"),
        ("NVIDIA RTX 2000 Ada Generation", "8.9"),
        ("NVIDIA RTX 3000 Ada Generation Laptop GPU", "8.9"),
        ("NVIDIA RTX 4500 Ada Generation", "8.9"),
        ("NVIDIA RTX PRO 4500 Blackwell", "12.0"),
        ("NVIDIA RTX PRO 500 Blackwell Generation Laptop GPU", "12.0"),
        ("NVIDIA Z1", None),
        ("", None),
    ],
)
def test_a_gpu_is_known_by_its_name(name, capability):
    assert tables.capability_of(name) == capability


@pytest.mark.parametrize(
    ("driver", "cuda"),
    [
        ("535.104.05", "12.2"),
        ("580.82.07", "13.0"),
        ("560.35.03", "12.6"),
        ("551.61", "12.4"),
        ("440.33", "10.2"),
        ("390.87", "9.1"),
        ("352.39", None),
        ("999.1", None),
    ],
)
def test_a_branch_tells_the_newest_cuda(driver, cuda):
    found = tables.newest_cuda(V(driver))
    assert (str(found) if found else None) == cuda


def test_newer_toolkits_never_need_older_drivers():
    rows = [(V(row["cuda"]), V(row["driver"])) for row in tables.load("cuda")["toolkit"]]
    assert rows == sorted(rows)
    assert [driver for _, driver in rows] == sorted(driver for _, driver in rows)


def test_every_toolkit_needs_at_least_the_floor_of_its_major():
    for row in tables.load("cuda")["toolkit"]:
        assert V(row["driver"]) >= tables.oldest_driver(V(row["cuda"]))


@pytest.mark.parametrize(
    ("cuda", "driver"),
    [("9.0", "384.81"), ("10.0", "410.48"), ("10.1", "418.39"), ("10.2", "440.33"), ("14.0", None)],
)
def test_before_cuda_11_each_toolkit_needs_its_own_driver(cuda, driver):
    found = tables.oldest_driver(V(cuda))
    assert (str(found) if found else None) == driver


def test_branches_rise_with_their_cuda():
    rows = [(row["driver"], V(row["cuda"])) for row in tables.load("cuda")["branch"]]
    assert rows == sorted(rows)
    assert [cuda for _, cuda in rows] == sorted(cuda for _, cuda in rows)


def test_the_first_cuda_11_ran_on_a_driver_below_the_later_floor():
    assert str(tables.oldest_driver(V("11.0"))) == "450.51.05"
    assert str(tables.oldest_driver(V("11.1"))) == "450.80.02"


@pytest.mark.parametrize(
    ("torch", "torchvision"),
    [
        ("2.0.1", "0.15.2"),
        ("2.7.1", "0.22"),
        ("2.13.0", "0.28"),
        ("2.15.0", None),
        ("1.12.1", "0.13"),
        ("1.3.1", "0.4.2"),
        ("0.4.1", None),
    ],
)
def test_a_torch_has_one_torchvision_or_none_on_record(torch, torchvision):
    found = tables.companion_of(V(torch), "torchvision")
    assert (str(found) if found else None) == torchvision


def test_the_newest_torch_stands_first_and_each_release_has_one_default():
    for machine in ("x86_64", "aarch64"):
        builds = tables.torch_builds(machine)
        assert builds[0].torch == max(build.torch for build in builds)
        for release in {build.torch for build in builds}:
            assert sum(build.is_default for build in builds if build.torch == release) == 1


def test_every_build_names_a_toolkit_and_architectures_on_record():
    for build in (*tables.torch_builds(), *tables.torch_builds("aarch64")):
        assert tables.oldest_driver(build.cuda) is not None
        for architecture in build.architectures:
            assert re.fullmatch(r"(sm|compute)_\d+", architecture)


def test_a_release_has_each_cuda_once():
    for machine in ("x86_64", "aarch64"):
        kinds = [(build.torch, build.cuda) for build in tables.torch_builds(machine)]
        assert len(kinds) == len(set(kinds))


def test_triton_came_with_torch_2():
    for build in tables.torch_builds():
        assert (build.triton is None) == (build.torch < V("2.0"))


@pytest.mark.parametrize(
    ("torch", "machine", "cuda"),
    [
        ("2.8.0", "x86_64", True),
        ("1.12.1", "AMD64", True),
        ("2.10.0", "aarch64", False),
        ("2.11.0", "aarch64", True),
        ("2.15.0", "arm64", True),
        ("2.8.0", "ppc64le", None),
    ],
)
def test_whether_plain_pip_gives_a_cuda_build(torch, machine, cuda):
    assert tables.plain_wheel_has_cuda(V(torch), machine) is cuda


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_first_plain_cuda_wheel_is_a_build_on_record(machine):
    builds = tables.torch_builds(machine)
    assert tables.plain_wheel_has_cuda(builds[-1].torch, machine)
    oldest = [row for row in tables.load("torch")["plain"] if row["machine"] == machine]
    assert builds[-1].torch.release(2) == V(oldest[0]["since"]).release(2)


def test_a_build_is_found_by_release_and_cuda():
    assert str(tables.torch_build(V("2.8.0"), V("12.8")).cudnn) == "9.10.2.21"
    assert tables.torch_build(V("2.8.0"), V("11.8")) is None


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("ImportError: undefined symbol: ncclCommRegister", "nccl-mismatch"),
        ("OSError: libcudnn_cnn.so.9: cannot open shared object file", "cudnn-mismatch"),
        ("RuntimeError: operator torchvision::nms does not exist", "torch-companion-mismatch"),
        ("version `GLIBC_2.28' not found", "python-unsupported"),
        ("AttributeError: _ARRAY_API not found", "numpy-abi"),
        ("CUDA error: no kernel image is available for execution", "gpu-arch-unsupported"),
    ],
)
def test_a_known_line_points_to_its_cause(line, cause):
    assert tables.known_error(f"Traceback\n  {line}\n")["cause"] == cause


def test_an_ordinary_line_points_nowhere():
    assert tables.known_error("ValueError: shapes do not match") is None


def test_an_experimental_build_is_known_and_never_the_default():
    build = tables.torch_build(V("2.13.0"), V("13.2"))
    assert build.is_experimental
    assert not build.is_default


@pytest.mark.parametrize("code", [155, 156, 157, *range(160, 166), 168, 169, 171, 172])
def test_an_xid_of_the_newer_catalogue_is_on_record(code):
    assert tables.xid(code)["action"]
