"""What the driver sees while GPUs work, laid beside what torch measured."""

import dataclasses

import pytest

from gpubench.env import loading
from gpubench.env.loading import ended_early, prove_copies, soak, with_links
from gpubench.env.proving import Answer
from gpubench.env.redact import anonymous
from gpubench.env.snapshot import Gpu, Proof, TorchDevice, TorchRun
from gpubench.env.sources import Completed
from gpubench.env.telemetry import Telemetry

UUID = "GPU-00000000-0000-0000-0000-000000000000"
DEVICE = TorchDevice(name="H100", capability="9.0", memory_bytes=80, uuid=anonymous(UUID))
SPEED = {"host_to_device_gb_s": 50.0, "began": 1.0, "ended": 2.0}


def answer(*proofs, phase="done", **fields):
    completed = Completed(output="", errors="", **{"code": 0, **fields})
    return Answer(completed, {"phase": phase}, list(proofs))


class FakeProver:
    """Answers every question with the same proof."""

    timeout = 60.0

    def __init__(self, **fields):
        self.proof = Proof(device="cuda:0", error=0.0, limit=0.0, **fields)

    def ask(self, entry, wish, **options):
        return answer(self.proof)


@pytest.fixture
def driver(monkeypatch):
    """A driver that saw the same in every window."""
    seen = Telemetry(
        samples=5,
        sm_clock_mhz=1755.0,
        sm_clock_mhz_lowest=1700.0,
        pcie_generation=5,
        pcie_width=8,
        throttled={"software power cap": 1.0},
    )

    class Sampling:
        def __init__(self, gpu):
            assert gpu == DEVICE.uuid

        def __enter__(self):
            return self

        def __exit__(self, *problem):
            pass

        def between(self, began, ended):
            assert (began, ended) == (1.0, 2.0)
            return seen

    monkeypatch.setattr(loading, "sampling", Sampling)


def test_the_link_is_read_while_data_flows(driver):
    proofs = prove_copies(FakeProver(what="copy", figures=SPEED), [DEVICE], deep=False)
    assert proofs[0].figures == {
        "host_to_device_gb_s": 50.0,
        "pcie_generation": 5.0,
        "pcie_width": 8.0,
    }


@pytest.mark.parametrize("uuid", [UUID, anonymous(UUID)])
def test_the_link_under_load_reaches_the_gpu_of_that_uuid(uuid):
    figures = {"pcie_generation": 5.0, "pcie_width": 8.0}
    copy = Proof(what="copy", device="cuda:0", figures=figures)
    run = TorchRun(ended="done", devices=(DEVICE,), proofs=(copy,))
    other, mine = with_links([Gpu(index=0, uuid="other"), Gpu(index=1, uuid=uuid)], run)
    assert (mine.pcie_generation_loaded, mine.pcie_width_loaded) == (5, 8)
    assert (other.pcie_generation_loaded, other.pcie_width_loaded) == (None, None)


def test_a_soak_is_laid_beside_what_the_driver_saw(driver):
    figures = {"tflops": 600.0, "tflops_lowest": 590.0, "began": 1.0, "ended": 2.0}
    proofs, soaks = soak(FakeProver(what="soak", figures=figures), [DEVICE])
    assert proofs[0].agrees
    assert (soaks[0].tflops, soaks[0].seconds, soaks[0].sm_clock_mhz_lowest) == (600.0, 1.0, 1700.0)
    assert soaks[0].throttled == {"software power cap": 1.0}
    assert soaks[0].unavailable is None


def test_a_gpu_that_cannot_be_told_apart_says_so():
    old = dataclasses.replace(DEVICE, uuid=None)
    figures = {"tflops": 600.0, "tflops_lowest": 590.0, "began": 1.0, "ended": 2.0}
    _, soaks = soak(FakeProver(what="soak", figures=figures), [old])
    assert "does not tell" in soaks[0].unavailable


def test_a_child_that_ended_before_its_first_proof_is_a_proof_that_failed():
    dead = answer(phase="import", code=None, signal_name="SIGSEGV")
    found = ended_early(dead, "copy")[0]
    assert (found.ended, found.problem) == ("signal", "import: was ended by SIGSEGV")


def test_a_child_that_came_to_its_end_adds_nothing():
    assert ended_early(answer(), "copy") == []
