"""A comparison as text for terminals and logs."""

from gpubench.gate.compare import Comparison
from gpubench.render import text
from gpubench.render.compare_words import changed, table


def render(comparison: Comparison) -> str:
    """The verdict, the table, the reasons, and what differs between the two sides."""
    lines = changed(comparison)
    said = ["", "What differs, most likely to matter first:"] if lines else []
    said += [f"  {text.printable(line)}" for line in lines]
    return text.render([table(comparison)]) + "\n".join(said) + ("\n" if said else "")
