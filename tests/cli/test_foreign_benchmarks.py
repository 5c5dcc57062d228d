"""Files of pytest-benchmark that nobody at gpubench made: read, gated, or refused in one line."""

import copy
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("pandas")

from gpubench.cli.app import main
from gpubench.gate.pytest_benchmark import machine_section
from gpubench.render.compare import FORMATS
from tests.fakes.pytest_benchmark import file
from tests.fakes.session import alone
from tests.gate.test_pytest_benchmark import MACHINE

pytestmark = pytest.mark.torch

KINDS = [entry.name for entry in FORMATS]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["\ud800", "\x00", "../..", "1e309", 10**400, -0.0, 5e-324, 1.8e308]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def places(value, path=()):
    """Every place in a JSON value, as the keys that lead there."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def ours():
    """A file with everything that gpubench writes beside."""
    plain = file()
    plain["machine_info"]["gpubench"] = machine_section(MACHINE, {"torch": "2.8.0"})
    plain["benchmarks"][0]["extra_info"]["gpubench"] = {
        "state": "ok",
        "facts": {"batch size": 8},
    }
    return plain


PLACES = list(places(ours()))


def replaced(value, path, by):
    """The value with something else, or nothing, in a place."""
    if not path:
        return by[0] if by else {}
    found = copy.deepcopy(value)
    inner = found
    for key in path[:-1]:
        inner = inner[key]
    if by:
        inner[path[-1]] = by[0]
    else:
        del inner[path[-1]]
    return found


def side(folder, content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "file.json").write_text(content, encoding="utf-8", errors="surrogatepass")
    return str(folder)


@pytest.fixture
def ask(tmp_path, monkeypatch, capsys):
    """Compare two contents; the status, and what was said, which is never a traceback."""
    monkeypatch.chdir(tmp_path)

    def _ask(old, new, *options):
        paths = side(tmp_path / "a", old), side(tmp_path / "b", new)
        status = main(["compare", *paths, *options])
        out, err = capsys.readouterr()
        assert status in (0, 1, 2, 4, 5, 6), err
        assert "Traceback" not in out + err
        assert len(err.splitlines()) == (1 if status == 2 else 0), err
        return status, out, err

    return _ask


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    place=st.sampled_from(PLACES),
    by=st.lists(VALUES, max_size=1),
    name=st.sampled_from(KINDS),
    is_old=st.booleans(),
)
def test_a_file_with_anything_in_any_place_is_answered_or_refused(ask, place, by, name, is_old):
    content = json.dumps(replaced(ours(), place, by))
    sides = (content, json.dumps(ours())) if is_old else (json.dumps(ours()), content)
    status, out, _ = ask(*sides, "--format", name, "--output", "answer")
    assert out == ""
    if status != 2:
        written = Path("answer").read_text(encoding="utf-8")
        assert "\x1b" not in written
        if name in ("json", "github-benchmark"):
            json.loads(written)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_a_file_that_was_cut_or_overwritten_is_refused_in_one_line(ask, share, seed):
    content = json.dumps(ours())
    at = int(share * (len(content) - 1))
    noise = "".join(chr(random.Random(seed).randrange(32, 127)) for _ in range(20))
    assert ask(content[:at], json.dumps(ours()))[0] == 2
    ask(json.dumps(ours()), content[:at] + noise + content[at + 20 :])


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        '{"machine_info": {}, "benchmarks": ' + "[" * 900 + "]" * 900 + "}",
        json.dumps({**file(), "extra": json.loads("[" * 900 + "]" * 900)}),
        "NaN",
        '{"machine_info": {}, "benchmarks": [{"name": "x", "stats": {"median": NaN}}]}',
        '{"machine_info": {}, "benchmarks": [{"name": "x", "stats": {"median": 1e999}}]}',
        '{"schema": "gpubench.run/9"}',
        '{"schema": "gpubench.baseline/9"}',
        "",
    ],
    ids=lambda content: content[:24],
)
def test_what_is_no_file_of_figures_is_status_2(ask, content):
    status, _, err = ask(content, json.dumps(file()))
    assert status in (2, 4)
    assert status == 4 or "file.json" in err


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"node": "another"}, "different hosts"),
        ({"cpu": {"brand_raw": "Another CPU", "count": 8}}, "different CPUs"),
        ({"cpu": {"count": 64}}, "different CPU counts"),
    ],
)
def test_another_machine_is_status_5_with_the_difference(ask, changed, said):
    other = file(2)
    other["machine_info"] |= changed
    status, out, _ = ask(json.dumps(file(1)), json.dumps(other))
    assert status == 5
    assert said in out


def test_another_parameter_under_one_name_is_status_5(ask):
    other = file(2)
    other["benchmarks"][1]["params"] = {"size": 11}
    status, out, _ = ask(json.dumps(file(1)), json.dumps(other))
    assert status == 5
    assert "different workloads" in out


def test_a_benchmark_of_one_side_alone_is_status_5(ask):
    other = file(2)
    del other["benchmarks"][1]
    status, out, _ = ask(json.dumps(file(1)), json.dumps(other))
    assert status == 5
    assert "only the baseline has this cell" in out


PROJECT = """
import pytest

