"""Wrong verdicts that other tools give, each shown right where a user would see it.

Every test names in its docstring the tool and the slip. What a single check answers stands in that
check's own tests; here the whole doctor is asked.
"""

import ast
import json
from pathlib import Path

import pytest

import gpubench
from gpubench import codec
from gpubench.checks.registry import CHECKS
from gpubench.checks.report import exit_status, make_report
from gpubench.checks.running import run_checks
from gpubench.cli.app import main
from gpubench.env.readers.registry import read_report
from gpubench.knowledge.tables import torch_builds
from gpubench.render.findings import FORMATS
from gpubench.versions import Version
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK
from tests.checks.test_nvml import silent
from tests.checks.test_topology import topology
from tests.checks.test_torch_build import installed, on
from tests.fakedriver import build
from tests.fakedriver.test_scenarios import report  # noqa: F401 - a fixture


class Answer:
    """What the doctor said of a snapshot."""

    def __init__(self, snapshot):
        self.report = make_report(snapshot, run_checks(snapshot))
        self.status = {line.id: line.status for line in self.report.checks}
        self.reason = {line.id: line.reason for line in self.report.checks}
        self.causes = [cause.cause for cause in self.report.diagnosis]
        self.exit = exit_status(self.report, fail_on="error")


@pytest.fixture
def shown(tmp_path, capsys):
    """Asks for a saved snapshot in a format: the exit status and what is printed."""

    def ask(snapshot, form, *options):
        path = tmp_path / "snapshot.json"
        path.write_text(codec.to_json(snapshot))
        status = main(["doctor", "--from", str(path), "--format", form, *options])
        return int(status), capsys.readouterr().out

    return ask


def stack(driver, release, cuda):
    """A healthy machine with another driver and a whole torch of another release."""
    builds = {(b.torch.release(2), str(b.cuda)): b for b in torch_builds()}
    found = builds[Version.parse(release).release(2), cuda]
    snapshot = h.with_driver_version(QUICK, driver)
    return h.with_torch_release(snapshot, str(found.torch), cuda, found.architectures)


# -- 1 and mitulgarg/env-doctor: what the driver prints is no ceiling -----------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_a_cuda_newer_than_nvidia_smi_prints_is_no_fault_in_any_format(shown, form):
    """mitulgarg/env-doctor: torch's CUDA above the driver's was a critical conflict."""
    status, text = shown(stack("535.104.05", "2.6", "12.4"), form)
    assert status == 0
    if form != "sarif":  # which lists every rule
        assert "driver-too-old" not in text


@pytest.mark.parametrize(
    ("driver", "release", "cuda"),
    [
        ("535.104.05", "2.6", "12.4"),
        ("525.60.13", "2.8", "12.8"),
        ("450.80.02", "2.4", "11.8"),
        ("580.65.06", "2.15", "13.2"),
    ],
)
def test_any_cuda_of_a_major_runs_under_the_driver_of_its_first(driver, release, cuda):
    """Minor-version compatibility; nvbandwidth#61 keeps it honest: it is said that PTX is not."""
    answer = Answer(stack(driver, release, cuda))
    assert answer.status["cuda.floor"] == "pass"
    assert "driver-too-old" not in answer.causes
    assert "PTX" in answer.reason["cuda.minor_compat"]


def test_what_nvidia_smi_prints_beside_a_newer_torch_in_a_paste_is_no_fault():
    """The same from a report: CUDA Version 12.2 above torch's 12.4."""
    said = (
        "| NVIDIA-SMI 535.104.05   Driver Version: 535.104.05   CUDA Version: 12.2 |\n"
        "PyTorch version: 2.6.0+cu124\nCUDA used to build PyTorch: 12.4\n"
        "Is CUDA available: True\nGPU models and configuration: GPU 0: Tesla T4\n"
    )
    answer = Answer(read_report(said.encode(), "paste"))
    assert answer.causes == []
    assert answer.exit == 0


