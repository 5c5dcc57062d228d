"""What is said of the input follows from three rates, and is never shown as the mode's own."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.bench.feed import Feed, here
from gpubench.bench.job import Subject
from gpubench.bench.record import LOADER, Closing, Loading, read_record
from gpubench.gate.loading import loader_rows
from gpubench.gate.summary import is_sound, summarise
from gpubench.gate.tables import comparison
from tests.fakes.records import HEADER, PARITIES, PLAN, measurement, record, write

pytestmark = pytest.mark.torch

FROM_FILES = dataclasses.replace(
    HEADER, plan=dataclasses.replace(PLAN, tier="end-to-end", feed=Feed(workers=2))
)
LOADER_HEADER = dataclasses.replace(
    HEADER, plan=dataclasses.replace(PLAN, tier="loader", modes=(), feed=Feed())
)


def loading(workers=2, process=0, rate=400.0, **changes):
    """A window of 100 batches of eight."""
    plain = Loading(
        suite="deit",
        feed=here(Feed(workers=workers), "cpu"),
        process=process,
        state="ok",
        reason=None,
        started="2026-11-21T00:00:00+00:00",
        child_seconds=9.0,
        batch_size=8,
        batches=100,
        window_seconds=800 / rate,
        round_seconds=(0.1,) * 10,
        cpu_seconds=0.4,
        worker_cpu_seconds=3.6,
    )
    return dataclasses.replace(plain, **changes)


def fed(mode="fp32", process=0, rate=80.0, alone=100.0, waited=0.05, **changes):
    """A process that trained ``rate`` images per second from files, ``alone`` without them."""
    window = 80 / rate
    feeding = {
        "resident_seconds": 40 / alone, "resident_steps": 5, "waiting_seconds": waited * window,
        "workers": 2,
    }  # fmt: skip
    return measurement(mode, process, step=window / 10, feeding=feeding, **changes)


def read(measurements, *loadings, header=FROM_FILES):
    plain = record(measurements=measurements, header=header)
    return dataclasses.replace(plain, lines=(*plain.lines, *loadings))


def side(rate, alone, loader):
    held = read([fed("fp32", p, rate, alone) for p in (0, 1)], loading(rate=loader))
    return summarise(held, Subject("deit"))[0]


@pytest.mark.parametrize(
    ("rate", "alone", "loader", "bound"),
    [
        (98, 100, 400, "device"),
        (98, 100, 104, "neither"),
        (50, 100, 52, "input"),
        (89, 100, 89, "input"),
        (33, 100, 50, "input"),
        (60, 100, 400, "contention"),
    ],
)
def test_the_side_that_bounds_a_cell_is_named(rate, alone, loader, bound):
    assert side(rate, alone, loader).input.bound == bound


def test_cores_to_feed_the_device_follow_from_its_own_rate():
    cell = side(50, 100, 52)
    assert cell.input.cores_needed == pytest.approx(100 * 4.0 / 800)
    assert cell.input.waiting_share == pytest.approx(0.05)


def test_without_a_loader_s_rate_a_slower_cell_is_still_not_the_mode_s():
    cell = summarise(read([fed(rate=50), fed("fp32", 1, 50)]), Subject("deit"))[0]
    assert (cell.input.bound, cell.input.cores_needed) == ("input", None)


def starving():
    modes = [("fp32", 100.0), ("amp-bf16", 300.0)]
    held = [fed(mode, p, 50 + p, alone, waited=0.8) for mode, alone in modes for p in (0, 1)]
    return read(held, loading(rate=52))


def test_a_starving_loader_is_named_and_its_figures_are_marked():
    (table,) = comparison(starving())
    for row in table.rows:
        assert row.texts["bound"] == "input"
        assert row.texts["throughput"].startswith("~")
        assert row.texts["waiting"] == "80 %"
    assert table.rows[1].texts["speedup"].startswith("~")
    assert any("the loader's and not the mode's" in note for note in table.notes)
    assert table.rows[1].values["bound_by"] == "input"
    assert table.rows[1].values["cores_to_feed_device"] == pytest.approx(300 * 4.0 / 800)


def test_a_speed_up_over_a_starving_reference_is_marked_too():
    held = [fed("fp32", p, 50, 100) for p in (0, 1)]
    held += [fed("amp-bf16", p, 98, 100) for p in (0, 1)]
    amp = summarise(read(held, loading(rate=60)), Subject("deit"))[1]
    assert amp.input.bound == "device"
    assert amp.speedup_is_shaky


def test_a_cell_that_its_device_bounds_has_plain_figures():
    held = [fed(mode, p, 98 + p, 100) for mode in ("fp32", "amp-bf16") for p in (0, 1)]
    (table,) = comparison(read(held, loading(rate=400)))
    assert not any("~" in text for row in table.rows for text in row.texts.values())


def test_the_resident_tier_says_nothing_of_an_input():
    (table,) = comparison(record())
    assert "bound" not in {column.key for column in table.columns}


def test_a_loader_that_broke_makes_the_run_unsound_and_is_said():
    held = [fed(mode, p, 98, 100) for mode in ("fp32", "amp-bf16") for p in (0, 1)]
    gone = loading(state="failed", reason="1 of 2 loader workers killed", window_seconds=None)
    broken = read(held, gone)
    assert is_sound(read(held, loading()))
    assert not is_sound(broken)
    assert any("1 of 2 loader workers killed" in note for note in comparison(broken)[0].notes)


def test_a_loader_that_was_timed_again_has_no_closing_until_it_gets_another():
    closing = Closing(suite="deit", mode=LOADER, ended="budget", left_out=("process 2",))
    subject = Subject("deit")
    told, gone_on = (
        dataclasses.replace(record(), lines=lines)
        for lines in ((loading(), closing), (loading(), closing, loading(0)))
    )
    assert told.closing(subject, LOADER) == closing
    assert gone_on.closing(subject, LOADER) is None


def test_rows_scale_against_no_workers():
    rows = loader_rows(
        read([], *(loading(w, p, r + p) for w, r in ((0, 100), (2, 190)) for p in (0, 1)),
             header=LOADER_HEADER),
        Subject("deit"),
    )  # fmt: skip
    assert [row.feed.workers for row in rows] == [0, 2]
    assert rows[1].scaling.value == pytest.approx(1.9, rel=0.01)
    assert rows[1].cpu_seconds_per_item == pytest.approx(0.005)


def test_the_loader_s_table_has_a_text_for_every_column_and_says_what_broke():
    lines = [
        loading(0, rate=100), loading(2, rate=190, state="unstable", reason="it did not settle"),
        loading(4, state="timed-out", reason="no batch came", window_seconds=None),
    ]  # fmt: skip
    (table,) = comparison(read([], *lines, header=LOADER_HEADER))
    assert all(set(row.texts) >= {c.key for c in table.columns} for row in table.rows)
    assert [row.texts["rate"] for row in table.rows] == ["100", "~190", "timed out"]
    assert any("no batch came" in note for note in table.notes)
    assert not is_sound(read([], *lines, header=LOADER_HEADER))


def test_cpu_time_that_could_not_be_read_is_absent():
    (row,) = loader_rows(
        read([], loading(worker_cpu_seconds=None), header=LOADER_HEADER), Subject("deit")
    )
    assert row.cpu_seconds_per_item is None


def test_of_a_process_that_was_done_again_the_last_line_holds():
    lines = loading(state="failed", reason="killed", window_seconds=None), loading(rate=100)
    (row,) = loader_rows(read([], *lines, header=LOADER_HEADER), Subject("deit"))
    assert (row.state, row.processes, row.faults) == ("ok", 1, ())


def test_padded_and_real_tokens_have_columns_where_they_differ():
    held = [
        dataclasses.replace(m, feeding={**m.feeding, "padded_tokens": 900, "real_tokens": 400})
        for m in (fed(rate=80, alone=80), fed("fp32", 1, 80, 80))
    ]
    (table,) = comparison(read(held, loading(rate=400)))
    assert (table.rows[0].texts["padded_tokens"], table.rows[0].texts["real_tokens"]) == (
        "900", "400",
    )  # fmt: skip
    assert table.rows[0].values["real_tokens_per_second"] == 400


def test_lines_of_the_loader_are_read_back(tmp_path):
    write(tmp_path, measurements=[fed()], parities=PARITIES, header=FROM_FILES).append(loading())
    back = read_record(tmp_path)
    assert back.of(Loading) == [loading()]
    assert back.header.plan.feed == Feed(workers=2)
    assert back.measurements[0].feeding["resident_steps"] == 5


def test_a_record_from_before_there_was_a_feed_still_reads(tmp_path):
    import json

    place = write(tmp_path).path
    header, *lines = map(json.loads, place.read_text().splitlines())
    del header["plan"]["feed"]
    for line in lines:
        line.pop("feeding", None)
    place.write_text("\n".join(map(json.dumps, [header, *lines])) + "\n")
    old = read_record(tmp_path)
    assert old.header.plan.feed == Feed()
    assert len(comparison(old)[0].rows) == 2


def closing(*left_out):
    return Closing(
        suite="deit", mode=LOADER, ended="budget", budget_seconds=1500.0, left_out=left_out
    )


def test_processes_of_a_loader_for_which_there_was_no_time_are_told():
    lines = [loading(0), loading(0, 1), loading(2)]
    (table,) = comparison(read([], *lines, closing("process 2 of x"), header=LOADER_HEADER))
    assert any("1 of 2 processes measured" in note for note in table.notes)
    assert any("the budget of 25 min 00 s was spent: left out process 2 of x" in note
               for note in table.notes)  # fmt: skip
    (whole,) = comparison(read([], *lines[:2], closing(), header=LOADER_HEADER))
    assert not any("budget" in note or "processes measured" in note for note in whole.notes)


def test_what_was_left_out_is_told_no_more_once_it_was_measured_after_all():
    lines = [loading(0), closing("process 2 of x"), loading(0, 1)]
    (table,) = comparison(read([], *lines, header=LOADER_HEADER))
    assert not any("budget" in note for note in table.notes)


def test_a_loader_s_row_has_no_more_processes_than_planned():
    protocol = dataclasses.replace(HEADER.protocol, precision=0.01)
    header = dataclasses.replace(LOADER_HEADER, protocol=protocol)
    (table,) = comparison(read([], loading(0), header=header))
    assert "2 processes per row" in table.about[0]


def test_scaling_over_a_row_that_did_not_settle_is_marked():
    lines = [loading(0, rate=100, state="unstable", reason="why"), loading(2, rate=190)]
    (table,) = comparison(read([], *lines, header=LOADER_HEADER))
    assert table.rows[1].texts["rate"] == "190"
    assert table.rows[1].texts["scaling"].startswith("~")


def test_rows_of_a_loader_all_have_the_same_keys():
    lines = [loading(0, contents={"real_tokens": 9}), loading(2, state="failed", reason="x")]
    (table,) = comparison(read([], *lines, header=LOADER_HEADER))
    assert list(table.rows[0].values) == list(table.rows[1].values)
