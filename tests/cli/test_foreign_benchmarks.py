"""Files of pytest-benchmark that nobody at gpubench made: read, gated, or refused in one line."""

import copy
import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("pandas")

from gpubench.cli.app import main
from gpubench.gate.pytest_benchmark import machine_section
from gpubench.render.compare import FORMATS
from tests.fakes.pytest_benchmark import file
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
    plain["benchmarks"][0]["extra_info"]["gpubench"] = {"batch size": 8}
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
