"""Reports cut, spliced, repeated and salted with noise: never a traceback, never seconds.

A few hundred inputs here; ``nox -s fuzz`` takes a hundred thousand.
"""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpubench.checks.outcome import Status
from gpubench.checks.report import make_report
from gpubench.checks.running import run_checks
from gpubench.env.readers.registry import read_report
from gpubench.errors import UnreadableInput
from gpubench.render.findings import renderer
from tests.env.readers import test_collect_env as collect_env
from tests.env.readers import test_library_env as library_env
from tests.env.readers import test_packages as packages
from tests.knowledge.test_messages import ROWS

LONGEST_SECONDS = 2.0
REPORTS = (
    collect_env.NEW, collect_env.OLD, collect_env.VLLM, collect_env.FORM,
    library_env.TRANSFORMERS, library_env.ACCELERATE, library_env.MMCV, library_env.DETECTRON,
    library_env.DEEPSPEED, packages.PIP_LIST, packages.FREEZE, packages.CONDA,
)  # fmt: skip
LINES = sorted({line for report in REPORTS for line in report.splitlines()})
HOSTILE = (
    "\x1b]0;title\x07", "\x1b[2J", "\0", "</script>", "\u202e", "\ud800", "9" * 400, "%s%n",
    ": " * 50, "GPU 4294967296: x", "[pip3] torch==" + "1." * 200, "\r", "\x85", "\ufeff", "N/A",
)  # fmt: skip
WORDS = st.one_of(
    st.sampled_from(LINES),
    st.sampled_from([message for _, message in ROWS]),
    st.sampled_from(HOSTILE),
    st.text(max_size=40),
)


@st.composite
def pastes(draw):
    """Pieces of real reports and noise, cut anywhere, in any encoding."""
    pieces = draw(st.lists(st.one_of(WORDS, st.sampled_from(REPORTS)), max_size=25))
    glue = draw(st.sampled_from(("\n", "\r\n", "\n> ", "\n\n", " ", "\n    ")))
    text = glue.join(pieces)
    start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
    encoding = draw(st.sampled_from(("utf-8", "utf-16", "utf-16-be", "latin-1")))
    content = text[start if draw(st.booleans()) else 0 : end or None].encode(encoding, "replace")
    where = draw(st.integers(0, len(content)))
    return content[:where] + draw(st.binary(max_size=20)) + content[where:]


@pytest.mark.parametrize("part", ["first", "second"])  # one for each of two cores
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(content=pastes())
def test_any_paste_is_judged_or_refused_in_one_line(part, content):
    started = time.process_time()
    try:
        snapshot = read_report(content, "paste")
    except UnreadableInput as problem:
        said = str(problem)
    else:
        said = ""
        judge(snapshot)
    assert "\n" not in said
    assert time.process_time() - started < LONGEST_SECONDS


def judge(snapshot):
    """Every check answers, and what is shown obeys no one."""
    report = make_report(snapshot, run_checks(snapshot))
    assert [line.id for line in report.checks if line.status == Status.CRASH.value] == []
    text = renderer("text")(report, color=False, width=100, seconds=0.1)
    assert not any(ord(letter) < 32 and letter != "\n" for letter in text)
