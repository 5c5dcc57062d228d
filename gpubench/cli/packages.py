"""Packages of extras, asked for before a command begins what would otherwise be in vain."""

import importlib.util

from gpubench.errors import EXTRA_OF, MissingPackage

OF_TABLES = ("pandas", "scipy")
"""What intervals and tables of records are made with."""


def hold_packages(*names: str) -> None:
    """MissingPackage for the first that is not installed; nothing is imported."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise MissingPackage(name, extra=EXTRA_OF[name])
