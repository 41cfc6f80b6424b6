"""The dashboards, one file each; a function gives one in the language it is spoken in."""

from __future__ import annotations

from collections.abc import Callable

from dashboards.grafana.boards import (
    bills,
    compliance,
    customer,
    customers,
    handoffs,
    lifecycle,
    mot_map,
    pipeline,
    quality,
    retention,
    runbooks,
    tiers,
    wall,
)
from dashboards.grafana.model import Board
from dashboards.grafana.texts import Speech

BOARDS: tuple[Callable[[Speech], Board], ...] = (
    wall.board,
    lifecycle.board,
    mot_map.board,
    bills.board,
    handoffs.board,
    tiers.board,
    compliance.board,
    retention.board,
    quality.board,
    pipeline.board,
    customers.board,
    customer.board,
    runbooks.board,
)
