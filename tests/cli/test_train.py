"""``gpubench train`` as a user has it: it learns, stops when asked, goes on to the same bits."""

import importlib.util
import json
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("transformers")
pytest.importorskip("seqeval")

from gpubench.bench.learning.record import EpochLine, read_training
from gpubench.cli import app

pytestmark = [pytest.mark.torch, pytest.mark.timeout(600)]

SMALL = ["--suite", "bert-ner", "--device", "cpu", "--sequence-length", "16", "--batch-size", "8"]


def command(*arguments):
    return [sys.executable, "-m", "gpubench", "train", *map(str, arguments)]


def train(*arguments):
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False)


@pytest.fixture
def corpus(tmp_path):
    """Sixty short sentences: 45 training batches in six epochs."""
    place = tmp_path / "train.bio"
    lines = []
    for number in range(66):
        lines += [f"{chr(0x4E00 + number % 11)}\tO"] * (number % 5) + ["中\tB-LOC", "国\tI-LOC", ""]
    place.write_text("\n".join(lines))
    return place


def test_on_seeded_sentences_it_learns_in_so_many_steps(tmp_path):
    output = tmp_path / "training"
    done = train(
        "--suite", "bert-ner", "--device", "cpu", "--steps", "114", "--batch-size", "32",
        "--sequence-length", "32", "--learning-rate", "2e-3", "--reach", "0.9",
        "--output", output,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    epochs = read_training(output).of(EpochLine)
    assert [line.step for line in epochs] == [0, 38, 76, 114]
    assert epochs[-1].scores["f1"] > 0.9
    assert epochs[0].scores["f1"] < 0.1
    assert {row.name for row in epochs[-1].by_type} == {"PER", "LOC", "ORG"}
    assert "reaches 0.9" in done.stderr
    assert "loss, steps 1 to 114" in done.stdout
    assert "F1 on what was not trained on" in (output / "table.txt").read_text()
    report = [sys.executable, "-m", "gpubench", "report"]
    again = subprocess.run([*report, output], capture_output=True, text=True, check=True)
    assert again.stdout == done.stdout


def started(corpus, output, *arguments):
    """A training in a process of its own, some steps after its last beginning."""
    record = output / "training.jsonl"
    before = record.read_bytes().count(b'"kind": "loss"') if record.exists() else 0
    child = subprocess.Popen(
        command(*LONG, "--data", corpus, "--output", output, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    ends = time.monotonic() + 120
    while not record.exists() or record.read_bytes().count(b'"kind": "loss"') < before + 3:
        assert child.poll() is None, child.stderr.read()
        assert time.monotonic() < ends
        time.sleep(0.02)
    return child


LONG = [*SMALL, "--epochs", "16", "--report-every", "3", "--checkpoint-every", "10"]


def test_stopped_and_killed_it_goes_on_to_the_weights_of_one_that_was_not(corpus, tmp_path):
    whole = train(*LONG, "--data", corpus, "--output", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    output = tmp_path / "parts"

    stopped = started(corpus, output)
    stopped.send_signal(signal.SIGINT)
    out, said = stopped.communicate(timeout=60)
    assert (stopped.returncode, out) == (130, "")
    last = said.splitlines()[-1]
    assert "stopped after step" in last
    assert last.endswith(f"--output {output} --resume")

    killed = started(corpus, output, "--resume")
    killed.kill()
    killed.communicate(timeout=60)

    again = train(*LONG, "--data", corpus, "--output", output, "--resume", "--format", "json")
    assert again.returncode == 0, again.stderr
    assert sum(line.startswith("gpubench: ") for line in again.stderr.splitlines()) > 3
    assert json.loads(again.stdout)["tables"]
    first, second = (read_training(tmp_path / name) for name in ("whole", "parts"))
    assert first.end.state == second.end.state == "ok"
    assert first.end.weights == second.end.weights
    assert str(tmp_path) not in (output / "training.jsonl").read_text()
    assert [e.scores for e in first.of(EpochLine)] == [e.scores for e in second.of(EpochLine)]


def test_a_label_file_that_does_not_align_is_one_line_and_leaves_nothing(tmp_path):
    (tmp_path / "train.bio").write_text("中\tO\n国\n")
    output = tmp_path / "training"
    done = train(*SMALL, "--data", tmp_path / "train.bio", "--output", output)
    assert (done.returncode, done.stdout) == (2, "")
    assert "train.bio, line 2: one column" in done.stderr.splitlines()[-1]
    assert not output.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--suite", "ceilings"], "is not for training; choose"),
        (["--suite", "bert-ner", "--resume"], "--resume needs --output"),
        (["--suite", "bert-ner", "--epochs", "1", "--steps", "1"], "leave one out"),
        (["--suite", "bert-ner", "--export", "model.onnx"], "files that end in .pt2"),
        (["--suite", "bert-ner", "--head", "crp"], "choose linear or crf"),
        (["--suite", "bert-ner", "--schedule", "x"], "choose constant or cosine"),
        (["--suite", "bert-ner", "--mode", "fp23"], "did you mean fp32"),
        (["--suite", "bert-ner", "--preset", "huge"], "choose smoke or standard"),
        (["--suite", "deit", "--head", "crf"], "--head is an option of bert-ner"),
        (["--suite", "deit", "--sequence-length", "64"], "--sequence-length is an option of bert"),
        (["--suite", "bert-ner", "--mixup", "0"], "--mixup is an option of deit"),
        (["--suite", "bert-ner", "--rand-augment", "none"], "--rand-augment is an option of deit"),
        (
            ["--suite", "deit", "--distillation", "hard", "--teacher", "hf-hub:no/such-model"],
            "the model no/such-model is not in the hub's cache",
        ),
        (["--suite", "bert-ner", "--resume", "--output", "nowhere"], "no such file"),
    ],
)
def test_what_cannot_be_asked_is_one_line(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert app.main(["train", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_library_that_is_missing_is_named_before_anything_is_read(monkeypatch, capsys, tmp_path):
    plain = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torchcrf" else plain(name)
    )
    arguments = ["train", "--suite", "bert-ner", "--head", "crf", "--output", str(tmp_path / "t")]
    assert app.main(arguments) == 2
    assert "needs torchcrf, which is not installed: pip install 'gpubench[train]'" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "t").exists()


def test_a_mode_the_device_cannot_do_trains_nothing_and_says_so(tmp_path):
    done = train(*SMALL, "--mode", "tf32", "--output", tmp_path / "training")
    assert done.returncode == 2
    assert "nothing was trained: TF32 is a mode of NVIDIA GPUs" in done.stderr
