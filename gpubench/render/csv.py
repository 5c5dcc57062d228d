"""Tables as comma-separated values in base units, one row per cell."""

from collections.abc import Sequence

from gpubench.gate.table import Table
from gpubench.render.text import printable

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet run a cell as a formula (OWASP, CSV injection)."""


def render(tables: Sequence[Table]) -> str:
    """All tables in one, each row once, the suite as a column; text never starts as a formula."""
    import pandas as pd

    rows = [
        {key: _harmless(value) for key, value in row.values.items()}
        for table in tables
        if not table.repeats
        for row in table.rows
    ]
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")


def _harmless(value: object) -> object:
    if isinstance(value, dict):
        value = "; ".join(f"{name} {share:.3f}" for name, share in value.items())
    if not isinstance(value, str):
        return value
    return printable("'" + value if value.startswith(FORMULA_STARTS) else value)
