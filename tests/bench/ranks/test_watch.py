"""Ranks that hang are asked where they stand, and ended."""

import contextlib
import json
import subprocess
import sys
import time

from gpubench.bench.ranks.watch import Watch, pids

HANGS = """
import sys, time
from pathlib import Path
from gpubench.bench.ranks.rank import Place

def waits_for_ever():
    time.sleep(600)

Place(Path(sys.argv[1]), int(sys.argv[2])).begin()
waits_for_ever()
"""


@contextlib.contextmanager
def hanging(folder, *ranks):
    children = [
        subprocess.Popen([sys.executable, "-c", HANGS, str(folder), str(rank)]) for rank in ranks
    ]
    try:
        while len(pids(folder)) < len(ranks):
            time.sleep(0.02)
        yield children
    finally:
        for child in children:
            child.kill()
            child.wait()


def test_a_rank_that_hangs_is_named_with_the_place_where_it_stands_and_ended(tmp_path):
    with hanging(tmp_path, 0, 1) as children:
        with Watch(tmp_path, 0.1, lambda *told: None) as watch:
            assert [child.wait(timeout=20) for child in children] == [-9, -9]
        assert watch.hung.startswith("no answer within 0 s; rank 0 stood in waits_for_ever")
        assert "rank 1 stood in waits_for_ever (<string>:7)" in watch.hung


def test_a_job_that_ends_in_time_has_no_rank_that_hung(tmp_path):
    with Watch(tmp_path, 60.0, lambda *told: None) as watch:
        pass
    assert watch.hung is None


def test_progress_is_passed_on_once(tmp_path):
    lines = [{"stage": "window", "done": done, "of": 3} for done in range(3)]
    heard = []
    with Watch(tmp_path, 60.0, lambda *told: heard.append(told)):
        (tmp_path / "progress").write_text("".join(json.dumps(line) + "\n" for line in lines))
        ends = time.monotonic() + 10
        while len(heard) < 3 and time.monotonic() < ends:
            time.sleep(0.02)
        time.sleep(0.5)
    assert heard == [("window", 0, 3), ("window", 1, 3), ("window", 2, 3)]


def test_a_rank_begins_once_so_that_a_restart_is_noticed(tmp_path):
    from gpubench.bench.ranks.rank import Place

    code = "import sys; from pathlib import Path; from gpubench.bench.ranks.rank import Place; "
    code += "sys.exit(not Place(Path(sys.argv[1]), 0).begin())"
    assert [
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode
        for _ in range(2)
    ] == [0, 1]
    assert (tmp_path / "pid-0").exists()
    assert Place(tmp_path, 0).begin() is False
