"""Draws a terminal's text as SVG: make.py 'gpubench doctor' < text > picture."""

import re
import sys

from rich.console import Console
from rich.text import Text

PADDING = 2


def picture(title: str, text: str) -> str:
    """An SVG of the text in a terminal window; it loads no font from anywhere."""
    lines = text.expandtabs().splitlines()
    console = Console(
        record=True,
        width=max(map(len, lines)) + PADDING,
        file=open("/dev/null", "w"),  # noqa: PTH123, SIM115 - nothing is to be seen meanwhile
        force_terminal=True,
    )
    for line in lines:
        console.print(Text(line, style="green" if line.startswith("✓") else ""))
    svg = console.export_svg(title=title)
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    sys.stdout.write(picture(sys.argv[1], sys.stdin.read()))
