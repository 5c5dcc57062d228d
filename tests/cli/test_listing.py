"""``gpubench list`` shows every registry."""

import re

import pytest

from gpubench.bench.modes import MODES
from gpubench.checks.registry import CHECKS
from gpubench.cli.app import main
from gpubench.knowledge.tables import capability_of, known_gpus
from gpubench.render.compare import FORMATS as COMPARED
from gpubench.render.findings import FORMATS as REPORTS
from gpubench.render.plots import NAMES
from gpubench.render.registry import EXPORTS, FORMATS, PAGE
from gpubench.suites.registry import SUITES

OF_RECORDS = [entry.name for entry in (*FORMATS, PAGE, *EXPORTS)]
EVERY_FORMAT = list(dict.fromkeys([*OF_RECORDS, *REPORTS, *(entry.name for entry in COMPARED)]))


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("suites", [suite.name for suite in SUITES]),
        ("modes", [mode.name for mode in MODES]),
        ("checks", [check.id for check in CHECKS]),
        ("formats", EVERY_FORMAT),
        ("plots", list(NAMES)),
    ],
)
def test_every_entry_has_a_line(kind, names, capsys):
    assert main(["list", kind]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == names
    assert all(len(line.split()) > 1 for line in lines)


def test_every_gpu_has_its_compute_capability_and_drivers(capsys):
    assert main(["list", "gpus"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(known_gpus()) > 100
    (h100,) = [line for line in lines if line.split("  ")[0] == "H100"]
    assert h100.endswith("compute capability 9.0; drivers 520 to today")
    single = [entry for entry in known_gpus() if not re.search(r"TX \d\d$", entry[0])]
    assert all(capability_of(name) == capability for name, capability in single)
