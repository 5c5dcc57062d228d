"""The contract of a fleet."""

import dataclasses
import re
from pathlib import Path

import pytest

from gpubench.checks.diagnosis import CAUSES
from gpubench.checks.expectation import described, read_contract
from gpubench.checks.expected import Release, is_expectation, matches
from gpubench.checks.outcome import Status
from gpubench.checks.registry import CHECKS
from gpubench.checks.report import exit_status, make_report
from gpubench.checks.running import run_checks
from gpubench.env.snapshot import Driver, Nvml, Snapshot
from gpubench.errors import ExitStatus, GpubenchError
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK

MET = """
[gpu]
count = 8
model = "*h100*80gb*"
memory_gib_min = 79
mig = false
ecc = true
[driver]
version = ">=570,<581"
flavour = "open"
[cuda]
version = ">=12.8"
[torch]
version = "2.8"
cuda = "12.8"
[cudnn]
version = "9.10.2.21"
[nccl]
version = ">=2.27,<2.28"
[python]
version = "3.11"
[host]
shm_gib_min = 8
memlock = "unlimited"
[packages]
torchvision = "0.23"
NumPy = ">=2,<3"
apex = false
[env]
NCCL_P2P_DISABLE = false
"""


@pytest.fixture
def contract(tmp_path):
    def write(text):
        path = tmp_path / "fleet.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_contract(path)

    return write


def judged(checks, snapshot, **options):
    """The results of the contract's own lines by their keys."""
    found = run_checks(snapshot, checks=(*CHECKS, *checks), **options)
    return {
        r.check.id.removeprefix("expect."): r for r in found if r.check.id.startswith("expect.")
    }


def status_of(contract, line, snapshot):
    """The status of the one line of a contract, and the result."""
    section, entry = line.split(".", 1)
    key = entry.partition("=")[0].strip()
    result = judged(contract(f"[{section}]\n{entry}"), snapshot)[f"{section}.{key}"]
    return result.status, result


@pytest.mark.parametrize("snapshot", [HEALTHY, QUICK])
def test_a_machine_that_meets_its_contract_passes_every_line(contract, snapshot):
    results = judged(contract(MET), snapshot)
    assert {
        key: r.outcome.reason for key, r in results.items() if r.status is not Status.PASS
    } == {}
    assert len(results) == 20


BROKEN = [
    ("gpu.count = 9", "gpu-hardware-fault"),
    ("gpu.count = 4", "host-resources"),
    ('gpu.model = "B200"', "host-resources"),
    ("gpu.memory_gib_min = 141", "host-resources"),
    ("gpu.mig = true", "device-access"),
    ("gpu.ecc = false", "host-tuning"),
    ('driver.version = ">=590"', "driver-too-old"),
    ('driver.version = "<575"', "framework-incompatible"),
    ('driver.flavour = "proprietary"', "driver-absent"),
    ('cuda.version = ">=13.1"', "driver-too-old"),
    ('cuda.version = "12.8"', "framework-incompatible"),
    ('torch.version = "2.9"', "framework-incompatible"),
    ('torch.version = "2.8.0+cu126"', "framework-incompatible"),
    ('torch.cuda = "12.6"', "framework-incompatible"),
    ('cudnn.version = "9.1"', "cudnn-mismatch"),
    ('nccl.version = ">=2.28"', "nccl-mismatch"),
    ('python.version = "3.12"', "python-unsupported"),
    ("host.shm_gib_min = 2000", "shm-too-small"),
    ('packages.torchvision = "0.22"', "torch-companion-mismatch"),
    ('packages.numpy = "<2"', "framework-incompatible"),
    ('packages.transformers = ">=4"', "framework-incompatible"),
    ("packages.numpy = false", "framework-incompatible"),
    ('env.CUDA_VISIBLE_DEVICES = "0"', "devices-hidden"),
    ('env.NCCL_DEBUG = "WARN"', "host-tuning"),
]


@pytest.mark.parametrize(("line", "cause"), BROKEN, ids=[line for line, _ in BROKEN])
def test_a_line_that_is_not_met_fails_with_a_cause_and_a_remedy(contract, line, cause):
    status, result = status_of(contract, line, HEALTHY)
    assert status is Status.FAIL
    assert result.cause == cause
    assert cause in CAUSES
    assert result.outcome.remedy
    assert "expected" in result.outcome.reason


