"""The schemes in which entities are written as labels, and one form that all can be judged in."""

from collections.abc import Iterable, Sequence

SCHEMES: dict[str, frozenset[str]] = {
    "IO": frozenset("I"),
    "BIO": frozenset("BI"),
    "BIOES": frozenset("BIES"),
    "BMES": frozenset("BMES"),
    "BILOU": frozenset("BILU"),
}
"""Prefixes by scheme, the narrowest first; of labels that fit several, the first is meant."""

_PLAIN = {"S": "B", "U": "B", "M": "I", "E": "I", "L": "I"}
"""What a prefix of a richer scheme is in BIO."""


def scheme_of(labels: Iterable[str]) -> str | None:
    """The narrowest scheme that all labels fit, None where there is none."""
    prefixes = frozenset(label[0] for label in labels if label != "O")
    return next((name for name, known in SCHEMES.items() if prefixes <= known), None)


def as_bio(labels: Sequence[str]) -> list[str]:
    """The same entities in BIO; an inside without a beginning stays, as CoNLL's scorer takes it."""
    return [_PLAIN.get(label[0], label[0]) + label[1:] for label in labels]