def test_twelve_ten_is_newer_than_twelve_nine():
    """mitulgarg/env-doctor compared versions as floating-point numbers."""
    assert Version.parse("12.10") > Version.parse("12.9")
    assert Version.parse("525.105.17") > Version.parse("525.60.13")
    assert Answer(stack("525.105.17", "2.8", "12.8")).status["cuda.floor"] == "pass"
    assert Answer(stack("525.60.9", "2.8", "12.8")).status["cuda.floor"] == "fail"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("snapshot", "failing"),
    [
        (HEALTHY, 0),
        (stack("470.57.02", "2.8", "12.8"), 1),  # the driver
        (on("12.0", "sm_80 sm_90"), 1),  # the architecture
        (silent(9), 1),
    ],
)
def test_what_the_words_call_an_error_is_the_exit_status_in_every_format(
    shown, form, snapshot, failing
):
    """mitulgarg/env-doctor, leptonai/gpud scan, opena2a-org/hackmyagent#445: exit 0 alike."""
    status, text = shown(snapshot, form)
    assert status == failing
    assert shown(snapshot, form, "--fail-on", "never")[0] == 0
    if form == "sarif":  # which lists every rule with its level
        text = json.dumps(json.loads(text)["runs"][0]["results"])
    cross = {
        "json": '"status": "fail"',
        "junit": "<failure",
        "sarif": '"level": "error"',
        "text": "✗",
        "markdown": "❌ error",
        "prometheus": 'severity="error"} 1',
        "github": "::error",
    }[form]
    assert (cross in text) is bool(failing)


# -- 2: architectures ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capability", "architectures", "driver", "ends"),
    [
        ("8.9", "sm_50 sm_80 sm_86 sm_90", "580.82.07", 0),
        ("8.7", "sm_80 sm_86 sm_90", "580.82.07", 0),
        ("10.3", "sm_90 sm_100 sm_120", "580.82.07", 0),
        ("12.1", "sm_90 sm_100 sm_120", "580.82.07", 0),  # GB10
        ("12.0", "sm_80 sm_90", "580.82.07", 1),
        ("8.0", "sm_86 sm_90", "580.82.07", 1),
        ("10.0", "sm_90 compute_90", "580.82.07", 0),  # PTX, which this driver compiles
        ("10.0", "sm_90 compute_90", "535.104.05", 1),  # and this one does not
    ],
)
def test_code_for_the_same_major_runs_and_ptx_asks_the_driver(
    capability, architectures, driver, ends
):
    """mitulgarg/env-doctor is_sm_in_arch_list; pytorch _check_capability warns of GB10."""
    answer = Answer(on(capability, architectures, driver=driver))
    assert ("gpu-arch-unsupported" in answer.causes) is bool(ends)
    asked = ("torch.arch", "cuda.ptx_needed")
    found = [f.severity for f in answer.report.findings if f.check in asked]
    assert ("error" in found) is bool(ends)
    assert found.count("error") <= 1


@pytest.mark.parametrize("capability", ["7.0", "8.9", "9.0", "10.0", "10.3", "12.0", "12.1"])
def test_a_remedy_for_a_gpu_has_code_for_that_gpu(capability):
    """mitulgarg/env-doctor: a cu126 build was proposed for sm_120, which has no code for it."""
    broken = on(capability, "sm_37", driver="580.82.07", cuda="10.2")
    (finding,) = [
        f for f in Answer(broken).report.findings if f.check in ("torch.arch", "cuda.ptx_needed")
    ]
    lines = [step for step in finding.remedy if " pip install torch==" in f" {step}"]
    assert lines
    for line in lines:
        cured = Answer(installed(broken, line))
        assert cured.status["torch.arch"] == "pass"
        assert cured.status["cuda.floor"] == "pass"


# -- 3: what was not read or not run is never healthy ----------------------------------------------


@pytest.mark.parametrize("path", ["kernel_events", "driver.nvml", "python.distributions"])
def test_a_read_that_failed_is_unknown_and_said(path):
    """Azure/azurehpc-health-checks: a log that is missing returned 0."""
    dark = h.change(QUICK, unread={path: "permission denied"})
    dark = h.change(dark, kernel_events=None) if path == "kernel_events" else dark
    dark = h.with_distributions(dark, ()) if path.startswith("python") else dark
    unknown = [line for line in Answer(dark).report.checks if line.status == "unknown"]
    assert any("permission denied" in line.reason for line in unknown)


def test_an_empty_snapshot_passes_nothing():
    """NVIDIA/DCGM#284, #55, #139: PASS although nothing was run, and tests skipped in silence."""
    answer = Answer(h.change(NO_GPU, gpus=(), torch=None, python=None))
    for check in CHECKS:
        if check.id.startswith(("gpu.", "ecc.", "rows.", "clk.", "fn.", "torch.", "nvl.")):
            assert answer.status[check.id] != "pass", check.id
            assert answer.reason[check.id]


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_what_was_skipped_and_what_is_unknown_is_counted_in_words(shown, form):
    """NVIDIA/DCGM#139: on a card that is not on record every test was skipped, and it passed."""
    dark = h.change(QUICK, kernel_events=None, unread={"kernel_events": "permission denied"})
    _, text = shown(dark, form)
    assert "unknown" in text
    assert "skip" in text


