"""What a training says is kept as it comes; a signal asks it to end, a second one ends it."""

import os
import signal
from pathlib import Path

import pytest

from gpubench.bench.job import Workload
from gpubench.bench.learning.asked import Training
from gpubench.bench.learning.record import (
    CheckpointLine,
    EndLine,
    EpochLine,
    LossLine,
    TrainingHeader,
    TrainingPlan,
    TrainingWriter,
    read_training,
)
from gpubench.bench.learning.session import Trained, run_training
from gpubench.bench.learning.stopping import stopping
from gpubench.bench.modes import mode_named
from gpubench.bench.protocol import SMOKE
from gpubench.bench.runner import Answer
from gpubench.errors import NotComparable, UnknownSchema, UnreadableInput
from gpubench.gate.training_tables import training_tables
from gpubench.render.plot_loss import loss_plot

PLAN = TrainingPlan(
    suite="bert-ner", preset="smoke", device="cpu", mode="fp32", model=None, data=None,
    validation=None, epochs=1, steps=None, batch_size=None, sequence_length=None,
    image_size=None, learning_rate=None, schedule="constant", head="linear",
)  # fmt: skip
HEADER = TrainingHeader(
    gpubench_version="1", created="2026-01-01", plan=PLAN, environment="e", image=None,
    snapshot=None,
)  # fmt: skip
ASKED = Trained(
    module="m", workload=Workload(preset="smoke"), mode=mode_named("fp32"), device="cpu",
    training=Training(epochs=1, steps=None, checkpoint="c", stop=""), protocol=SMOKE,
)  # fmt: skip


class Watcher:
    def __init__(self):
        self.lines, self.asked = [], 0

    def stage(self, name, done, of):
        pass

    def line(self, line):
        self.lines.append(line)

    def stopping(self):
        self.asked += 1


def facts(first_step=0, gone_on_from=None):
    return {
        "kind": "facts", "settings": {"model": "m", "layers": 1}, "survey": {}, "fingerprint": {},
        "parameters": 3, "device": {"name": "A CPU"}, "effective": {}, "steps_per_epoch": 4,
        "total_steps": 8, "first_step": first_step, "gone_on_from": gone_on_from,
    }  # fmt: skip


def loss(step, *losses):
    return {
        "kind": "loss", "step": step, "epoch": 1, "mean": sum(losses) / len(losses),
        "last": losses[-1], "losses": list(losses), "learning_rate": 1.0, "seconds": 1.0,
    }  # fmt: skip


def epoch(step, f1):
    return {
        "kind": "epoch", "step": step, "epoch": step // 4, "complete": True, "mean_loss": 1.0,
        "seconds": 1.0, "scores": {"f1": f1}, "items": 2,
    }  # fmt: skip


KEPT = {"kind": "checkpoint", "step": 4, "file": "step-00000004.pt", "size_bytes": 9, "seconds": 1}


def child(*told, **result):
    """A child that says these lines and ends with that result."""

    def ask(job, *, cache, progress, heard):
        assert job.training.stop.startswith(str(cache))
        for line in told:
            heard(dict(line))
        return Answer(result={"state": "ok", "reason": None, **result}, seconds=1.0)

    return ask


def trained(folder, ask, writer=None):
    watcher = Watcher()
    writer = writer or TrainingWriter.create(folder, HEADER)
    return run_training(ASKED, writer, watcher, ask), watcher


def test_every_line_is_kept_and_shown_as_it_comes(tmp_path):
    told = [facts(), loss(2, 4.0, 2.0), {"kind": "news"}, epoch(4, 0.5), KEPT]
    end, watcher = trained(tmp_path, child(*told, step=4, weights="abc"))
    record = read_training(tmp_path)
    assert list(record.lines) == watcher.lines
    assert [type(line).__name__ for line in record.lines] == [
        "TrainingFacts", "LossLine", "EpochLine", "CheckpointLine", "EndLine"]  # fmt: skip
    assert (end, record.end.weights) == (record.end, "abc")


