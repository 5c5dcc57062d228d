"""Plots say what was measured, the same way each time, and wherever they are drawn."""

import dataclasses
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

from gpubench.bench.modes import MODES
from gpubench.errors import MissingPackage, UnknownName, UnwritableOutput
from gpubench.render import plots
from tests.fakes.records import FACTS, HEADER, PARITIES, PLAN, parity, record

pytestmark = pytest.mark.torch


def of(losses, mode="amp-bf16"):
    """A record whose mode went that way beside float32's 2.0, 1.9, 1.8."""
    return record(parities=[PARITIES[0], parity(mode, losses=losses)])


def drawn(text):
    """The bars of the one mode."""
    (line,) = [line for line in text.splitlines() if line.startswith("  amp-bf16")]
    return line.split()[1], line


def test_every_plot_of_the_registry_has_text_and_drawings():
    for plot in plots.PLOTS:
        assert plots.text(plot.name, [record()]).strip()
        assert plot.about


def test_the_text_shows_a_bar_a_step_and_the_worst_step():
    bars, line = drawn(plots.text("parity", [of((2.0, 1.9002, 1.8))]))
    assert len(bars) == 3
    assert bars[0] == bars[2] == "▁"
    assert bars[1] > "▁"
    assert "% of the allowed at step 2" in line


@pytest.mark.parametrize(
    ("losses", "bar", "words"),
    [
        ((2.0, 1.9, 1.2), "▁▁!", "times the allowed at step 3"),
        ((2.0, None, 1.8), "▁✗▁", "fails: NaN or infinite at step 2"),
    ],
)
def test_a_mode_that_fails_is_seen_in_the_text(losses, bar, words):
    bars, line = drawn(plots.text("parity", [of(losses)]))
    assert bars == bar
    assert words in line


def test_a_run_without_parity_says_so_and_draws_nothing(tmp_path):
    bare = record(parities=())
    assert "no mode was held against float32" in plots.text("parity", [bare])
    assert plots.write([bare], tmp_path, ["parity"]) == []


def test_pictures_are_svg_and_png_of_a_readable_size(tmp_path):
    svg, png = plots.write([record()], tmp_path, ["parity"])
    assert (svg.name, png.name) == ("parity-deit.svg", "parity-deit.png")
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")
    content = png.read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    assert width == 1050
    assert height > 400


def test_the_same_record_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        plots.write([record()], tmp_path / name, ["parity"])
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_what_a_name_holds_is_drawn_and_never_obeyed(tmp_path):
    hostile = "$\\frac{x}$ </text><script>alert(1)</script> \x1b[31m 模型 \n& more"
    facts = dataclasses.replace(FACTS, settings={**FACTS.settings, "model": hostile})
    made = record(facts=facts)
    svg, _ = plots.write([made], tmp_path, ["parity"])
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(svg).iter()}
    assert "script" not in tags
    assert "\x1b" not in plots.text("parity", [made])


def test_a_file_s_name_holds_nothing_that_a_shell_or_a_disk_trips_over():
    assert plots._stem("parity-../../etc; rm -rf ~\x00") == "parity-..-..-etc-rm-rf"
    assert plots._stem("…") == "plot"


def test_two_records_do_not_write_over_each_other(tmp_path):
    names = {path.name for path in plots.write([record(), record()], tmp_path, ["parity"])}
    assert names == {f"{n}-parity-deit.{ending}" for n in (1, 2) for ending in ("svg", "png")}


def test_sixteen_modes_and_a_failing_one_fit_one_picture(tmp_path):
    names = tuple(mode.name for mode in MODES)
    header = dataclasses.replace(HEADER, plan=dataclasses.replace(PLAN, modes=names))
    spread = ((2.001, 1.901, 1.801),)
    reference = parity(
        disturbed=dict.fromkeys(("float32", "tf32", "bfloat16", "float16"), spread), repeats=()
    )
    runs = [parity(name, losses=(2.0, 1.9, 1.2)) for name in names[1:-1]]
    lost = parity(names[-1], losses=(2.0, None, 1.8))
    made = record(parities=[reference, *runs, lost], header=header)
    svg, _ = plots.write([made], tmp_path, ["parity"])
    assert svg.stat().st_size > 10_000
    assert plots.text("parity", [made]).count("fails") == 15


def test_a_folder_that_is_a_file_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableOutput, match="cannot write"):
        plots.write([record()], tmp_path / "file", ["parity"])


def test_an_unknown_plot_is_said_with_those_there_are():
    with pytest.raises(UnknownName, match="parity"):
        plots.text("partiy", [record()])


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackage, match=r"gpubench\[gate\]"):
        plots.write([record()], tmp_path, ["parity"])


def test_text_needs_no_matplotlib():
    code = (
        "import sys; sys.modules['matplotlib'] = None; from gpubench.render import plots; "
        "from tests.fakes.records import record; print(plots.text('parity', [record()]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "amp-bf16" in done.stdout, done.stderr