def bare(**fields):
    """A report that says nothing but what it is given."""
    return Snapshot(source="collect_env", **fields)


UNREAD = [
    *(line for line, _ in BROKEN if not line.startswith("env.")),
    'env.NCCL_DEBUG = "WARN"',
    'host.memlock = "unlimited"',
    "nvlink.active = 18",
]


@pytest.mark.parametrize("line", UNREAD)
def test_what_a_report_does_not_say_is_unknown_and_never_met(contract, line):
    status, result = status_of(contract, line, bare())
    assert status is Status.UNKNOWN
    assert result.outcome.reason


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('gpu.model = "H100"', "name"),
        ("gpu.memory_gib_min = 79", "memory_bytes"),
        ("gpu.mig = false", "mig_enabled"),
        ("gpu.ecc = true", "ecc_enabled"),
    ],
)
def test_one_gpu_that_could_not_be_read_leaves_the_line_open(contract, line, field):
    snapshot = h.with_gpu(HEALTHY, 7, **{field: None})
    snapshot = h.change(snapshot, unread={f"gpus.7.{field}": "no permission"})
    status, result = status_of(contract, line, snapshot)
    assert status is Status.UNKNOWN
    assert "no permission" in result.outcome.reason


def test_a_gpu_without_the_switch_counts_as_switched_off(contract):
    gpus = h.with_gpus(HEALTHY, mig_enabled=None, ecc_enabled=None)
    assert status_of(contract, "gpu.mig = false", gpus)[0] is Status.PASS
    assert status_of(contract, "gpu.ecc = true", gpus)[0] is Status.FAIL


def test_one_wrong_gpu_is_named(contract):
    mixed = h.with_gpu(HEALTHY, 5, name="NVIDIA A100-SXM4-80GB")
    status, result = status_of(contract, 'gpu.model = "H100"', mixed)
    assert status is Status.FAIL
    assert "GPU 5: NVIDIA A100" in result.outcome.reason


def test_a_job_that_was_given_too_few_gpus_is_no_broken_card(contract):
    given = h.change(h.with_nvml(HEALTHY, device_count=2), container=h.DOCKER)
    _, result = status_of(contract, "gpu.count = 8", given)
    assert result.cause == "device-access"


def test_a_machine_without_a_gpu_is_one_finding(contract):
    results = judged(contract(MET), NO_GPU)
    assert [key for key, r in results.items() if r.status is Status.FAIL] == ["gpu.present"]
    for key in ("gpu.count", "gpu.model", "driver.version", "cuda.version"):
        assert results[key].outcome.reason == "blocked by expect.gpu.present"


def test_a_contract_of_a_machine_without_gpus_is_met_there(contract):
    results = judged(contract("[gpu]\ncount = 0"), NO_GPU)
    assert results["gpu.count"].status is Status.PASS
    assert results["gpu.present"].status is Status.SKIP


def test_what_another_check_explains_is_not_said_twice(contract):
    broken = h.with_distribution(QUICK, "nvidia-cudnn-cu12", version="9.1.0.70")
    results = judged(contract('[cudnn]\nversion = "9.11"'), broken)
    assert results["cudnn.version"].outcome.reason == "blocked by torch.cudnn"


def test_another_torch_explains_its_other_libraries(contract):
    results = judged(
        contract(MET.replace('"2.8"', '"2.9"').replace('"9.10.2.21"', '"9.13"')), QUICK
    )
    assert [key for key, r in results.items() if r.status is Status.FAIL] == ["torch.version"]
    assert results["cudnn.version"].outcome.reason == "blocked by expect.torch.version"


def test_a_cpu_build_is_named_where_a_cuda_build_is_expected(contract):
    cpu = h.with_torch(NO_GPU, version="2.8.0+cpu", cuda=None)
    status, result = status_of(contract, 'torch.cuda = "12.8"', cpu)
    assert status is Status.FAIL
    assert result.cause == "torch-cpu-build"
    assert any("torch==2.8.0" in step for step in result.outcome.remedy)


