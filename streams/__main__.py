"""The command `mot`, also as `python -m streams`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line of this process and exit with its code."""
    from streams.cli.run import run  # noqa: PLC0415 - `--version` and completion stay quick

    sys.exit(run(sys.argv[1:], os.environ))


if __name__ == "__main__":
    main()
