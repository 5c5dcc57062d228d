"""A comparison as GitHub-flavoured Markdown, for the summary of a CI job."""

from gpubench.gate.compare import Comparison
from gpubench.render import markdown
from gpubench.render.compare_words import changed, table


def render(comparison: Comparison) -> str:
    """The verdict as a heading, the table, the reasons, and what differs."""
    lines = changed(comparison)
    said = ["", "What differs, most likely to matter first:", ""] if lines else []
    said += [f"- {markdown.escaped(line)}" for line in lines]
    return markdown.render([table(comparison)]) + "\n".join(said) + ("\n" if said else "")
