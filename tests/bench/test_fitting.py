"""A batch size is searched in a process of its own, by real steps, and measured in others."""

import dataclasses
import itertools

import pytest

pytest.importorskip("torch")

import torch

from gpubench.bench import fitting
from gpubench.bench.batch_search import BatchTry
from gpubench.bench.feed import Feed
from gpubench.bench.hostmemory import HostMemory
from gpubench.bench.job import Job, Subject, Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.protocol import SMOKE
from gpubench.bench.record import RecordWriter, read_record
from gpubench.bench.runner import run_job
from gpubench.bench.session import Session, SuiteRun, run_session
from gpubench.cli.progress import PlainWatcher
from tests.fakes import hungry
from tests.fakes.records import HEADER, PLAN

pytestmark = pytest.mark.torch
QUICK = dataclasses.replace(
    SMOKE, processes=1, window_min_seconds=0.05, soak_seconds=0.05, parity_steps=2,
    process_limit_seconds=200.0,
)  # fmt: skip
GIB = 2**30


def job(mode="fp32", **workload):
    return Job(
        kind="search-batch",
        suite_module="tests.fakes.hungry",
        workload=Workload(preset="smoke", **workload),
        mode=mode_named(mode),
        protocol=QUICK,
        device="cpu",
        scratch="/nowhere",
    )


def find(**workload):
    return fitting.search_batch(job(**workload), hungry, lambda *stage: None)


def test_an_error_of_memory_inside_the_step_ends_the_search_below_it(monkeypatch):
    monkeypatch.setattr(fitting, "search", lambda *a, **k: search(*a, **{**k, "until_flat": False}))
    from gpubench.bench.batch_search import search

    found = find(model="above-20")
    assert (found["state"], found["found"], found["ended"]) == ("ok", 20, "memory")
    assert [each["batch_size"] for each in found["tries"]] == [1, 2, 4, 8, 16, 32, 24, 20, 22]
    assert "Tried to allocate 2.00 GiB for 32 rows" in found["tries"][5]["why"]


def test_not_even_one_sample_is_out_of_memory():
    found = find(model="above-0")
    assert (found["state"], found["found"]) == ("out-of-memory", None)


def test_a_mode_the_device_cannot_do_is_not_searched():
    assert fitting.search_batch(job("tf32"), hungry, print)["state"] == "not-supported"


def test_an_error_that_is_none_of_memory_is_not_taken_for_one(monkeypatch):
    def broken(*arguments):
        raise RuntimeError("expected scalar type Float but found Long")

    monkeypatch.setattr(fitting, "_train", broken)
    with pytest.raises(RuntimeError, match="scalar type"):
        find()


def test_on_a_cpu_no_size_is_tried_that_a_control_group_would_not_give(monkeypatch):
    monkeypatch.setattr(
        fitting,
        "host_memory",
        lambda: HostMemory(
            total_bytes=64 * GIB,
            available_bytes=2 * GIB,
            resident_bytes=GIB,
            peak_bytes=GIB,
            limit_bytes=3 * GIB,
        ),
    )
    tries = [
        BatchTry(batch_size=size, fits=True, peak_bytes=GIB + size * GIB // 8) for size in (4, 8)
    ]
    assert fitting._forecast(torch.device("cpu"), tries, 9) is None  # 2.2 of 2.8 GiB
    assert "may be used" in fitting._forecast(torch.device("cpu"), tries, 16)


def test_accumulated_batches_are_searched_as_they_are_measured(monkeypatch):
    sizes = []
    original = fitting.TrainingStep

    def step(*arguments, accumulation):
        sizes.append(accumulation)
        return original(*arguments, accumulation=accumulation)

    monkeypatch.setattr(fitting, "TrainingStep", step)
    find(model="above-1", accumulation=3)
    assert set(sizes) == {3}


class Mixture:
    """Batches of widths that grow and shrink, in a cycle of five."""

    cycle = 5

    def batches(self):
        for width in itertools.cycle((1, 2, 7, 3, 1)):
            yield {"x": torch.zeros(4, width)}


@pytest.mark.parametrize(("tier", "copies"), [("resident", 5), ("end-to-end", 1)])
def test_the_largest_batch_of_a_mixture_is_tried_in_as_many_copies_as_are_kept(tier, copies):
    batches = fitting._as_many_as_measured(Mixture(), torch.device("cpu"), tier)
    drawn = [next(batches)["x"] for _ in range(20)]
    assert {tensor.shape[1] for tensor in drawn} == {7}
    assert len({tensor.data_ptr() for tensor in drawn}) == copies


def test_a_search_starts_no_workers(monkeypatch):
    feeds = []
    original = hungry.build

    def build(workload, **options):
        feeds.append(workload.feed)
        return original(workload, **options)

    monkeypatch.setattr(hungry, "build", build)
    find(model="above-1", tier="end-to-end", feed=Feed(workers=4, augment=True))
    assert set(feeds) == {Feed(workers=0, pinned=False, augment=True)}


@pytest.mark.timeout(300)
def test_what_is_found_is_measured_by_other_processes_and_not_searched_again(tmp_path):
    """A resumed run takes it from the record."""
    from gpubench.bench.found_batch import with_found_batches

    asked = []

    def ask(job, **rest):
        asked.append((job.kind, job.mode.name, job.workload.batch_size))
        return run_job(job, **rest)

    plan = dataclasses.replace(PLAN, modes=("fp32",), processes=1, batch_search=True)
    RecordWriter.create(tmp_path, dataclasses.replace(HEADER, plan=plan))

    def session(before):
        return Session(
            modes=tuple(mode_named(name) for name in plan.modes),
            protocol=QUICK,
            device="cpu",
            writer=RecordWriter.reopen(tmp_path),
            before=before,
            watcher=PlainWatcher(before),
            ask=ask,
        )

    suites = [
        SuiteRun(
            subject=Subject("deit"),
            module="tests.fakes.hungry",
            workload=Workload(preset="smoke", model="above-3"),
        )
    ]
    first = session(None)
    found = with_found_batches(first, suites, wanted=True)
    run_session(first, found)
    sizes = {size for kind, _, size in asked if kind != "search-batch"}
    assert len(sizes) == 1
    assert sizes <= {1, 2, 3}
    assert [entry for entry in asked if entry[0] == "search-batch"] == [
        ("search-batch", "fp32", None)
    ]
    before = read_record(tmp_path)
    asked.clear()
    again = with_found_batches(session(before), suites, wanted=True)
    assert asked == []
    assert again == found
    assert before.measurements[0].samples_per_step == found[0].workload.batch_size
