"""The program: its commands, and the one place where errors become exit statuses."""

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from gpubench import __version__
from gpubench.cli import terminal
from gpubench.cli.ab import ab
from gpubench.cli.baseline import baseline
from gpubench.cli.calibrate import calibrate
from gpubench.cli.compare import compare
from gpubench.cli.doctor import doctor
from gpubench.cli.history import history
from gpubench.cli.listing import list_entries
from gpubench.cli.plan import plan
from gpubench.cli.report import report
from gpubench.cli.run import run
from gpubench.cli.train import train
from gpubench.errors import ExitStatus, GpubenchError, MissingPackage

EPILOG = (
    "Exit statuses: 0 yes · 1 no · 2 could not be asked · 3 a bug in gpubench · 4 inconclusive · "
    "5 not comparable · 6 a measurement was invalid · 130 interrupted."
)

app = typer.Typer(
    name="gpubench",
    help="Tells whether a GPU training stack works and how fast it trains.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich alone costs 0.1 s of a 0.25 s budget
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(doctor)
app.command()(plan)
app.command()(run)
app.command()(train)
app.command()(report)
app.command()(compare)
app.command()(ab)
app.command()(calibrate)
app.add_typer(baseline)
app.command()(history)
app.command("list")(list_entries)


def _print_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"gpubench {__version__}\n")
        raise typer.Exit


@app.callback()
def _program(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Options that stand before the command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; nothing escapes as a traceback."""
    try:
        answer = app(args=arguments, standalone_mode=False)
    except GpubenchError as problem:
        return _say(str(problem), problem.status)
    except KeyboardInterrupt:
        return _say("interrupted", ExitStatus.INTERRUPTED)
    except (BrokenPipeError, SystemExit):
        # the reader of our output is gone (typer exits for it); nothing is left to say to anybody
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.NOT_ASKED
    except ModuleNotFoundError as problem:
        missing = MissingPackage.of(problem)
        return _say(str(missing), missing.status) if missing else _report_bug(problem)
    except Exception as problem:
        if type(problem).__name__ == "Abort":  # what Ctrl-C becomes in some releases of typer
            return _say("interrupted", ExitStatus.INTERRUPTED)
        if _is_usage(problem):
            return _say(_usage_message(problem), ExitStatus.NOT_ASKED)
        return _report_bug(problem)
    if answer == ExitStatus.INTERRUPTED:  # what it becomes in others
        return _say("interrupted", ExitStatus.INTERRUPTED)
    return int(answer or ExitStatus.YES)


def _is_usage(problem: Exception) -> bool:
    """True for what the argument parser raises; typer may carry its own copy of click."""
    return hasattr(problem, "format_message") and hasattr(problem, "exit_code")


def _usage_message(problem: Exception) -> str:
    message = str(problem.format_message())  # type: ignore[attr-defined]
    context = getattr(problem, "ctx", None)
    if not message:  # a bare `gpubench`: the help was printed
        return ""
    where = context.command_path if context else "gpubench"
    return f"{message} (see {where} --help)"


def _say(message: str, status: ExitStatus) -> int:
    if message:
        line = " ".join(message.split())
        sys.stderr.write(f"gpubench: {terminal.plain(line)}\n")
    return status


def _report_bug(problem: Exception) -> int:
    if os.environ.get("GPUBENCH_DEBUG"):
        traceback.print_exception(problem)
    frame = traceback.extract_tb(problem.__traceback__)[-1]
    place = f"{os.path.basename(frame.filename)}:{frame.lineno}"  # noqa: PTH119
    return _say(
        f"a bug in gpubench: {type(problem).__name__}: {problem} ({place}); "
        "please report it with the output of GPUBENCH_DEBUG=1",
        ExitStatus.BUG,
    )
