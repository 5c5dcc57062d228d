"""A machine whose every name tries to get out of the format it is written in."""

import dataclasses

from gpubench.checks.drift import Change, Drift
from gpubench.checks.report import make_report
from gpubench.checks.running import run_checks
from gpubench.env.snapshot import Paste
from tests.checks import healthy as h
from tests.checks.healthy import QUICK

NAME = (
    "\x1b[31mH100\x1b]0;owned\x07</script><img src=x onerror=alert(1)>]]>\n# heading\r\n- item"
    "\n```\n`code` ``` | cell | **bold** _under_ @octocat #12 www.evil.example "
    "![i](https://evil.example/x) [a](javascript:x) &lt;b&gt; \u202egnp.exe\u202c\u200f\u061c "
    '\x00\x08\x9b31m\ufeff\u2028 "quoted" \'single\' \\ {x="1"} -->'
)
TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123"  # secret-like
SECRET = f"HF_TOKEN={TOKEN} in /home/alice/models"


def hostile_report():
    """A report of findings, notes, drift and a paste that hold ``NAME`` and a secret."""
    words = f"{NAME} {SECRET}"
    snapshot = h.with_gpus(QUICK, name=words, compute_capability="10.3", persistence=False)
    snapshot = h.with_torch(snapshot, architectures=("sm_70",))
    snapshot = h.change(
        snapshot,
        host=dataclasses.replace(snapshot.host, system=words, kernel=words),
        environment={"LD_LIBRARY_PATH": words, "CUDA_LAUNCH_BLOCKING": "1"},
        python=dataclasses.replace(snapshot.python, executable=f"/opt/{words}/python", kind=words),
        paste=Paste(kinds=(words,), missing=(words,), said=(words,)),
        source=words,
        taken_at=words,
        unread={"driver.nvml": words},
    )
    report = make_report(snapshot, run_checks(snapshot))
    findings = tuple(
        dataclasses.replace(
            finding,
            summary=f"{finding.summary} {words}",
            evidence={**finding.evidence, words: [words]},
            remedy=(*finding.remedy, words),
        )
        for finding in report.findings
    )
    lines = tuple(dataclasses.replace(c, reason=f"{c.reason} {words}") for c in report.checks)
    changed = Change(what=words, before=words, after=None, rank=1, why=words, named_by=("a.b",))
    return dataclasses.replace(
        report,
        findings=findings,
        checks=lines,
        drift=Drift(since=words, same_machine=False, changes=(changed,)),
    )
