"""One batch size for all modes and variants of a suite: the smallest found, in the heaviest."""

import dataclasses

import pytest

from gpubench.bench.batch_search import STAGE
from gpubench.bench.found_batch import chosen, modes_to_search, with_found_batches
from gpubench.bench.job import Subject, Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.protocol import SMOKE
from gpubench.bench.record import BatchSearch, RecordWriter, read_record
from gpubench.bench.runner import Answer
from gpubench.bench.session import CannotTrain, Session, SuiteRun
from tests.fakes.records import FACTS, HEADER

SUITES = [
    SuiteRun(
        subject=Subject("bert-ner", f"{length} tokens"),
        module="none",
        workload=Workload(preset="smoke", sequence_length=length),
    )
    for length in (128, 512)
]


class Silent:
    def began(self, step, remaining, seconds_left):
        assert seconds_left > 0
        assert "search for the batch size" in step.title

    def stage(self, name, done, of):
        """Not shown."""

    def ended(self, step, state, reason, seconds):
        """Not shown."""


def session(folder, answers, modes, before=None, tried={}):  # noqa: B006
    asked = []

    def ask(job, *, cache, progress):
        for size in tried.get(job.mode.name, ()):
            progress(f"{STAGE}{size}", 0, 1)
        assert not job.workload.feed.pinned, "on a CPU there is no copy to pin for"
        asked.append((job.mode.name, job.workload.sequence_length))
        return Answer(result={"reason": None, **answers[job.mode.name]}, seconds=1.0)

    writer = RecordWriter.reopen(folder) if before else RecordWriter.create(folder, HEADER)
    made = Session(
        modes=tuple(map(mode_named, modes)), protocol=SMOKE, device="cpu", writer=writer,
        before=before, watcher=Silent(), ask=ask,
    )  # fmt: skip
    return made, asked


def test_every_autocast_format_is_searched_once_and_eager():
    asked = [mode_named(n) for n in ("tf32", "fp32", "amp-bf16+compile-max", "fp32+compile")]
    assert [mode.name for mode in modes_to_search(asked)] == ["tf32", "amp-bf16"]


def test_all_variants_train_with_the_smallest_size_found_in_the_largest(tmp_path):
    answers = {
        "fp32": {"state": "ok", "found": 24},
        "amp-bf16": {"state": "ok", "found": 40},
    }
    made, asked = session(tmp_path, answers, ("fp32", "amp-bf16"))
    found = with_found_batches(made, SUITES, wanted=True)
    assert asked == [("fp32", 512), ("amp-bf16", 512)]
    assert [each.workload.batch_size for each in found] == [24, 24]
    assert [each.workload.sequence_length for each in found] == [128, 512]
    kept = read_record(tmp_path).of(BatchSearch)
    assert [(line.mode, line.variant, line.found) for line in kept] == [
        ("fp32", "512 tokens", 24), ("amp-bf16", "512 tokens", 40)
    ]  # fmt: skip


def test_a_suite_that_trains_nothing_is_left_as_it_is(tmp_path):
    ceilings = dataclasses.replace(SUITES[0], subject=Subject("ceilings"))
    made, asked = session(tmp_path, {"fp32": {"state": "ok", "found": 4}}, ("fp32",))
    assert with_found_batches(made, [ceilings, SUITES[1]], wanted=True)[0] == ceilings
    assert asked == [("fp32", 512)]


def test_without_being_asked_nothing_is_searched(tmp_path):
    made, asked = session(tmp_path, {}, ("fp32",))
    assert with_found_batches(made, SUITES, wanted=False) == SUITES
    assert asked == []


def test_where_not_even_one_sample_fits_the_rows_shall_say_so(tmp_path):
    made, _ = session(tmp_path, {"fp32": {"state": "out-of-memory", "ended": "memory"}}, ("fp32",))
    assert with_found_batches(made, SUITES, wanted=True)[0].workload.batch_size == 1


