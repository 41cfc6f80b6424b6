"""Indicators in ClickHouse: computed from facts, kept as rows, read by panels and commands."""
