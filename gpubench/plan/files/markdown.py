"""Notes in Markdown: each fenced block is read as the file it shows."""

import re
from collections.abc import Iterator

from gpubench.plan.files import conda, dockerfile, python_code, requirements
from gpubench.plan.files.commands import read_shell
from gpubench.plan.files.reading import Reading
from gpubench.plan.files.stated import Source, Stack

_FENCE = re.compile(r"[ \t]{0,12}(`{3,20}|~{3,20})[ \t]*([\w+-]{0,30})")
_SHELL = ("sh", "bash", "shell", "console", "zsh")
_LANGUAGES = {
    "dockerfile": dockerfile,
    "docker": dockerfile,
    "python": python_code,
    "py": python_code,
    "requirements": requirements,
    "yaml": conda,
    "yml": conda,
}


def recognises(name: str, text: str) -> bool:
    """True by name, where a fenced block stands in it."""
    return name.endswith((".md", ".markdown")) and bool(
        re.search(r"^[ \t]{0,12}(?:```|~~~)", text, re.MULTILINE)
    )


def stacks(source: Source) -> tuple[Stack, ...]:
    """The stacks of every block."""
    found: list[Stack] = []
    for language, block in _blocks(source):
        if language in _SHELL:
            reading = Reading(source=block, is_shell=True)
            read_shell(reading, re.sub(r"(?m)^\$ ", "  ", block.text), block.first_line)
            found.append(Stack(name="block", facts=tuple(reading.facts)))
        elif language in _LANGUAGES:
            found += _LANGUAGES[language].stacks(block)
        elif dockerfile.recognises("", block.text):
            found += dockerfile.stacks(block)
    return tuple(stack for stack in found if stack.facts)


def _blocks(source: Source) -> Iterator[tuple[str, Source]]:
    """Language and text of every fenced block."""
    fence, language, start = "", "", 0
    lines: list[str] = []
    for number, line in enumerate(source.lines, start=source.first_line):
        opening = _FENCE.match(line[:200])
        if not fence and opening:
            fence, language, lines, start = opening[1], opening[2].lower(), [], number + 1
        elif fence and line.strip() == fence:
            yield (
                language,
                Source(
                    name=source.name, text="\n".join(lines), folder=source.folder, first_line=start
                ),
            )
            fence = ""
        elif fence:
            lines.append(line)
