"""Scripts for the interpreter under test: standard library alone, Python 3.8 and later."""
