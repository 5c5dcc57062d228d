"""``python -m gpubench``: the same program as ``gpubench``."""

import sys

from gpubench.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
