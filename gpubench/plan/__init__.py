"""Which torch builds run where, and what a file states before anything is built from it."""
