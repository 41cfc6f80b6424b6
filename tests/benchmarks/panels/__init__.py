"""Panels over very many facts: rows made in ClickHouse, every query of every board run and timed."""
