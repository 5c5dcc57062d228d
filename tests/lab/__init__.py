"""Real stacks, each fault done to a copy, and the first cause the doctor gives; ``nox -s lab``.

Needs the package registries, about 8 GB of disk at a time and a quarter of an hour per stack.
Nothing here runs with the ordinary tests: what it found is repeated there on fabricated files.
"""
