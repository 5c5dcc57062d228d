"""``gpubench`` whose suites are all ``tiny``: real steps, and a start without timm."""

import dataclasses
import sys

from gpubench.cli import pair_session
from gpubench.cli.app import main
from gpubench.suites.registry import suite_named


def tiny(name):
    return dataclasses.replace(suite_named(name), module="tests.fakes.tiny")


if __name__ == "__main__":
    pair_session.suite_named = tiny
    sys.exit(main(sys.argv[1:]))
