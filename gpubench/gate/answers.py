"""Comparisons that were written as JSON, to be rendered again in another format."""

from pathlib import Path

from gpubench import codec
from gpubench.gate.compare import SCHEMA, Comparison


def comparison_at(place: Path) -> Comparison | None:
    """The comparison in a file, None where it is something else.

    UnreadableInput and UnknownSchema say what is wrong with one that is damaged or too new.
    """
    if place.suffix != ".json" or not place.is_file():
        return None
    plain = codec.parse_json(codec.read_bytes(place), str(place))
    named = plain.get("schema") if isinstance(plain, dict) else None
    if not str(named).startswith(SCHEMA.partition("/")[0] + "/"):
        return None
    return codec.from_plain(Comparison, codec.check_schema(plain, SCHEMA, str(place)), str(place))
