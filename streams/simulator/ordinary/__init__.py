"""Ordinary life: the journeys on which nothing goes wrong, which are most of them."""
