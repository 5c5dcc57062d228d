"""Shell scripts: what their commands install and set."""

import re

from gpubench.plan.files import requirements
from gpubench.plan.files.commands import read_shell
from gpubench.plan.files.reading import Reading
from gpubench.plan.files.stated import Source, Stack


def recognises(name: str, text: str) -> bool:
    """True by name, or by the first line."""
    return name.endswith((".sh", ".bash")) or bool(
        re.match(r"#!\s{0,5}\S{0,60}\b(?:ba|z|da)?sh\b", text)
    )


def stacks(source: Source) -> tuple[Stack, ...]:
    """The one environment a script sets up."""
    reading = Reading(source=source, requirements=requirements.read, is_shell=True)
    read_shell(reading, source.text.replace("\r\n", "\n"), source.first_line)
    return (Stack(name="script", facts=tuple(reading.facts)),)
