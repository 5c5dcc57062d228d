"""Sentences with names in them, drawn from the seed: small, and possible to learn without a gap.

The names of a sentence are all of one type. A name begins with a character of its type and goes on
with ones that all types share, whose label can be told from the rest of the sentence alone.
"""

import random
from pathlib import Path

SENTENCES = 1200
HELD_OUT = 200
"""Further sentences for validation."""

TYPES = ("PER", "LOC", "ORG")
OPENING, INSIDE, COMMON = 12, 16, 120
"""Characters that begin a name of a type, that go on with any, and all others (own choice)."""

FIRST = 0x4E00
"""The first character of CJK's common block."""

WORDS = (6, 20)
"""Characters outside names in a sentence; names come on top."""


def write(folder: Path, seed: int) -> tuple[str, str]:
    """A BIO file to train on and one to validate on, both in ``folder``."""
    source = random.Random(seed)  # noqa: S311 - text, not a secret
    places = []
    for name, count in (("train.bio", SENTENCES), ("validation.bio", HELD_OUT)):
        place = folder / name
        text = "\n".join(_sentence(source) for _ in range(count))
        place.write_text(text, encoding="utf-8")
        places.append(str(place))
    return places[0], places[1]


def _sentence(source: random.Random) -> str:
    """The lines of a sentence: ordinary characters with up to three names between them."""
    lines = []
    names, kind = source.randint(0, 3), source.randrange(len(TYPES))
    length = source.randint(*WORDS)
    before = sorted(source.sample(range(length), names))
    for position in range(length):
        if position in before:
            lines += _name(source, kind)
        lines.append(f"{_common(source)}\tO")
    return "\n".join(lines) + "\n"


def _name(source: random.Random, kind: int) -> list[str]:
    opening = COMMON + INSIDE + kind * OPENING + source.randrange(OPENING)
    inside = [COMMON + source.randrange(INSIDE) for _ in range(source.randint(0, 2))]
    return [
        f"{chr(FIRST + number)}\t{'B' if at == 0 else 'I'}-{TYPES[kind]}"
        for at, number in enumerate([opening, *inside])
    ]


def _common(source: random.Random) -> str:
    return chr(FIRST + source.randrange(COMMON))
