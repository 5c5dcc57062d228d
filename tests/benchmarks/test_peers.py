"""The rounds: who trains, in which order, and on what."""

import json

import pytest

pytest.importorskip("scipy")

from benchmarks import peers
from benchmarks.peers import OURS, PEERS, Race, contestants, questions
from gpubench.bench.protocol import SMOKE
from gpubench.bench.runner import Answer
from gpubench.errors import GpubenchError


class Asked:
    """Answers jobs, and remembers them."""

    def __init__(self, **result):
        self.jobs = []
        self._result = {"state": "ok", "reason": None, "steps": 10, "window_seconds": 2.0} | result

    def __call__(self, job, *, cache, program):
        assert cache.is_dir()
        self.jobs.append((job, program))
        return Answer(result=self._result, seconds=1.0)


def test_the_order_of_a_round_is_that_of_the_one_before_reversed(tmp_path):
    runners = contestants("deit", ["fp32"], "fp32+compile")
    race = Race(SMOKE, "cpu", tmp_path, ask=Asked())
    seen = [runner for _, runner, _ in race.rounds(runners, 2)]
    assert seen == [*runners, *reversed(runners)]


def test_every_process_of_a_suite_gets_the_same_job_but_for_its_mode(tmp_path):
    ask = Asked()
    race = Race(SMOKE, "cpu", tmp_path, ask=ask)
    list(race.rounds(contestants("bert-ner", ["fp32"], "fp32"), 1))
    assert len({repr(job) for job, _ in ask.jobs}) == 1
    assert len({program for _, program in ask.jobs}) == 3


def test_a_best_mode_that_runs_anyway_runs_once():
    runners = contestants("bert-ner", ["fp32", "tf32"], "tf32")
    assert len(runners) == len(set(runners)) == 2 * (1 + len(PEERS["bert-ner"]))


@pytest.mark.parametrize("suite", PEERS)
def test_every_question_is_about_somebody_who_trains(suite):
    modes, best = ["tf32", "fp32"], "amp-bf16+compile"
    running = {(runner.name, runner.mode) for runner in contestants(suite, modes, best)}
    for asked in questions(suite, modes, best):
        assert (OURS, asked.mode) in running
        assert (asked.peer, asked.peer_mode) in running


def test_the_best_mode_must_beat_the_peer_as_it_comes_in_its_default():
    *_, asked = questions("deit", ["tf32", "fp32"], "amp-bf16+compile")
    assert (asked.peer, asked.peer_mode, asked.must) == ("timm loop", "tf32", "faster")


def test_a_suite_that_cannot_be_described_ends_the_run(tmp_path):
    race = Race(SMOKE, "cpu", tmp_path, ask=Asked(state="failed", reason="no such model"))
    with pytest.raises(GpubenchError, match="deit: no such model"):
        race.described("deit")


def test_a_record_is_rendered_again_from_its_file(tmp_path, capsys, monkeypatch):
    stored = tmp_path / "peers.json"
    stored.write_text(
        json.dumps(
            {
                "pairs": 1,
                "preset": "smoke",
                "window_min_seconds": 5,
                "suites": {
                    "deit": {
                        "device": {"name": "a CPU", "threads": 2, "torch": "2.9"},
                        "settings": {},
                        "parameters": 1,
                        "batch_size": 1,
                    }
                },
                "questions": [],
                "processes": [],
            }
        )
    )
    monkeypatch.setattr("sys.argv", ["peers", "--from", str(stored)])
    assert peers.main() == 0
    assert "a CPU, 2 threads" in capsys.readouterr().out
