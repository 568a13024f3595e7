"""The `kakehashi` command."""

from __future__ import annotations

import sys

from cti.cli.main import run


def main() -> None:
    """Entry point of the `kakehashi` script."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
