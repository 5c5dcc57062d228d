"""A record cut at any byte is read, and gone on from to the same cells."""

import dataclasses
import itertools

import pytest

from gpubench.bench import session as sessions
from gpubench.bench.job import Subject
from gpubench.bench.record import RecordWriter, read_record
from tests.bench.test_session import MODES, SUITE, Machine, Silent, Watched, mode_named
from tests.fakes.records import HEADER, PLAN

PROTOCOL = dataclasses.replace(HEADER.protocol, precision=0.01, most_processes=4)
NOISY = (0.100, 0.101, 0.1003, 0.1006)


class Numbered(Machine):
    """Its processes take as long as their number in their cell says, whoever asks for them."""

    def __init__(self, before):
        super().__init__()
        self._next = {}
        for measurement in before.measurements if before else ():
            self._next[measurement.mode] = measurement.process + 1

    def _healthy(self, job):
        answer = super()._healthy(job)
        if job.kind == "measure":
            process = self._next.get(job.mode.name, 0)
            self._next[job.mode.name] = process + 1
            each = NOISY[process] if job.mode.name == "fp32" else 0.05
            answer |= {"window_seconds": 10 * each, "step_seconds": [each] * 10}
        return answer


def go(folder, before=None):
    plan = dataclasses.replace(PLAN, modes=MODES)
    header = dataclasses.replace(HEADER, plan=plan, protocol=PROTOCOL)
    writer = RecordWriter.reopen(folder) if before else RecordWriter.create(folder, header)
    session = sessions.Session(
        modes=tuple(mode_named(name) for name in MODES),
        protocol=PROTOCOL,
        device="cpu",
        writer=writer,
        before=before,
        watcher=Silent(),
        ask=Numbered(before),
        sampling=Watched(),
    )
    sessions.run_session(session, [SUITE])


def held(folder):
    record = read_record(folder)
    measured = sorted((m.mode, m.process, m.state, m.counts and m.throughput)
                      for m in record.measurements)  # fmt: skip
    endings = {mode: record.closing(Subject("deit"), mode) for mode in MODES}
    return measured, sorted(mode for _, mode in record.parities), endings


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    go(folder)
    return (folder / "record.jsonl").read_bytes(), held(folder)


def cuts(content):
    """After every line but the first, at a few places in each, and every byte of the last."""
    ends = [place + 1 for place, byte in enumerate(content) if byte == ord("\n")]
    places = set(ends)
    for start, end in itertools.pairwise(ends):
        places |= {start + 1, (start + end) // 2, end - 2, end - 1}
    return sorted(places | set(range(ends[-2], len(content))))


def test_a_record_cut_at_any_byte_goes_on_to_the_same_cells(whole, tmp_path):
    content, expected = whole
    assert ("fp32", 2, "ok") in [cell[:3] for cell in expected[0]], "one more than the plan"
    assert {mode: c and c.ended for mode, c in expected[2].items()} == {
        "fp32": "narrow", "tf32": None, "amp-bf16": "narrow",
    }  # fmt: skip
    tried = cuts(content)
    assert len(tried) > 100
    for cut in tried:
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "record.jsonl").write_bytes(content[:cut])
        before = read_record(folder)
        assert before.torn == (content[cut - 1 : cut] != b"\n")
        go(folder, before)
        assert held(folder) == expected, f"cut at byte {cut} of {len(content)}"
        assert not read_record(folder).torn