def test_a_card_that_is_not_on_record_is_asked_all_the_same():
    """NVIDIA/DCGM#55: an unlisted SKU."""
    strange = h.with_gpus(QUICK, name="NVIDIA Z900", compute_capability=None)
    answer = Answer(h.with_gpu(strange, 7, rows_failed=True, rows_remapped_uncorrected=3))
    assert answer.status["rows.failure"] == "fail"
    assert answer.status["torch.arch"] == "unknown"
    assert answer.exit == 1


# -- libraries -------------------------------------------------------------------------------------


def test_cudnn_9_is_decoded_with_its_own_digits():
    """mitulgarg/env-doctor python_libraries.py: 91002 was read as 91.0.2."""
    assert Answer(h.with_run(HEALTHY, cudnn="9.10.2")).status["torch.cudnn"] == "pass"
    said = (
        ">>> torch.__version__\n'2.8.0+cu128'\n>>> torch.backends.cudnn.version()\n91002\n"
        "PyTorch version: 2.8.0+cu128\n[pip3] nvidia-cudnn-cu12==9.10.2.21\n"
    )
    asked = Answer(read_report(said.encode(), "paste"))
    assert "cudnn-mismatch" not in asked.causes


@pytest.mark.parametrize("release", ["2.4", "2.5", "2.6", "2.7"])
def test_cudnn_9_beside_cuda_11_is_what_the_wheels_ship(release):
    """mitulgarg/env-doctor cudnn.py: cuDNN 9 and CUDA 11 were called incompatible."""
    torch = stack("550.54.14", release, "11.8")
    torch = h.with_torch(torch, version=f"{torch.torch.version.partition('+')[0]}+cu118")
    answer = Answer(h.with_distribution(torch, "nvidia-cudnn-cu11", version="9.1.0.70"))
    assert {"cudnn-mismatch", "cuda-mixed"} & set(answer.causes) == set()
    said = (
        f"PyTorch version: {release}.0+cu118\nCUDA used to build PyTorch: 11.8\n"
        "Is CUDA available: True\nNvidia driver version: 550.54.14\n"
        "GPU models and configuration: GPU 0: NVIDIA A100-SXM4-80GB\n"
        "[pip3] nvidia-cudnn-cu11==9.1.0.70\n"
    )
    assert Answer(read_report(said.encode(), "paste")).causes == []


# -- the driver, by NVML ---------------------------------------------------------------------------


@build.needs_cc
def test_a_driver_keeps_its_patch_number(report):  # noqa: F811
    """mitulgarg/env-doctor nvidia_driver.py: decode() of a str, then a pattern without it."""
    found = report("old-driver", driver="470.57.02")
    assert found["snapshot"]["driver"]["nvml"]["driver_version"] == "470.57.02"
    said = "| NVIDIA-SMI 535.104.05   Driver Version: 535.104.05   CUDA Version: 12.2 |\n"
    assert read_report(said.encode(), "paste").driver.version == "535.104.05"


@build.needs_cc
@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("lost-gpu", "gpu.handles"),
        ("ecc-uncorrected", "ecc.uncorrected"),
        ("throttle-hardware", "clk.throttle_now"),
    ],
)
def test_a_fault_of_a_gpu_behind_the_first_is_found(report, name, check):  # noqa: F811
    """facebookresearch/gcm check_dcgmi.py looked at results[0] alone; gpud scan has no history."""
    found = report(name)  # the fixture sees that the status is 1 where a check fails
    (said,) = [f for f in found["findings"] if f["check"] == check]
    assert said["severity"] == "error"
    assert any(number in said["summary"] for number in ("GPU 7", "GPU 5"))


@pytest.fixture
def played(report, monkeypatch):  # noqa: F811
    """The doctor's answer to a scenario made of lines that go before those of eight H100."""

    def ask(*lines, **options):
        monkeypatch.setattr(build, "named", lambda _: build.but(build.healthy(8), *lines))
        found = report("healthy", **options)
        return found, {line["id"]: line["status"] for line in found["checks"]}

    return ask


@build.needs_cc
@pytest.mark.parametrize("gpu", [0, 7])
def test_513_remapped_rows_fail_and_512_do_not(played, gpu):
    """Azure/azurehpc-health-checks azure_gpu_ecc.nhc: a field that was not asked for: never."""
    found, status = played(f"gpu.{gpu}.rows 0 513 0 0")
    assert status["rows.count"] == "fail"
    assert found["diagnosis"][0]["cause"] == "gpu-hardware-fault"
    assert played(f"gpu.{gpu}.rows 0 512 0 0")[1]["rows.count"] == "note"