def test_what_was_trained_twice_stands_once(tmp_path):
    first = [facts(), loss(3, 3.0, 3.0, 3.0), epoch(4, 0.1), KEPT, loss(6, 2.0, 2.0), epoch(8, 0.2)]
    trained(tmp_path, child(*first))
    again = [facts(4, "step-00000004.pt"), loss(6, 1.0, 1.0), epoch(8, 0.3)]
    trained(tmp_path, child(*again, step=8), TrainingWriter.reopen(tmp_path))
    record = read_training(tmp_path)
    assert [(line.step, line.mean) for line in record.of(LossLine)] == [(3, 3.0), (6, 1.0)]
    assert [line.scores["f1"] for line in record.of(EpochLine)] == [0.1, 0.3]
    assert len(record.of(CheckpointLine)) == 1
    (table,) = training_tables(record)
    assert "gone on with from step-00000004.pt (step 4)" in table.notes
    assert "finished after step 8 of 8" in table.notes


def test_a_record_of_a_killed_training_says_that_it_is_not_finished(tmp_path):
    trained(tmp_path, child(facts(), loss(2, 1.0, 1.0)))
    path = tmp_path / "training.jsonl"
    path.write_bytes(b"\n".join(path.read_bytes().splitlines()[:-1]) + b'\n{"kind": "lo')
    record = read_training(tmp_path)
    assert (record.end, record.torn) == (None, True)
    notes = training_tables(record)[0].notes
    assert "not finished: the record ends before step 8" in notes
    assert "the last line of the record was cut short and left out" in notes


def test_a_training_that_did_not_begin_has_a_table(tmp_path):
    trained(tmp_path, child(state="failed", reason="no memory"))
    (table,) = training_tables(read_training(tmp_path))
    assert (table.about, table.notes) == (("the training did not begin",), ("failed: no memory",))
    assert loss_plot(read_training(tmp_path)) == ""


def test_a_checkpoint_of_another_training_is_an_error_and_no_line(tmp_path):
    with pytest.raises(NotComparable, match="of another training"):
        trained(tmp_path, child(state="not-comparable", reason="it is of another training"))
    assert read_training(tmp_path).lines == ()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", UnreadableInput),
        ("{}\n", UnreadableInput),
        ('{"schema": "gpubench.train/2"}\n', UnknownSchema),
        ('{"schema": "gpubench.train/1"}\n', UnreadableInput),
    ],
)
def test_what_is_no_record_is_refused(tmp_path, content, error):
    (tmp_path / "training.jsonl").write_text(content)
    with pytest.raises(error):
        read_training(tmp_path)


def test_the_plot_falls_with_the_loss_and_takes_a_loss_of_zero(tmp_path):
    losses = [2.0 ** -(step / 8) for step in range(80)]
    trained(tmp_path, child(facts(), loss(80, *losses, 0.0), epoch(4, 0.5)))
    lines = loss_plot(read_training(tmp_path)).splitlines()
    top, bottom = lines[1], lines[10]
    assert top.index("●") < bottom.index("●")
    assert "F1 on what was not trained on" in "\n".join(lines)


def test_the_first_signal_asks_and_the_second_ends(tmp_path):
    asked = []
    # a job of a shell's background begins with SIGINT ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with stopping(tmp_path / "stop", lambda: asked.append(1)):
            os.kill(os.getpid(), signal.SIGTERM)
            assert (tmp_path / "stop").exists()
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
        assert asked == [1]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_was_told_to_ignore_a_signal_goes_on_ignoring_it(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping(Path(tmp_path / "stop"), lambda: None):
            os.kill(os.getpid(), signal.SIGHUP)
            assert not (tmp_path / "stop").exists()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_only_its_length_may_change_when_it_is_gone_on_with():
    import dataclasses

    longer = dataclasses.replace(PLAN, epochs=9)
    assert PLAN.lasting == longer.lasting
    assert PLAN.lasting != dataclasses.replace(PLAN, learning_rate=1.0).lasting
    cosine = dataclasses.replace(PLAN, schedule="cosine")
    assert cosine.lasting != dataclasses.replace(cosine, epochs=9).lasting


def test_an_end_is_a_line_with_a_state():
    assert EndLine(state="ok", reason=None).step is None
