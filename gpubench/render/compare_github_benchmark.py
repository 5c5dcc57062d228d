"""The candidate's figures for github-action-benchmark (``tool: customSmallerIsBetter``).

https://github.com/benchmark-action/github-action-benchmark: a list of name, unit, value and range.
All are costs, so that smaller is better; a throughput becomes seconds per sample. What has no
figure is left out.
"""

from gpubench import codec
from gpubench.gate.compare import Comparison
from gpubench.gate.metrics import PARITY, metric_named
from gpubench.gate.verdicts import Verdict
from gpubench.render.compare_words import interval


def render(comparison: Comparison) -> str:
    """One entry per figure that counts."""
    entries = [
        _entry(verdict)
        for verdict in comparison.verdicts
        if verdict.metric != PARITY and verdict.candidate and verdict.word != "INVALID"
    ]
    return codec.to_json(entries, indent=2) + "\n"


def _entry(verdict: Verdict) -> dict[str, object]:
    metric, figure = metric_named(verdict.metric), verdict.candidate or 0.0
    is_rate = metric.sign < 0
    return {
        "name": f"{verdict.cell} · {metric.title}",
        "unit": "s/sample" if is_rate else metric.unit,
        "value": 1 / figure if is_rate else figure,
        "extra": f"{verdict.word} {interval(verdict)}",
    }
