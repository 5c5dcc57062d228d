"""Whole sessions in real processes: honest work is plausible, and work that is skipped is not."""

import dataclasses

import pytest

pytest.importorskip("torch")
pytest.importorskip("pandas")

from gpubench.bench.ceilings.session import with_ceilings
from gpubench.bench.job import Subject, Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.protocol import SMOKE
from gpubench.bench.record import RecordWriter, read_record
from gpubench.bench.session import Session, SuiteRun, run_session
from gpubench.gate.summary import is_sound, summarise
from tests.fakes.records import HEADER, PLAN
from tests.fakes.watchers import Nobody

pytestmark = [pytest.mark.torch, pytest.mark.timeout(600)]

QUICK = dataclasses.replace(
    SMOKE, processes=1, window_min_seconds=0.3, soak_seconds=0.05, warmup_max_seconds=2.0
)
FP32 = (mode_named("fp32"),)


def trained(folder, model):
    plan = dataclasses.replace(PLAN, suites=("idle",), modes=("fp32",), processes=1)
    suite = SuiteRun(
        subject=Subject("idle"),
        module="tests.fakes.idle",
        workload=Workload(preset="smoke", model=model),
    )
    header = dataclasses.replace(HEADER, plan=plan)
    session = Session(
        modes=FP32,
        protocol=QUICK,
        device="cpu",
        writer=RecordWriter.create(folder, header),
        before=None,
        watcher=Nobody(),
    )
    run_session(session, with_ceilings([suite], FP32))
    record = read_record(folder)
    (cell,) = summarise(record, Subject("idle"))
    return cell, is_sound(record)


def test_honest_work_has_a_utilisation_below_its_peak(tmp_path):
    cell, sound = trained(tmp_path, None)
    assert cell.state in ("ok", "unstable")
    assert sound
    assert 0.02 < cell.roofline.mfu < cell.roofline.peak.highest / cell.roofline.peak.best


def test_a_step_that_skips_its_work_is_implausible(tmp_path):
    cell, sound = trained(tmp_path, "skips")
    assert (cell.state, cell.throughput, cell.roofline) == ("implausible", None, None)
    assert "of the measured peak" in cell.reason
    assert not sound
