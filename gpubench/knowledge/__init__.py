"""Facts of vendors and releases, each row beside its source, and their loader."""
