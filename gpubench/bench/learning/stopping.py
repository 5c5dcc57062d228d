"""How a training is asked to end: a file appears, and the child sees it between two steps.

A file crosses to a child in any interpreter or container that shares the folder, and a child that
stops by itself can finish its step and write a checkpoint.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def stopping(file: Path, told: Callable[[], object]) -> Iterator[None]:
    """The first signal makes the file and calls ``told``, the second raises KeyboardInterrupt.

    What was told to ignore a signal (nohup) goes on ignoring it; outside the main thread no
    handler can be set, and none is.
    """

    def asked(*_: object) -> None:
        if file.exists():
            raise KeyboardInterrupt
        file.touch()
        told()

    before = {}
    for name in SIGNALS:
        with contextlib.suppress(ValueError):
            if signal.getsignal(name) is not signal.SIG_IGN:
                before[name] = signal.signal(name, asked)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
