"""One file for each contender: `python -m tests.benchmarks.peers.runs.NAME ...`, started by `..rounds`."""
