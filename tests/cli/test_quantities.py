"""Shares and times are read as people write them, and refused in one line otherwise."""

import pytest

from gpubench.cli.quantities import duration, share
from gpubench.errors import BadUsage


@pytest.mark.parametrize(
    ("text", "value"), [("2%", 0.02), ("0.5 %", 0.005), ("0.02", 0.02), ("none", None)]
)
def test_a_share(text, value):
    assert share(text, "--precision") == (value if value is None else pytest.approx(value))


@pytest.mark.parametrize("text", ["0", "-1%", "100%", "2", "two", "", "nan", "inf%", "2%%x"])
def test_what_is_no_share(text):
    with pytest.raises(BadUsage, match=r"--precision .*: a share such as 2%"):
        share(text, "--precision")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("25m", 1500), ("90s", 90), ("1h30m", 5400), ("1.5 h", 5400), ("10 min", 600), ("none", None)],
)
def test_a_time(text, seconds):
    assert duration(text, "--budget") == seconds


@pytest.mark.parametrize("text", ["25", "m", "0s", "-5m", "5 m x", "", "1e9s"])
def test_what_is_no_time(text):
    with pytest.raises(BadUsage, match=r"--budget .*: a time such as 25m"):
        duration(text, "--budget")
