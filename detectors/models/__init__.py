"""Detectors backed by a model (river): they rank and spot, never alone."""
