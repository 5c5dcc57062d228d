"""An interpreter whose training steps do more work: every so many steps, one is trained twice.

``python -m benchmarks.slower FOLDER`` writes one and prints its path, to be given to
``gpubench ab --b-python``. What it adds is real: with 4, a quarter more of everything in a step.
"""

import argparse
import sys
from pathlib import Path

EVERY = 4

SCRIPT = """\
#!/bin/sh
PYTHONPATH="{hook}:$PYTHONPATH" exec "{python}" "$@"
"""

HOOK = '''\
"""Trains every {every}th step {more} times more."""

import importlib.util
import sys

NAME = "gpubench.bench.training"


class Finder:
    """Finds the module of the step as everybody else does, and changes it when it is loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != NAME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def loaded(module):
            load(module)
            slow(module.TrainingStep)

        spec.loader.exec_module = loaded
        return spec


def slow(step):
    plain = step.__call__

    def __call__(self):
        plain(self)
        self.called = getattr(self, "called", 0) + 1
        if self.called % {every} == 0:
            for _ in range({more}):
                plain(self)

    step.__call__ = __call__


sys.meta_path.insert(0, Finder())
'''


def slower(folder: Path, python: str = sys.executable, every: int = EVERY, more: int = 1) -> Path:
    """The path of an interpreter like ``python`` that trains one in so many steps once more."""
    hook = folder / "hook"
    hook.mkdir(parents=True, exist_ok=True)
    (hook / "sitecustomize.py").write_text(HOOK.format(every=every, more=more))
    script = folder / "python"
    script.write_text(SCRIPT.format(hook=hook, python=python))
    script.chmod(0o755)
    return script


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slower", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--every", type=int, default=EVERY, help="which step is trained twice")
    options = parser.parse_args()
    print(slower(options.folder.absolute(), options.python, options.every))


if __name__ == "__main__":
    main()
