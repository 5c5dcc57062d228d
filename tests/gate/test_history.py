"""One cell over many records; what cannot be read is said and passed over."""

import dataclasses
import gc
import json
import time
import tracemalloc

import pytest

pytest.importorskip("scipy")

from gpubench import codec
from gpubench.bench.record import FILE_NAME
from gpubench.errors import UnreadableInput
from gpubench.gate.history import MOST_COLUMNS, history, plot, records_under
from gpubench.gate.machine import Machine
from tests.fakes.ceilings import PEAKS
from tests.fakes.records import FACTS, HEADER, broken, measurement, parity, write
from tests.fakes.sessions import header

pytestmark = pytest.mark.torch


def keep(folder, day, step=0.1, **changes):
    found = [measurement("fp32", n, step) for n in range(3)]
    write(folder / f"run{day}", changes.pop("measurements", found), (), header(day), **changes)


def read(folder, mode="fp32", **changes):
    return history(records_under([folder]), "deit", mode, **changes)


def test_the_points_come_in_the_order_of_measuring(tmp_path):
    for day, step in ((3, 0.1), (1, 0.2), (2, 0.4)):
        keep(tmp_path, day, step)
    points, notes = read(tmp_path)
    assert [p.throughput.value for p in points] == pytest.approx([40, 20, 80])
    assert (notes, {p.processes for p in points}) == ([], {3})
    assert {(p.torch, p.device) for p in points} == {("2.15.0", "A CPU")}


def test_a_process_that_was_done_again_counts_once(tmp_path):
    twice = [measurement("fp32", 0, 0.4), measurement("fp32", 0, 0.1)]
    keep(tmp_path, 1, measurements=twice)
    (point,), _ = read(tmp_path)
    assert (point.processes, point.throughput.value) == (1, pytest.approx(80))


def test_what_does_not_count_is_a_point_without_a_figure(tmp_path):
    keep(tmp_path, 1, measurements=[broken("failed", "killed")])
    keep(tmp_path, 2, measurements=[measurement("amp-bf16", 0, 0.1)])
    (point,), notes = read(tmp_path)
    assert (point.cell.state, point.cell.reason, point.throughput) == ("failed", "killed", None)
    assert notes == []


def test_one_invalid_process_takes_the_figure_away(tmp_path):
    keep(tmp_path, 1, measurements=[measurement(), broken("invalid", "NaN", process=1)])
    (point,), _ = read(tmp_path)
    assert (point.cell.state, point.throughput) == ("invalid", None)


def keep_amp(folder, losses=(2.0, 1.9, 1.8), step=0.05, ceilings=()):
    """A record of float32 and amp-bf16, held against each other and against the peaks."""
    found = [measurement("fp32"), measurement("amp-bf16", 0, step)]
    runs = (parity(), parity("amp-bf16", losses=losses), *ceilings)
    write(folder / "run", found, runs, HEADER)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "ok"),
        ({"losses": (2.0, 1.9, 1.2)}, "invalid"),
        ({"step": 0.005, "ceilings": PEAKS}, "implausible"),
    ],
)
def test_a_figure_that_a_table_refuses_is_refused_here(tmp_path, changes, state):
    keep_amp(tmp_path, **changes)
    (point,), notes = read(tmp_path, mode="amp-bf16")
    assert (point.cell.state, notes) == (state, [])
    assert (point.throughput is None) == (state != "ok")


@pytest.mark.parametrize("state", ["unstable", "capped"])
def test_a_figure_that_counts_with_a_mark_is_shaky(tmp_path, state):
    keep(tmp_path, 1, measurements=[measurement(state=state)])
    keep(tmp_path, 2)
    marked, plain = read(tmp_path)[0]
    assert (marked.is_shaky, plain.is_shaky) == (True, False)


def test_a_figure_that_its_input_sets_is_shaky(tmp_path):
    """Fed from files at 80 a second; from its own memory the device does 160."""
    feeding = {"resident_steps": 10, "resident_seconds": 0.5, "workers": 0}
    head = dataclasses.replace(
        header(1), plan=dataclasses.replace(header(1).plan, tier="end-to-end")
    )
    write(tmp_path / "run", [measurement(feeding=feeding)], (), head)
    (point,), _ = read(tmp_path)
    assert (point.held_back, point.is_shaky) == (True, True)


@pytest.mark.parametrize(
    "change",
    [{"facts": {"batch size": 9}}, {"facts": {"preset": "full"}}, {"facts": {"accumulation": 8}},
     {"machine": Machine(device="cuda", name="A GPU", gpu="a")}],
)  # fmt: skip
def test_there_is_no_change_between_what_is_not_alike(tmp_path, change):
    keep(tmp_path, 1, 0.1)
    keep(tmp_path, 2, 0.2)
    one, other = read(tmp_path)[0]
    assert other.change_since(one) == pytest.approx(-0.5)
    unlike = dataclasses.replace(other, cell=dataclasses.replace(other.cell, **change))
    assert unlike.change_since(one) is None


