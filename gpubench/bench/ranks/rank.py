"""A rank: started by torch's elastic agent, it joins the others, works, and leaves a file behind.

Its answer or its end lies in ``answer-0.json`` of the launcher's folder, whole or not at all.
"""

import faulthandler
import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

WORK = {
    "measure-ranks": ("gpubench.bench.ranks.measuring", "measure"),
    "parity-ranks": ("gpubench.bench.ranks.following", "parity"),
}
"""The module and function that do each kind of job on a rank."""

RESTARTED = "torch's elastic agent started the ranks again while they were measured"


def main() -> None:
    """Do this rank's part of the job in the folder that the command line names."""
    from gpubench.bench.worker import die_with_parent

    die_with_parent()
    folder, launcher = Path(sys.argv[1]), int(sys.argv[2])
    if os.getppid() != launcher:
        sys.exit(1)  # the launcher was gone before this process asked to die with it
    place = Place(folder, int(os.environ["LOCAL_RANK"]))
    if not place.begin():
        place.write("answer", {"result": {"state": "invalid", "reason": RESTARTED}})
        return
    try:
        place.write("answer", {"result": _done(place)})
    except Exception as problem:
        from gpubench.bench.worker import told

        place.write("answer", {"error": told(problem), "at": time.time()})
        traceback.print_exc()
        _end(1)
    _end(0)


def _end(status: int) -> None:
    """End at once, without tearing torch down.

    Its threads were seen to abort a process whose peers were gone. What the rank had to say was
    written, and the abort would be told in place of the cause; after a fine job, in place of that.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class Place:
    """The files of one rank in the launcher's folder, by its number on this node."""

    def __init__(self, folder: Path, local_rank: int) -> None:
        self.folder, self.local_rank = folder, local_rank

    def begin(self) -> bool:
        """Say that this rank runs; False where one of this number has run before."""
        try:
            with self._file("pid").open("x") as stream:
                stream.write(str(os.getpid()))
        except FileExistsError:
            return False
        faulthandler.register(signal.SIGUSR1, file=self._file("stack").open("w"), all_threads=False)
        return True

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Leave a file, whole or not at all."""
        whole = self._file(f"{name}.json")
        part = whole.with_suffix(".part")
        part.write_text(json.dumps(content), encoding="utf-8")
        part.replace(whole)

    def tell(self, stage: str, done: int, of: int) -> None:
        """Let the launcher know how far the node's first rank is."""
        if self.local_rank == 0:
            with (self.folder / "progress").open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"stage": stage, "done": done, "of": of}) + "\n")

    def _file(self, name: str) -> Path:
        stem, dot, ending = name.partition(".")
        return self.folder / f"{stem}-{self.local_rank}{dot}{ending}"


def _done(place: Place) -> dict[str, Any]:
    from gpubench.bench.job import Job
    from gpubench.bench.ranks.group import Group

    job = Job.from_plain(json.loads((place.folder / "job.json").read_text(encoding="utf-8")))
    suite = importlib.import_module(job.suite_module)
    module, function = WORK[job.kind]
    work = getattr(importlib.import_module(module), function)
    place.tell("meeting the other ranks", 0, 1)
    group = Group(job.device, job.protocol.process_limit_seconds)
    answer: dict[str, Any] = work(job, suite, place.tell, group)
    return answer
