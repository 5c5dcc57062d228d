"""A comparison as annotations of a GitHub job: its verdict, then a mark per figure to look at."""

from collections.abc import Iterator

from gpubench.gate.compare import Comparison
from gpubench.gate.verdicts import WORST_FIRST, OnInconclusive, Verdict, Word
from gpubench.render.annotations import Annotation, Level, written
from gpubench.render.compare_words import headline, interval, reason, signed, title

_UNKNOWN: dict[OnInconclusive, Level] = {"fail": "error", "warn": "warning", "pass": "notice"}


def render(comparison: Comparison) -> str:
    """One line per annotation, the worst first; what passed or is not gated has none."""
    return written(_annotations(comparison))


def _annotations(comparison: Comparison) -> Iterator[Annotation]:
    yield Annotation(
        level=_level(comparison.verdict, comparison.on_inconclusive),
        title="gpubench",
        lines=(headline(comparison),),
    )
    gated = [verdict for verdict in comparison.verdicts if verdict.gated]
    for verdict in sorted(gated, key=lambda verdict: WORST_FIRST.index(verdict.word)):
        if verdict.word != "PASS":
            yield _of(verdict, comparison.on_inconclusive)


def _level(word: Word, on_inconclusive: OnInconclusive) -> Level:
    """As the exit status has it: what fails the job is an error."""
    if word in ("PASS", "IMPROVED"):
        return "notice"
    return _UNKNOWN[on_inconclusive] if word == "INCONCLUSIVE" else "error"


def _of(verdict: Verdict, on_inconclusive: OnInconclusive) -> Annotation:
    effect = "" if verdict.effect is None else f" {signed(verdict.effect)} {interval(verdict)}"
    said = f"{title(verdict)}: {verdict.word}{effect}"
    why = reason(verdict)
    return Annotation(
        level=_level(verdict.word, on_inconclusive),
        title=f"gpubench {verdict.cell}",
        lines=(said, *([why] if why else [])),
    )
