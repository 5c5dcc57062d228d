"""How well entities are found, by seqeval: whole entities, as CoNLL's own scorer counts them."""

from collections.abc import Mapping, Sequence
from typing import Any

from gpubench.suites.tag_schemes import as_bio


def entity_scores(
    expected: Sequence[Sequence[str]], found: Sequence[Sequence[str]]
) -> Mapping[str, Any]:
    """F1, precision and recall over all entities and by type, of labels a word each.

    Where there is no entity at all, expected or found, F1 is 0: nothing was shown to be learnt.
    """
    from seqeval.metrics import classification_report

    expected_bio = [as_bio(labels) for labels in expected]
    found_bio = [as_bio(labels) for labels in found]
    if not any(label != "O" for labels in (*expected_bio, *found_bio) for label in labels):
        return {"scores": {"f1": 0.0, "precision": 0.0, "recall": 0.0}, "by_type": []}
    report = classification_report(expected_bio, found_bio, output_dict=True, zero_division=0)
    rows = {name: _row(values) for name, values in report.items()}
    total = rows["micro avg"]
    averages = ("micro avg", "macro avg", "weighted avg")
    return {
        "scores": {name: total[name] for name in ("f1", "precision", "recall")},
        "by_type": [{"name": name, **row} for name, row in rows.items() if name not in averages],
    }


def _row(values: Mapping[str, Any]) -> dict[str, Any]:
    """One row of seqeval's report, whose numbers are of numpy's types."""
    return {
        "precision": float(values["precision"]),
        "recall": float(values["recall"]),
        "f1": float(values["f1-score"]),
        "support": int(values["support"]),
    }
