"""What GitHub's runner makes of a step's output: its parser of workflow commands, told again.

https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs: a line that begins
with ``::`` is a command; in any other line ``##[`` begins one wherever it stands.
"""

import re

COMMAND = re.compile(r"^\s*::(\w[\w-]*)(?: ([^:]*))?::(.*)$")


def commands(text):
    """The commands in an output, as (name, properties, message), decoded."""
    found = []
    for line in re.split(r"\r\n|\r|\n", text):
        match = COMMAND.match(line)
        if match:
            pairs = (pair.partition("=")[::2] for pair in (match[2] or "").split(",") if pair)
            properties = {key: decoded(value) for key, value in pairs}
            found.append((match[1], properties, decoded(match[3])))
        elif "##[" in line:
            found.append(("old", {}, line))
    return found


def decoded(text):
    for written, meant in (("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%0D", "\r")):
        text = text.replace(written, meant)
    return text.replace("%25", "%")


def annotations(text):
    """The commands of an output of which every line must be an annotation with a title."""
    found = commands(text)
    assert len(found) == text.count("\n")
    assert {name for name, _, _ in found} <= {"error", "warning", "notice"}
    assert all(set(properties) == {"title"} for _, properties, _ in found)
    return [(name, properties["title"], message) for name, properties, message in found]
