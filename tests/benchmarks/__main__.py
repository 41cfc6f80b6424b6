"""`python -m tests.benchmarks [--json FILE] [--rounds N] [--only WORDS]`: measure in turn, print medians and ratios."""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from statistics import median

from tests.benchmarks.measures import MEASURES, Figures, apart


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, each measuring everything once in turn")
    parser.add_argument("--only", default="", help="measure only names that contain this (the baseline always)")
    parser.add_argument("--size", type=float, default=1.0, help="factor on the number of events")
    options = parser.parse_args()
    names = [name for place, name in enumerate(MEASURES) if not place or options.only in name]
    rounds: dict[str, list[Figures]] = {name: [] for name in names}
    for number in range(options.rounds):
        for name in names:
            print(f"\rround {number + 1}/{options.rounds}: {name:40}", end="", flush=True)
            rounds[name].append(apart(name, options.size))
    print("\r" + " " * 70, end="\r")
    table = {name: _middle(figures) for name, figures in rounds.items()}
    _print(table)
    if options.json:
        options.json.write_text(json.dumps({"machine": platform.platform(), "figures": table}, indent=2) + "\n")


def _middle(figures: list[Figures]) -> Figures:
    middle = {key: median(one[key] for one in figures) for key in figures[0]}
    middle["events_per_second"] = middle["events"] / middle["seconds"]
    middle["microseconds_per_event"] = middle["seconds"] / middle["events"] * 1e6
    return middle


def _print(table: dict[str, Figures]) -> None:
    baseline = next(iter(table.values()))["microseconds_per_event"]
    print(f"{'':34} {'events/s':>10} {'us/event':>9} {'x baseline':>10}")
    for name, figures in table.items():
        cost = figures["microseconds_per_event"]
        print(f"{name:34} {figures['events_per_second']:>10,.0f} {cost:>9.2f} {cost / baseline:>10.2f}", end="")
        known = ("events", "seconds", "events_per_second", "microseconds_per_event")
        print("".join(f"  {key} {value:,.0f}" for key, value in figures.items() if key not in known))


if __name__ == "__main__":
    main()
