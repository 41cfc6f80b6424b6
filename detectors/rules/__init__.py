"""Detectors that are rules, one file each."""
