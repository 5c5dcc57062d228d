"""Run records as JUnit XML: one test case per cell.

It fails where the run ended with status 6: a cell that is invalid or implausible is a failure, one
of which a process failed or timed out an error. What a device cannot do, what does not fit and
what was not measured is skipped; a figure that a table marks passes, and says so.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gpubench import units
from gpubench.bench import ceilings
from gpubench.bench.record import RunRecord
from gpubench.gate.ceilings import is_known
from gpubench.gate.loading import loader_faults
from gpubench.gate.marks import half_width, marked
from gpubench.render.machine import one_line
from gpubench.render.run_cells import TrainedCell, trained_cells

_CLASS = "gpubench.run"


class _Case(NamedTuple):
    """A test case; ``kind`` is failure, error or skipped, None where it passed."""

    classname: str
    name: str
    seconds: float
    kind: str | None
    said: str


def render(records: Sequence[RunRecord]) -> str:
    """All cells of all records as one test suite."""
    cases = [*map(_cell, trained_cells(records)), *_others(records)]
    kinds = [case.kind for case in cases]
    counts = {
        "tests": str(len(cases)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }
    root = ET.Element("testsuites", {"name": "gpubench run", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": _CLASS, **counts})
    for case in cases:
        _write(suite, case)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _cell(trained: TrainedCell) -> _Case:
    cell = trained.cell
    broke = "; ".join(cell.faults)
    kind = _kind(trained)
    return _Case(
        classname=f"{_CLASS}.{cell.subject.suite}",
        name=" ".join(filter(None, (cell.subject.variant, cell.mode))),
        seconds=sum(m.child_seconds for m in trained.measured),
        kind=kind,
        said=_figure(trained) if kind is None else broke or trained.why_none,
    )


def _kind(trained: TrainedCell) -> str | None:
    cell = trained.cell
    if not cell.is_sound:
        return "failure" if cell.state in ("invalid", "implausible") else "error"
    return None if cell.throughput is not None else "skipped"


def _figure(trained: TrainedCell) -> str:
    cell = trained.cell
    if cell.throughput is None:
        return ""
    figure = marked(units.significant(cell.throughput.value), shaky=cell.is_shaky)
    said = f"{figure} samples/s ± {half_width(cell.throughput)}"
    return f"{said} ({trained.why_none})" if cell.is_shaky else said


def _others(records: Sequence[RunRecord]) -> Iterator[_Case]:
    """What else ends a run with status 6: loaders and ceilings that broke."""
    for record in records:
        for subject in record.header.plan.subjects:
            faults = list(map(str, loader_faults(record, subject)))
            if faults:
                yield _Case(f"{_CLASS}.{subject.title}", "loader", 0.0, "error", "; ".join(faults))
        if any(subject.suite == ceilings.SUITE for subject in record.header.plan.subjects):
            kind = None if is_known(record) else "error"
            yield _Case(_CLASS, ceilings.SUITE, 0.0, kind, "see its table")


def _write(suite: ET.Element, case: _Case) -> None:
    element = ET.SubElement(
        suite,
        "testcase",
        classname=one_line(case.classname),
        name=one_line(case.name),
        time=f"{case.seconds:.3f}",
    )
    if case.kind is None:
        ET.SubElement(element, "system-out").text = one_line(case.said)
    else:
        ET.SubElement(element, case.kind, message=one_line(case.said))
