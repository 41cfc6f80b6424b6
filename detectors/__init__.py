"""Detectors: what counts as a moment of truth, one file each, and the catalogue of them."""