@pytest.mark.parametrize(
    ("line", "snapshot", "words"),
    [
        ("torch.version = '2.7'", HEALTHY, "pip install torch==2.7.1 torchvision==0.22.1"),
        ("torch.version = '2.3'", h.with_gpus(HEALTHY, compute_capability="10.0"), "no torch"),
        ("torch.cuda = '12.6'", HEALTHY, "torch==2.8.0 torchvision==0.23.0"),
        ("torch.version = '2.7'", h.with_torch(NO_GPU, cuda=None), '"torch==2.7.*" --index-url'),
    ],
)
def test_the_remedy_is_a_build_that_runs_here(contract, line, snapshot, words):
    _, result = status_of(contract, line, snapshot)
    assert words in result.outcome.remedy[0]


def test_no_torch_is_not_what_a_contract_of_torch_expects(contract):
    without = h.change(h.without_distribution(NO_GPU, "torch"), torch=None)
    for line in ('torch.version = "2.8"', 'cudnn.version = "9"', 'torch.cuda = "12.8"'):
        status, result = status_of(contract, line, without)
        assert status is Status.FAIL
        assert re.search(r"pip install torch==2\.", result.outcome.remedy[0])


def test_a_package_that_is_not_recorded_is_never_called_absent(contract):
    for line in ('packages.requests = "2"', "packages.requests = false"):
        status, result = status_of(contract, line, HEALTHY)
        assert status is Status.UNKNOWN
        assert "recorded" in result.outcome.reason


def test_a_release_with_fewer_numbers_than_the_contract_is_not_judged(contract):
    no_wheel = h.without_distribution(QUICK, "nvidia-cudnn-cu12")
    status, result = status_of(contract, 'cudnn.version = "9.10.2.21"', no_wheel)
    assert status is Status.UNKNOWN
    assert "9.10.2" in result.outcome.reason


@pytest.mark.parametrize(
    ("memlock", "wanted", "status"),
    [
        (-1, '"unlimited"', Status.PASS),
        (-1, "8", Status.PASS),
        (2**33, "8", Status.PASS),
        (2**33 - 1, "8", Status.FAIL),
        (2**40, '"unlimited"', Status.FAIL),
    ],
)
def test_locked_memory_is_held_against_its_limit(contract, memlock, wanted, status):
    host = dataclasses.replace(HEALTHY.host, memlock_bytes=memlock)
    found, _ = status_of(contract, f"host.memlock = {wanted}", h.change(HEALTHY, host=host))
    assert found is status


@pytest.mark.parametrize(
    ("wanted", "version", "holds"),
    [
        ("2.8", "2.8.0+cu128", True),
        ("2.8", "2.80.0", False),
        ("2.8.0+cu128", "2.8.0+cu128", True),
        ("2.8.0+cu128", "2.8.0+cu126", False),
        (">=570,<581", "580.82.07", True),
        (">=570,<581", "581.01", False),
        ("580", "580.65.06", True),
        ("535.104.05", "535.104.05", True),
        (">=12.8", "12.10", True),
        ("~=2.7.0", "2.7.1", True),
        (">=2.9", "2.10.0.dev20260101+cu130", True),
        ("2.8", "2.8.0a0+git123", True),
        ("!=2.8.0", "2.8.0+cu128", False),
    ],
)
def test_a_release_is_a_whole_branch_or_a_range(wanted, version, holds):
    assert Release(wanted).holds(version) is holds


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("h100", "NVIDIA H100 80GB HBM3", True),
        ("H100*", "NVIDIA H100 80GB HBM3", False),
        ("*H100*", "NVIDIA H100 80GB HBM3", True),
        ("A100", "NVIDIA H100 80GB HBM3", False),
        ("A100", "NVIDIA A100-SXM4-80GB", True),
        ("L4", "NVIDIA L40S", False),
        ("NVIDIA L4", "NVIDIA L4", True),
        ("*L4", "NVIDIA L40S", False),
    ],
)
def test_a_model_is_words_of_the_name_or_a_pattern(pattern, name, fits):
    assert matches(pattern, name) is fits


