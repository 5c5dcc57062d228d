"""Which of several ranks that ended is the one that broke."""

import json
from types import SimpleNamespace

import pytest

from gpubench.bench.ranks.failures import told


class Broken(Exception):
    """What torch's elastic agent raises: failures by rank."""

    def __init__(self, *ended):
        super().__init__()
        self.failures = {
            rank: SimpleNamespace(exitcode=status, timestamp=second, local_rank=rank)
            for rank, status, second in ended
        }


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        ([(0, -11, 8), (1, -9, 7)], "rank 1 was killed by SIGKILL"),
        ([(0, -6, 7), (1, -9, 7)], "rank 1 was killed by SIGKILL"),
        ([(0, -15, 6), (1, -6, 7)], "rank 1 was killed by SIGABRT"),
        ([(0, -15, 8), (1, 3, 7)], "rank 1 ended with status 3"),
    ],
)
def test_the_first_that_a_signal_killed_is_named_before_those_that_lost_it(tmp_path, ended, reason):
    assert told(Broken(*ended), tmp_path, None)["reason"].startswith(reason)


def test_a_rank_that_says_why_is_believed_before_one_that_aborted(tmp_path):
    error = {"kind": "out-of-memory", "reason": "no memory left"}
    (tmp_path / "answer-1.json").write_text(json.dumps({"error": error, "at": 7.0}))
    found = told(Broken((0, -6, 7), (1, 1, 8)), tmp_path, None)
    assert found == {"kind": "out-of-memory", "reason": "rank 1: no memory left"}


def test_a_rank_that_lost_another_is_believed_after_one_that_aborted(tmp_path):
    error = {"kind": "failed", "reason": "Connection closed by peer"}
    (tmp_path / "answer-1.json").write_text(json.dumps({"error": error, "at": 7.0}))
    found = told(Broken((0, -6, 7), (1, 1, 8)), tmp_path, None)
    assert found["reason"].startswith("rank 0 was killed by SIGABRT")
