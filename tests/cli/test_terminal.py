"""What is said beside an answer."""

import io
import sys

from gpubench.cli import terminal


class Terminal(io.StringIO):
    """Stands for a terminal of one line."""

    def isatty(self):
        return True


def test_what_is_being_done_is_said_on_a_terminal_alone(monkeypatch, capsys):
    with terminal.status("deep: reading the machine") as tell:
        assert tell is None
    assert capsys.readouterr() == ("", "")

    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    with terminal.status("deep: reading the machine") as tell:
        tell("conv fp16 cuda:3 \x1b]0;title\x07 [bold]")
    assert "\x1b]0" not in shown.getvalue()
