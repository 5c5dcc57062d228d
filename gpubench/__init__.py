"""Whether a GPU training stack works, how fast it trains, and whether an upgrade slowed it."""

__version__ = "0.1.0"
