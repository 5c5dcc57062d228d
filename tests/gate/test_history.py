"""One cell over many records; what cannot be read is said and passed over."""

import dataclasses
import time

import pytest

pytest.importorskip("scipy")

from gpubench import codec
from gpubench.bench.record import FILE_NAME
from gpubench.errors import UnreadableInput
from gpubench.gate.history import MOST_COLUMNS, history, plot, records_under
from tests.fakes.records import broken, measurement, write
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


def test_what_does_not_count_is_no_point(tmp_path):
    keep(tmp_path, 1, measurements=[broken("failed", "killed")])
    keep(tmp_path, 2, measurements=[measurement("amp-bf16", 0, 0.1)])
    assert read(tmp_path) == ([], [])


def test_variants_are_cells_of_their_own(tmp_path):
    other = dataclasses.replace(measurement("fp32", 0, 0.2), variant="batch 16")
    keep(tmp_path, 1, measurements=[measurement("fp32", 0, 0.1), other])
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
