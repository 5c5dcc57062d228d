"""``gpubench`` whose children are ``quick``; it can kill itself at a line of its record.

GPUBENCH_TEST_KILL is ``after:3``, right after the third line, or ``during:3``, in the job after it.
"""

import dataclasses
import os
import signal
import sys

from gpubench.bench.record import RecordWriter
from gpubench.bench.runner import run_job
from gpubench.cli.app import main
from gpubench.cli.pair_progress import PlainPairs
from gpubench.cli.progress import PlainWatcher

CHILD = (
    "from gpubench.bench import worker\n"
    "kinds = ('describe', 'measure', 'parity', 'ceilings', 'measure-ranks', 'parity-ranks')\n"
    "worker.WORK = {kind: ('tests.fakes.quick', kind.partition('-')[0]) for kind in kinds}\n"
    "worker.main()\n"
)


def kill_at(when, lines):
    """Kill this process at a number of lines, the header among them."""
    written = [1]
    append = RecordWriter.append

    def counted(writer, line):
        append(writer, line)
        written[0] += 1
        if when == "after" and written[0] == lines:
            os.kill(os.getpid(), signal.SIGKILL)

    def stage(watcher, name, done, of):
        if when == "during" and written[0] == lines:
            os.kill(os.getpid(), signal.SIGKILL)

    RecordWriter.append = counted
    PlainWatcher.stage = PlainPairs.stage = stage


if __name__ == "__main__":
    run_job.__kwdefaults__["program"] = CHILD
    for command in ("run", "pair_session"):
        module = sys.modules[f"gpubench.cli.{command}"]
        module.suite_named = lambda name, named=module.suite_named: dataclasses.replace(
            named(name), module="tests.fakes.quick"
        )
    when, _, lines = os.environ.get("GPUBENCH_TEST_KILL", "").partition(":")
    if when:
        kill_at(when, int(lines))
    sys.exit(main(sys.argv[1:]))
