"""``gpubench list`` shows every registry."""

import pytest

from gpubench.bench.modes import MODES
from gpubench.checks.registry import CHECKS
from gpubench.cli.app import main
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
