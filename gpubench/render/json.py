"""Tables as JSON (schema ``gpubench.table/1``), values in base units."""

from collections.abc import Sequence

from gpubench import codec
from gpubench.gate.table import Table

SCHEMA = "gpubench.table/1"


def render(tables: Sequence[Table]) -> str:
    """Titles, notes and raw values; what is absent is null.

    Rows of a table that ``repeats`` stand in another one as well: who counts cells skips it.
    """
    return codec.to_json(
        {
            "schema": SCHEMA,
            "tables": [
                {
                    "title": table.title,
                    "about": table.about,
                    "repeats": table.repeats,
                    "rows": [row.values for row in table.rows],
                    "notes": table.notes,
                }
                for table in tables
            ],
        },
        indent=2,
    )
