"""Charts in characters fit their width, keep marks and words, and are drawn in ASCII as well."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.gate.chart import Bars, Chart, Mark
from gpubench.render import plots
from gpubench.render.chart_text import chart_text, in_ascii
from tests.fakes.machines import gpu_record
from tests.fakes.records import FACTS, broken, measurement, record

pytestmark = pytest.mark.torch


def rows(text, name):
    """The drawn rows that begin with a name."""
    return [line for line in text.splitlines() if line.split()[:1] == [name]]


def bars(*values):
    marks = tuple(Mark(label=f"m{n}", text=f"{v:g}", value=v) for n, v in enumerate(values))
    return Chart(name="x", title="T", about="a", parts=(Bars(unit="u", marks=marks),))


def test_bars_are_as_long_as_their_values():
    text = chart_text(bars(10.0, 5.0, 0.0))
    (long,), (half,), (none,) = (rows(text, f"m{n}") for n in range(3))
    assert long.count("█") == pytest.approx(2 * half.count("█"), abs=1)
    assert none.count("█") == 0


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_row_is_wider_than_the_terminal(width):
    text = plots.text("throughput", [gpu_record()], width)
    drawn = [line for line in text.splitlines() if "█" in line]
    assert len(drawn) == 8
    assert max(map(len, drawn)) <= max(width, 60)


def test_what_is_not_to_be_trusted_is_pale_or_a_word():
    made = gpu_record(trouble={"tf32": ("unstable", "x"), "amp-fp16": ("out-of-memory", "y")})
    text = plots.text("throughput", [made])
    (tf32,), (amp,) = rows(text, "tf32"), rows(text, "amp-fp16")
    assert "▒" in tf32
    assert "█" not in tf32
    assert "~" in tf32
    assert amp.split() == ["amp-fp16", "out", "of", "memory"]


def test_ascii_has_no_other_letter_and_keeps_the_figures():
    for name in plots.NAMES:
        text = in_ascii(plots.text(name, [gpu_record()]))
        assert text.isascii()
    text = in_ascii(plots.text("throughput", [gpu_record()]))
    assert "#####" in text
    assert "+-" in text


def test_time_is_a_line_of_small_bars_with_its_ends():
    made = record([measurement(losses=(2.0, 1.0, 0.5))])
    (line,) = rows(plots.text("losses", [made]), "fp32")
    assert line.split()[1:] == ["█▃▁", "0.500", "to", "2.00"]


def test_telemetry_is_drawn_where_it_was_sampled():
    assert "SM clock" in plots.text("telemetry", [gpu_record()])
    assert plots.text("telemetry", [record()]) == "nothing of it was measured in this run\n"


def test_no_name_drives_the_terminal():
    hostile = "\x1b[2J\u202e"
    facts = dataclasses.replace(FACTS, settings={**FACTS.settings, "item": hostile})
    for name in plots.NAMES:
        text = plots.text(name, [record(facts=facts)])
        assert "\x1b" not in text
        assert "\u202e" not in text


@pytest.mark.parametrize("name", plots.NAMES)
def test_every_plot_of_a_run_of_which_nothing_was_measured_says_so(name):
    assert plots.text(name, [record([broken("failed", "died")], ())]).strip()


@pytest.mark.parametrize("name", ["throughput", "speedup", "losses", "telemetry"])
def test_the_same_are_files(tmp_path, name):
    pytest.importorskip("matplotlib")
    made = gpu_record(
        trouble={"tf32": ("unstable", "$\\frac{x}$"), "amp-fp16": ("out-of-memory", "y")}
    )
    svg, png = plots.write([made], tmp_path, [name])
    assert svg.name == f"{name}-deit.svg"
    assert png.stat().st_size > 5_000
