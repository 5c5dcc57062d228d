"""Two sides of a session of pairs that answer at once: seeded noise, and a log of who was asked."""

import dataclasses
import random

from gpubench.bench.job import Subject, Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.pairs import PairSession, Side, run_pairs
from gpubench.bench.protocol import SMOKE, on_cpu
from gpubench.bench.record import RecordWriter, Source, read_record
from gpubench.bench.runner import Answer
from gpubench.bench.session import SuiteRun
from gpubench.gate.pair_folder import Asked, write
from gpubench.gate.pair_judge import PairJudge
from gpubench.units import Seconds
from tests.fakes.records import FACTS, HEADER, PLAN

PROTOCOL = dataclasses.replace(on_cpu(SMOKE), processes=5)
SIDES = tuple(Source(name=name, digest=name * 16) for name in "ab")
NAMES = ("revision", "batch_size", "parameters", "step_flops", "settings")


def asked(modes=("fp32",), **changes):
    """What a session of pairs was asked."""
    plain = Asked(
        created="2026-11-21T00:00:00+00:00",
        sides=SIDES,
        plan=dataclasses.replace(PLAN, modes=tuple(modes), processes=5),
        tolerances={},
    )
    return dataclasses.replace(plain, **changes)


class Machine:
    """Both sides on one machine: ``slower`` is what the candidate's steps take longer.

    ``special`` maps (letter, kind, mode, number of the process from 0) to an answer or an error;
    ``facts`` by letter are what a side's survey finds otherwise.
    """

    def __init__(self, *, slower=0.0, deviation=0.002, seed=0, special=None):
        self.log = []
        self._noise = random.Random(seed)
        self._slower, self._deviation = slower, deviation
        self._device = {"type": "cpu", "name": "A CPU"}
        self.special = special or {}
        self.facts = {}

    def side(self, letter):
        """The ``ask`` of one side."""

        def ask(job, *, cache, progress):
            mode = job.mode.name
            number = sum(entry == (letter, job.kind, mode) for entry in self.log)
            self.log.append((letter, job.kind, mode))
            progress("window", 0, 10)
            special = self.special.get((letter, job.kind, mode, number))
            if isinstance(special, BaseException):
                raise special
            return Answer(result=special or self._healthy(letter, job), seconds=Seconds(10.0))

        return ask

    def _healthy(self, letter, job):
        if job.kind == "describe":
            return {
                **{name: getattr(FACTS, name) for name in NAMES},
                "workload": dataclasses.asdict(job.workload),
                "survey": {},
                "device": self._device,
                "unsupported": {"tf32": "no TF32 here"},
                **self.facts.get(letter, {}),
            }
        if job.kind == "parity":
            return {"state": "ok", "reason": None, "losses": [2.0, 1.9, 1.8]}
        each = 0.1 * (1 + self._noise.gauss(0, self._deviation))
        each *= 1 + self._slower if letter == "b" else 1
        compiled = {} if job.mode.compile is None else {"compile_seconds": 5.0}
        return {
            "state": "ok", "reason": None, "window_seconds": 10 * each, "step_seconds": [each] * 10,
            "losses": [1.0] * 8, "memory": {"peak_bytes": 800 * 2**20}, **compiled,
        }  # fmt: skip

    @property
    def measured(self):
        """The letters and modes of the measuring processes, in order."""
        return [(letter, mode) for letter, kind, mode in self.log if kind == "measure"]

    @property
    def order(self):
        """The letters of the measuring processes, in order."""
        return "".join(letter for letter, _ in self.measured)


class Silent:
    """Hears all, and says nothing."""

    def __init__(self):
        self.ends, self.pairs = [], []

    def began(self, letter, step, seconds_left):
        assert seconds_left >= 0

    def sampled(self, latest):
        latest()

    def stage(self, name, done, of):
        assert (name, done, of) == ("window", 0, 10)

    def ended(self, letter, step, state, reason, seconds):
        self.ends.append((letter, step.kind, state))

    def paired(self, subject, mode):
        self.pairs.append((subject.suite, mode))


def run(folder, machine, wanted=None, *, judge=None, suites=("deit",), budget=None, **changes):
    """Run a session of pairs in a folder, or go on with the one that is there; its judge."""
    wanted = wanted or asked()
    wanted = dataclasses.replace(wanted, plan=dataclasses.replace(wanted.plan, suites=suites))
    if not (folder / "ab.json").exists():
        write(folder, wanted)
    judge = judge or PairJudge(folder, wanted, lambda machine: None)
    session = PairSession(
        sides=tuple(_side(folder, letter, machine, wanted) for letter in "ab"),
        modes=tuple(map(mode_named, wanted.plan.modes)),
        protocol=PROTOCOL,
        device="cpu",
        budget_seconds=budget,
        judge=judge,
        watcher=changes.pop("watcher", None) or Silent(),
        **changes,
    )
    run_pairs(session, [suite_run(name) for name in suites])
    return judge


def suite_run(name):
    """A suite of that name; its module is never imported."""
    return SuiteRun(
        subject=Subject(name), module="tests.fakes.tiny", workload=Workload(preset="smoke")
    )


def _side(folder, letter, machine, wanted):
    own = folder / letter
    before = read_record(own) if (own / "record.jsonl").exists() else None
    header = dataclasses.replace(
        HEADER, plan=wanted.plan, protocol=PROTOCOL, environment=letter * 64
    )
    writer = RecordWriter.reopen(own) if before else RecordWriter.create(own, header)
    return Side(letter=letter, ask=machine.side(letter), writer=writer, before=before)
