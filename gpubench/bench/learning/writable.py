"""Whether a folder can be written to, asked before hours are spent on what belongs there."""

import errno
import os
from pathlib import Path

from gpubench.errors import UnwritableOutput


def hold_writable(folder: Path) -> None:
    """UnwritableOutput where the folder, or the nearest there is above it, takes no files.

    Nothing is made: a training that is refused for another reason leaves no folder behind.
    """
    try:
        there = next(place for place in (folder, *folder.parents) if place.exists())
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as problem:
        raise UnwritableOutput.of(folder, problem) from None