def test_variants_are_cells_of_their_own(tmp_path):
    other = dataclasses.replace(measurement("fp32", 0, 0.2), variant="batch 16")
    plan = dataclasses.replace(header(1).plan, variants=("", "batch 16"))
    head = dataclasses.replace(header(1), plan=plan)
    writer = write(tmp_path / "run", [measurement("fp32", 0, 0.1), other], (), head)
    writer.append(dataclasses.replace(FACTS, variant="batch 16"))
    values = [read(tmp_path, variant=name)[0][0].throughput.value for name in ("", "batch 16")]
    assert values == pytest.approx([80, 40])


def test_a_broken_record_is_said_and_passed_over(tmp_path):
    keep(tmp_path, 1)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / FILE_NAME).write_text('{"schema": "gpubench.run/9"}\n')
    points, (note,) = read(tmp_path)
    assert len(points) == 1
    assert "gpubench.run/9" in note


def test_a_torn_last_line_is_left_out(tmp_path):
    keep(tmp_path, 1)
    path = tmp_path / "run1" / FILE_NAME
    path.write_bytes(path.read_bytes()[:-20])
    assert read(tmp_path)[0][0].processes == 2


def test_a_header_whose_snapshot_stands_elsewhere_is_read_whole(tmp_path):
    keep(tmp_path, 1)
    path = tmp_path / "run1" / FILE_NAME
    first, rest = path.read_text().split("\n", 1)
    plain = codec.parse_json(first, "here")
    turned = codec.to_json({"snapshot": plain.pop("snapshot"), "image": ', "snapshot": {', **plain})
    path.write_text(turned + "\n" + rest)
    assert len(read(tmp_path)[0]) == 1


def test_a_place_without_a_record_is_refused(tmp_path):
    with pytest.raises(UnreadableInput, match=r"no record\.jsonl"):
        read(tmp_path)


def test_a_thousand_records_take_seconds(tmp_path):
    keep(tmp_path, 1)
    content = (tmp_path / "run1" / FILE_NAME).read_bytes()
    for number in range(1_000):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / FILE_NAME).write_bytes(content)
    began = time.process_time()
    points, _ = read(tmp_path)
    assert len(points) == 1_001
    assert time.process_time() - began < 3


@pytest.mark.parametrize("number", [1, 2, MOST_COLUMNS, MOST_COLUMNS + 1, 1_000])
def test_a_plot_fits_its_width(tmp_path, number):
    keep(tmp_path, 1)
    (point,), _ = read(tmp_path)
    lines = plot([point] * number)
    assert max(map(len, lines)) <= MOST_COLUMNS + 12
    assert sum(line.count("●") for line in lines) == min(number, -(-number // -(-number // 72)))


def test_a_slower_record_lies_lower_in_the_plot(tmp_path):
    keep(tmp_path, 1, 0.1)
    keep(tmp_path, 2, 0.2)
    rows = [line for line in plot(read(tmp_path)[0]) if "●" in line]
    assert [line.index("●") - line.index("│") for line in rows] == [1, 2]


def kept_bytes(paths):
    """What is still held when a history has been read, and the most that was held meanwhile."""
    history(paths[:1], "deit", "fp32")  # what is imported and cached once is not counted
    gc.collect()
    tracemalloc.start()
    found = history(paths, "deit", "fp32")
    gc.collect()
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found[0]) == len(paths)
    return kept, most


def test_memory_does_not_grow_with_what_the_records_hold(tmp_path):
    """A point is kept of each record, not its times, and one record is in memory at a time."""
    for day in range(1, 25):
        keep(tmp_path, day, measurements=[measurement("fp32", n, steps=4_000) for n in range(3)])
    paths = list(records_under([tmp_path]))
    size = paths[0].stat().st_size
    few, most_of_few = kept_bytes(paths[:4])
    many, most_of_many = kept_bytes(paths)
    assert (many - few) / (len(paths) - 4) < size / 10
    assert most_of_many - most_of_few < 3 * size


def test_a_line_of_another_s_making_is_read_however_it_is_spaced(tmp_path):
    """Most lines are passed over by how they begin; one that begins otherwise is parsed."""
    keep(tmp_path, 1)
    path = tmp_path / "run1" / FILE_NAME
    first, *lines = path.read_text().splitlines()
    spaced = [json.dumps(dict(reversed(json.loads(line).items())), indent=None) for line in lines]
    path.write_text("\n".join((first, *spaced)) + "\n")
    (point,), notes = read(tmp_path)
    assert (point.processes, notes) == (3, [])


def test_a_mode_that_was_measured_and_never_planned_is_said(tmp_path):
    found = [measurement("amp-bf16", 0, 0.1)]
    keep(tmp_path, 1, measurements=found)
    points, notes = read(tmp_path, mode="amp-bf16")
    assert points == []
    assert "was measured and never planned" in notes[0]
