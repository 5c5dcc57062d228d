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
        ("Tesla K80", "3.7"),
        ("Tesla K40c", "3.5"),
        ("GeForce GTX 980 Ti", "5.2"),
        ("GeForce GTX 960M", "5.0"),
        ("GeForce GTX TITAN X", "5.2"),
        ("TITAN X (Pascal)", "6.1"),
        ("NVIDIA TITAN Xp", "6.1"),
        ("NVIDIA TITAN RTX", "7.5"),
        ("GRID P40-24Q", "6.1"),
        ("Quadro P400", "6.1"),
        ("Tesla V100S-PCIE-32GB", "7.0"),
        ("NVIDIA T400 4GB", "7.5"),
        ("GRID T4-16Q", "7.5"),
        ("NVIDIA GeForce GTX 1660 Ti", "7.5"),
        ("Quadro RTX 4000 with Max-Q Design", "7.5"),
        ("NVIDIA GeForce MX150", "6.1"),
        ("NVIDIA GeForce MX450", "7.5"),
        ("NVIDIA GeForce RTX 2050", "8.6"),
        ("NVIDIA GeForce RTX 2060", "7.5"),
        ("NVIDIA A2", "8.6"),
        ("NVIDIA A30-4C", "8.0"),
        ("NVIDIA RTX A1000 Laptop GPU", "8.6"),
        ("NVIDIA RTX 4000 SFF Ada Generation", "8.9"),
        ("NVIDIA H20", "9.0"),
        ("NVIDIA H200 NVL", "9.0"),
        ("NVIDIA Tegra X1", "5.3"),
        ("Xavier", "7.2"),
        ("NVIDIA Thor", "11.0"),
        ("NVIDIA Z1", None),
        ("GeForce GT 730", None),  # sold with chips of two generations
        ("", None),
    ],
)
def test_a_gpu_is_known_by_its_name(name, capability):
    assert tables.capability_of(name) == capability


GPUS = [(row, name) for row in tables.load("gpus")["gpu"] for name in row["names"]]


@pytest.mark.parametrize(("row", "name"), GPUS, ids=[name for _, name in GPUS])
@pytest.mark.parametrize("around", ["{}", "NVIDIA {}", "NVIDIA {} Laptop GPU", "GRID {}-8Q"])
def test_no_name_means_two_capabilities(row, name, around):
    whole = f"{name}60" if re.search(r"[RG]TX \d\d$", name) else name  # a series
    assert tables.capability_of(around.format(whole)) == row["capability"]


def test_every_name_stands_once():
    names = [name for _, name in GPUS]
    assert len(names) == len(set(names))


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
        (
            "AttributeError: module 'torch.utils._pytree' has no attribute 'register_pytree_node'",
            "framework-incompatible",
        ),
        (
            "Disabling PyTorch because PyTorch >= 2.4 is required but found 2.2.2",
            "framework-incompatible",
        ),
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


@pytest.mark.parametrize(
    ("cuda", "limit"), [("11.0", 10), ("12.4", 14), ("12.8", 15), ("13.0", 16), ("99.0", None)]
)
def test_nvcc_takes_gcc_up_to_a_release(cuda, limit):
    assert tables.gcc_limit(V(cuda)) == limit


@pytest.mark.parametrize(
    ("capability", "cuda"), [("8.0", "11.0"), ("9.0", "11.8"), ("12.0", "12.8"), ("7.5", None)]
)
def test_an_architecture_is_known_from_a_cuda_release_on(capability, cuda):
    found = tables.first_assembler(V(capability))
    assert (found and str(found)) == cuda


@pytest.mark.parametrize("code", [*range(1, 31), 999])
def test_every_return_code_of_nvml_is_on_record(code):
    assert tables.nvml_return(code)["meaning"]


def test_nvml_numbers_are_those_of_the_binding():
    pynvml = pytest.importorskip("pynvml")
    codes = {getattr(pynvml, name) for name in vars(pynvml) if name.startswith("NVML_ERROR_")}
    actions = {
        getattr(pynvml, name) for name in vars(pynvml) if name.startswith("NVML_GPU_RECOVERY_")
    }
    known = {row["code"] for row in tables.load("nvml")["return"]}
    assert codes <= known
    assert actions <= {row["action"] for row in tables.load("nvml")["recovery"]}


def test_only_a_recovery_action_that_asks_for_something_has_a_remedy():
    for row in tables.load("nvml")["recovery"]:
        assert ("remedy" in row) == ("class" in row) == (row["action"] != 0)


@pytest.mark.parametrize("code", [2, 3, 35, 46, 100, 101, 209, 214, 218, 222, 700, 719, 802, 999])
def test_a_cuda_error_has_a_meaning_and_something_to_do(code):
    row = tables.cuda_error(code)
    assert row["meaning"]
    assert row["remedy"]


def test_memory_in_use_says_nothing_of_the_environment():
    assert "cause" not in tables.cuda_error(2)
    assert tables.cuda_error(4711) is None


@pytest.mark.parametrize(
    ("name", "version", "torch"),
    [
        ("transformers", "4.47.1", ">=1.11"),
        ("transformers", "4.53.3", ">=2.1"),
        ("vllm", "0.10.1.1", "==2.7.1"),
        ("vllm", "0.6.3.post1+cu118", "==2.4.0"),
        ("xformers", "0.0.29.post2", "==2.6.0"),
        ("timm", "1.0.9", None),
        ("nothing", "1.0", None),
        ("vllm", "no version", None),
    ],
)
def test_what_a_library_asks_of_torch(name, version, torch):
    row = tables.framework_needs(name, version)
    assert (row["torch"] if row else None) == torch


def test_the_rows_of_a_library_do_not_overlap():
    for row in tables.load("frameworks")["framework"]:
        for edge in re.findall(r"[>=]=([\w.]+)", row["versions"]):
            assert tables.framework_needs(row["name"], edge) == row


def test_the_newest_release_that_takes_a_torch_is_found():
    assert tables.framework_for("vllm", V("2.7.1")) == ">=0.10.0,<=0.10.1.1"
    assert tables.framework_for("transformers", V("2.1.0")) == ">=4.52,<4.56"
    assert tables.framework_for("xformers", V("1.11.0")) is None


@pytest.mark.parametrize(
    ("torch", "numpy", "abi"),
    [("2.2.2", "<2", False), ("2.3.0", None, False), ("2.6.0", None, None), ("2.7.1", None, True)],
)
def test_numpy_and_abi_of_a_torch(torch, numpy, abi):
    assert tables.numpy_for(V(torch)) == numpy
    assert tables.cxx11_abi(V(torch)) is abi


def test_the_newest_companions_are_of_the_release_on_record():
    for row in tables.load("companions")["pair"]:
        for name, version in row.get("newest", {}).items():
            assert tables.stands_for(V(row[name]), V(version))