REFUSED = [
    ("[gpu]\ncout = 8", "did you mean gpu.count"),
    ("[gpus]\ncount = 8", "did you mean gpu.count"),
    ("count = 8", "did you mean gpu.count"),
    ("[gpu]\ncount = true", "a whole number"),
    ("[gpu]\ncount = -1", "a whole number"),
    ("[gpu]\ncount = '8'", "a whole number"),
    ("[gpu.count]\nx = 1", "a whole number"),
    ("[gpu]\nmemory_gib_min = nan", "a number of GiB"),
    ("[gpu]\nmig = 'off'", "true or false"),
    ("[gpu]\nmodel = ''", "a name or a pattern"),
    ("[driver]\nversion = 'newest'", "a release"),
    ("[driver]\nversion = 580", "a release"),
    ("[driver]\nflavour = 'closed'", '"open" or "proprietary"'),
    ("[host]\nmemlock = 'none'", '"unlimited"'),
    ("[env]\nHOME = '/root'", "does not look at this variable"),
    ("[env]\nCC = 3", "the value as a text"),
    ("[packages]\n'../x' = '1'", "no name of a distribution"),
    ("[packages]\nnumpy = true", "a release"),
    ("[gpu", "not valid TOML"),
    (b"\xff\xfe\x00", "not valid TOML"),
    (b"a = " + b"[" * 5000, "not valid TOML"),
    ("", "without a line"),
    ("[gpu]", "without a line"),
    ("'\x1b[31m' = 1", "not valid TOML"),
    ('"\\u001b[31mx" = 1', "no expectation"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=range(len(REFUSED)))
def test_a_contract_that_cannot_be_read_is_refused_in_words(contract, text, words):
    with pytest.raises(GpubenchError) as caught:
        contract(text)
    assert words in str(caught.value)
    assert "fleet.toml" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert caught.value.status == ExitStatus.NOT_ASKED


def report(checks, snapshot):
    return make_report(snapshot, run_checks(snapshot, checks=(*CHECKS, *checks)))


@pytest.mark.parametrize(
    ("text", "snapshot", "fail_on", "status", "verdict"),
    [
        (MET, HEALTHY, "error", 0, "healthy"),
        ("[gpu]\ncount = 9", HEALTHY, "error", 1, "broken"),
        ("[gpu]\ncount = 9", HEALTHY, "never", 0, "broken"),
        ("[packages]\nrequests = '2'", HEALTHY, "error", 4, "undetermined"),
        ("[packages]\nrequests = '2'", HEALTHY, "never", 0, "undetermined"),
        ("[gpu]\ncount = 9\n[packages]\nrequests = '2'", HEALTHY, "error", 1, "broken"),
        ("[gpu]\ncount = 8", bare(), "error", 4, "undetermined"),
    ],
)
def test_a_contract_decides_the_exit_status(contract, text, snapshot, fail_on, status, verdict):
    found = report(contract(text), snapshot)
    assert exit_status(found, fail_on=fail_on) == status
    assert found.verdict == verdict


@pytest.mark.parametrize("check", described(), ids=lambda check: check.id)
def test_every_expectation_says_what_why_and_what_to_do(check):
    text = check.judge.__doc__
    assert check.title.endswith(".")
    assert "Why: " in text
    assert "Remedy: " in text
    assert check.reference
    assert check.cause in CAUSES
    assert is_expectation(check.id)


def test_what_a_line_needs_stands_above_it(contract):
    ids = [check.id for check in (*CHECKS, *contract(MET))]
    for place, check in enumerate((*CHECKS, *contract(MET))):
        assert all(ids.index(need) < place for need in check.needs if need in ids)


def test_a_driver_that_answers_is_counted_as_it_counts(contract):
    nvml = Nvml(code=0, message="", device_count=8, driver_version="580.82.07")
    snapshot = bare(driver=Driver(nvml=nvml))
    assert status_of(contract, "gpu.count = 8", snapshot)[0] is Status.PASS


def test_the_contract_of_the_documentation_is_one_and_names_every_key(contract):
    page = (Path(__file__).parents[2] / "docs" / "expect.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    ids = {check.id for check in contract(example)}
    fixed = {check.id for check in described() if not check.id.endswith(".NAME")}
    assert fixed <= ids
