"""A pytest within a test, which must not take itself for a part of the one around it."""

import os


def alone() -> dict[str, str]:
    """The environment of a pytest of its own: as a worker of another, it would time nothing."""
    return {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
