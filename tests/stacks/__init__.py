"""The measuring core in stacks where gpubench is not installed; ``nox -s stacks``.

Needs the package registries, about 6 GB of disk at a time and a quarter of an hour per stack.
Nothing here runs with the ordinary tests.
"""
