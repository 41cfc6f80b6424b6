"""`python -m tests.chaos [--seed N] [--only F1,F17] [--size F] [--json FILE]`: every fault of the matrix at its own
size against a real broker and real worker processes, and one table of figures at the end. `make chaos` runs this."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from pathlib import Path

import pytest


def main() -> int:
    """Run; returns pytest's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="of all generators; drawn and printed when not given")
    parser.add_argument("--only", default="", help="faults by name, with commas: F1,F17")
    parser.add_argument("--size", type=float, default=1.0, help="factor on the matrix's sizes")
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else secrets.randbelow(10**9)
    os.environ |= {"MOT_CHAOS_SEED": str(seed), "MOT_CHAOS_SIZE": str(given.size), "MOT_CHAOS_ONLY": given.only}
    if given.json is not None:
        os.environ["MOT_CHAOS_JSON"] = str(given.json.absolute())
    print(f"seed {seed}, size {given.size}", flush=True)
    folder = Path(__file__).parent
    return int(pytest.main([str(folder), "-v", "-p", "no:xdist", "--ignore", str(folder / "test_embedded_crash.py")]))


sys.exit(main())