@build.needs_cc
def test_one_uncorrectable_error_fails_and_many_corrected_ones_do_not(played):
    """azure_gpu_ecc.nhc held uncorrected errors against the 20 000 000 meant for corrected ones."""
    assert played("gpu.7.ecc.1.0 1", "gpu.7.ecc.1.0.2 1")[1]["ecc.uncorrected"] == "fail"
    corrected = played("gpu.7.ecc.0.0 100", "gpu.7.ecc.0.0.2 100")[1]
    assert corrected["ecc.uncorrected"] == "pass"
    assert corrected["ecc.corrected"] in ("pass", "note")


@build.needs_cc
def test_what_a_gpu_does_not_support_is_skipped_and_is_no_zero(played):
    """azure_gpu_ecc.nhc: N/A in an arithmetic test is 0, and healthy."""
    _, status = played(
        "gpu.*.ecc_mode error 3", "gpu.*.ecc.1.0 error 3", "gpu.*.ecc.1.1 error 3",
        "gpu.*.rows error 3",
    )  # fmt: skip
    assert status["ecc.uncorrected"] == "skip"
    assert status["rows.failure"] == "skip"
    assert status["rows.count"] == "skip"


@build.needs_cc
@pytest.mark.parametrize(
    ("mask", "status"), [("0x5", "pass"), ("0x105", "pass"), ("0x9", "fail"), ("0x48", "fail")]
)
def test_throttle_reasons_are_bits(played, mask, status):
    """azure_gpu_clock_throttling.nhc compared for equality, and only logged what it found."""
    found, answered = played(f"gpu.7.throttle {mask}")
    assert answered["clk.throttle_now"] == status
    assert bool(found["diagnosis"]) is (status == "fail")


@build.needs_cc
@pytest.mark.parametrize("code", [9, 12])
def test_a_driver_that_is_not_loaded_and_a_library_that_is_not_there_fail(played, code):
    """facebookresearch/gcm pynvml_errors.py: only warnings."""
    found, status = played(f"init error {code}")
    assert status["nvml.load"] == "fail"
    assert found["diagnosis"][0]["cause"] == "driver-absent"


@build.needs_cc
def test_a_check_that_was_killed_is_no_pass(report):  # noqa: F811
    """facebookresearch/gcm: a check that did not come back was OK."""
    lines = {line["id"]: line["status"] for line in report("init-crashes")["checks"]}
    assert lines["nvml.load"] == "unknown"
    assert lines["gpu.handles"] not in ("pass", "note")


# -- the kernel's log ------------------------------------------------------------------------------


def test_a_kernel_log_that_may_not_be_read_is_unknown_for_every_check_of_it():
    """azure_gpu_xid.nhc: a missing log returned 0."""
    dark = h.change(QUICK, kernel_events=None, unread={"kernel_events": "permission denied"})
    answer = Answer(dark)
    of_the_log = [check.id for check in CHECKS if check.id.startswith("kmsg.")]
    assert {answer.status[name] for name in of_the_log} == {"unknown"}


def test_an_entry_of_december_read_in_january_keeps_its_place():
    """azure_gpu_xid.nhc guessed the year from today; monotonic stamps have none."""
    said = (
        "Dec 31 23:59:58 n kernel: [863999.5] NVRM: Xid (PCI:0000:05:00): 79, GPU has fallen off\n"
    )
    (event,) = read_report(said.encode(), "paste").kernel_events
    assert event.code == 79
    answer = Answer(h.change(QUICK, kernel_events=(event,)))
    assert answer.status["kmsg.xid"] == "fail"


# -- rules -----------------------------------------------------------------------------------------


def test_no_rule_is_evaluated_from_text():
    """microsoft/superbenchmark data-diagnosis: lambdas from a file of rules, by eval."""
    called = set()
    for path in Path(gpubench.__file__).parent.rglob("*.py"):
        if path.parent.name == "scripts":
            continue  # they are sent to interpreters and start them
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called.add(node.func.id)
            if isinstance(node, ast.Import | ast.ImportFrom):
                named = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not named & {"pickle", "marshal", "shelve", "dill"}, path
    assert not called & {"eval", "exec", "compile", "__import__"}


def test_acs_that_is_to_be_switched_off_is_a_warning_and_not_healthy():
    """leptonai/gpud pci/component.go: "needs to be disabled", with the health Healthy."""
    answer = Answer(topology(redirecting_bridges=("0000:00:01.0",)))
    assert answer.status["pcie.acs"] == "warn"
    assert [f.severity for f in answer.report.findings if f.check == "pcie.acs"] == ["warning"]
    assert exit_status(answer.report, fail_on="warning") == 1
