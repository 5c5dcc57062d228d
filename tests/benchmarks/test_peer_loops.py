"""The peers really train, and are timed by the rules that gpubench's windows follow."""

import dataclasses

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from benchmarks import peer_loops  # noqa: E402
from benchmarks.peer_loops import COLD_STEPS, WARM_SECONDS, ResidentSentences, Stopwatch  # noqa: E402
from gpubench.bench.job import Job, Workload  # noqa: E402
from gpubench.bench.modes import REFERENCE  # noqa: E402
from gpubench.bench.protocol import SMOKE  # noqa: E402
from gpubench.suites import bert_ner, deit  # noqa: E402

pytestmark = pytest.mark.torch

SHORT = dataclasses.replace(SMOKE, window_min_steps=2, window_min_seconds=0.0)


class Waits:
    """A device whose waiting takes no time, and a clock that every step moves on."""

    def __init__(self, step_seconds):
        self.time, self.settled, self._step = 0.0, 0, step_seconds

    def settle(self):
        self.settled += 1

    def now(self):
        return self.time

    def run(self, watch):
        finished = False
        steps = 0
        while not finished:
            self.time += self._step
            steps += 1
            finished = watch.step_done()
        return steps


@pytest.mark.parametrize("step", [0.125, 1.0])
def test_a_peer_is_warmed_up_then_timed_over_a_window_of_the_protocols_length(step):
    device = Waits(step)
    watch = Stopwatch(device, SMOKE, now=device.now)
    steps = device.run(watch)
    warm = max(COLD_STEPS, WARM_SECONDS / step)
    window = max(SMOKE.window_min_steps, SMOKE.window_min_seconds / step)
    assert steps == COLD_STEPS + warm + window
    assert watch.answer() == {"steps": window, "window_seconds": window * step}
    assert device.settled == 3


def job(tmp_path, suite):
    return Job(
        kind="measure",
        suite_module=suite.__name__,
        workload=Workload(preset="smoke", batch_size=1),
        mode=REFERENCE,
        protocol=SHORT,
        device="cpu",
        scratch=str(tmp_path),
    )


@pytest.mark.parametrize("loop", [peer_loops.timm_loop, peer_loops.timm_loop_fused])
def test_timms_loop_trains(tmp_path, monkeypatch, loop):
    monkeypatch.setattr(peer_loops, "WARM_SECONDS", 0.0)
    answer = loop(job(tmp_path, deit), deit, None)
    assert answer["state"] == "ok"
    assert answer["window_seconds"] > 0
    assert answer["facts"]["fused"] is (loop is peer_loops.timm_loop_fused)


def test_the_trainer_trains(tmp_path, monkeypatch):
    pytest.importorskip("accelerate")
    monkeypatch.setattr(peer_loops, "WARM_SECONDS", 0.0)
    answer = peer_loops.trainer(job(tmp_path, bert_ner), bert_ner, None)
    assert answer["state"] == "ok"
    assert answer["facts"]["max_grad_norm"] == 1.0
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_loss_that_is_no_number_makes_a_peers_window_invalid(tmp_path, monkeypatch):
    class Broken:
        @staticmethod
        def build(workload):
            task = deit.build(workload)
            with torch.no_grad():
                next(task.model.parameters()).fill_(torch.nan)
            return task

    monkeypatch.setattr(peer_loops, "WARM_SECONDS", 0.0)
    answer = peer_loops.timm_loop(job(tmp_path, deit), Broken, None)
    assert (answer["state"], answer["reason"]) == ("invalid", "the loss became NaN or infinite")


def test_the_trainers_sentences_are_gpubenchs_batches_whichever_it_asks_for():
    task = bert_ner.build(Workload(preset="smoke", batch_size=2))
    sentences = ResidentSentences(task)
    expected = next(bert_ner.build(Workload(preset="smoke", batch_size=2)).batches())
    (batch,) = sentences.__getitems__([0, 5])
    assert all(torch.equal(batch[name], expected[name]) for name in expected)
    assert sentences.__getitems__([len(sentences) - 1])