def test_a_mode_that_does_not_fit_does_not_shrink_the_others(tmp_path):
    answers = {
        "fp32": {"state": "out-of-memory", "ended": "memory"},
        "amp-bf16": {"state": "ok", "found": 8},
    }
    made, _ = session(tmp_path, answers, ("fp32", "amp-bf16"))
    assert with_found_batches(made, SUITES, wanted=True)[0].workload.batch_size == 8


def test_a_search_that_broke_ends_the_run_and_is_done_again_when_resumed(tmp_path):
    broke = {"fp32": {"state": "failed", "reason": "killed by SIGSEGV"}}
    made, _ = session(tmp_path, broke, ("fp32",))
    with pytest.raises(CannotTrain, match="no batch size was found for bert-ner 512 tokens"):
        with_found_batches(made, SUITES, wanted=True)
    before = read_record(tmp_path)
    made, asked = session(tmp_path, {"fp32": {"state": "ok", "found": 4}}, ("fp32",), before)
    assert with_found_batches(made, SUITES, wanted=True)[0].workload.batch_size == 4
    assert asked == [("fp32", 512)]


KILLED = {"state": "out-of-memory", "reason": "killed by the kernel for memory"}


def test_a_search_that_the_kernel_killed_found_half_of_what_it_died_at(tmp_path):
    answers = {"fp32": KILLED, "amp-bf16": {"state": "ok", "found": 40}}
    made, _ = session(tmp_path, answers, ("fp32", "amp-bf16"), tried={"fp32": (1, 2, 4, 8, 16, 12)})
    assert with_found_batches(made, SUITES, wanted=True)[0].workload.batch_size == 6
    line = read_record(tmp_path).of(BatchSearch)[0]
    assert (line.state, line.found, line.ended) == ("ok", 6, "memory")
    assert [(each.batch_size, each.fits, each.why) for each in line.tries] == [
        (12, False, KILLED["reason"])
    ]


def test_a_search_that_the_kernel_killed_at_one_sample_says_that_nothing_fits(tmp_path):
    made, _ = session(tmp_path, {"fp32": KILLED}, ("fp32",), tried={"fp32": (1,)})
    assert with_found_batches(made, SUITES, wanted=True)[0].workload.batch_size == 1
    (line,) = read_record(tmp_path).of(BatchSearch)
    assert (line.state, line.found) == ("out-of-memory", None)


def test_a_search_that_the_kernel_killed_before_its_first_try_is_no_answer(tmp_path):
    made, _ = session(tmp_path, {"fp32": KILLED}, ("fp32",))
    with pytest.raises(CannotTrain, match="killed by the kernel"):
        with_found_batches(made, SUITES, wanted=True)


def test_a_run_that_has_begun_to_train_keeps_its_size_whatever_search_failed(tmp_path):
    broke = {"state": "failed", "reason": "killed by SIGSEGV"}
    made, _ = session(
        tmp_path, {"fp32": broke, "amp-bf16": {"state": "ok", "found": 8}}, ("fp32", "amp-bf16")
    )
    with_found_batches(made, SUITES, wanted=True)
    made.writer.append(
        dataclasses.replace(FACTS, suite="bert-ner", variant="128 tokens", batch_size=8)
    )
    before = read_record(tmp_path)
    made, asked = session(
        tmp_path, {"fp32": {"state": "ok", "found": 4}}, ("fp32", "amp-bf16"), before
    )
    found = with_found_batches(made, SUITES, wanted=True)
    assert [each.workload.batch_size for each in found] == [8, 8]
    assert asked == []


def test_the_smallest_of_what_was_found_is_chosen():
    line = BatchSearch(suite="deit", mode="fp32", state="ok", reason=None, found=9)
    none = dataclasses.replace(line, found=None)
    assert chosen([none, line, dataclasses.replace(line, found=7)]) == 7
    assert chosen([none]) is None
