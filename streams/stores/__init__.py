"""State of a partition between runs."""