class Shape:
    def __init__(self, size):
        self.size = size

@pytest.mark.benchmark(group="sums", warmup=True, min_rounds=3, max_time=0.02)
@pytest.mark.parametrize("shape", [Shape(10), Shape(100)], ids=["small", "large"])
@pytest.mark.parametrize("start", [0, 1.5, None])
def test_sum(benchmark, shape, start):
    benchmark.extra_info["of"] = {"nested": [1, 2]}
    benchmark(sum, range(shape.size), start or 0)

@pytest.mark.benchmark(timer=__import__("time").process_time, max_time=0.02)
def test_calibrated(benchmark):
    benchmark(lambda: None)

def test_pedantic(benchmark):
    benchmark.pedantic(sorted, args=([3, 1, 2],), rounds=7, iterations=5, warmup_rounds=2)

def test_that_breaks(benchmark):
    benchmark(lambda: 1 / 0)

def test_without_a_benchmark():
    pass
"""


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """What a project that knows nothing of gpubench has stored, of two processes."""
    pytest.importorskip("pytest_benchmark")
    folder = tmp_path_factory.mktemp("project")
    (folder / "test_speed.py").write_text(PROJECT)
    for name in ("one", "two"):
        command = ["pytest", "-q", "-p", "no:cacheprovider", f"--benchmark-save={name}"]
        options = ["--benchmark-warmup-iterations=10", "--benchmark-save-data"]
        subprocess.run(
            [sys.executable, "-m", *command, *options],
            cwd=folder, env=alone(), capture_output=True, check=False,
        )  # fmt: skip
    return sorted(folder.glob(".benchmarks/*/*.json"))


def test_files_that_a_project_has_stored_are_read(ask, stored):
    texts = [path.read_text() for path in stored]
    assert all("Shape object at 0x" in text for text in texts)
    status, out, _ = ask(*texts, "--format", "json")
    found = json.loads(out)
    assert {verdict["suite"] for verdict in found["verdicts"]} == {
        *(
            f"test_speed.py::test_sum[{start}-{shape}]"
            for start in ("0", "1.5", "None")
            for shape in ("small", "large")
        ),
        "test_speed.py::test_calibrated",
        "test_speed.py::test_pedantic",
    }
    # one file a side; and what lies elsewhere in each process is no other workload
    assert (status, found["verdict"]) == (4, "INCONCLUSIVE")


def test_three_files_a_side_of_a_project_are_gated(stored, tmp_path):
    for side_name, slower in (("a", 1.0), ("b", 2.0)):
        (tmp_path / side_name).mkdir()
        for number, wobble in enumerate((1.0, 1.001, 0.999)):
            plain = json.loads(stored[0].read_text())
            plain["datetime"] = f"2026-11-0{number + 1}T00:00:00+00:00"
            for entry in plain["benchmarks"]:
                entry["stats"]["median"] *= slower * wobble
            (tmp_path / side_name / f"{number}.json").write_text(json.dumps(plain))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "a")]) == 0
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 1
