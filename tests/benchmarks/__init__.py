"""Measurements, always made the same way: `make bench` prints ratios against a baseline of the same run."""
