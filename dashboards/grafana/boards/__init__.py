"""The dashboards, one file each; a function gives one in the language it is spoken in."""

from __future__ import annotations

from collections.abc import Callable

from dashboards.grafana.boards import customer, customers, wall
from dashboards.grafana.model import Board
from dashboards.grafana.texts import Speech

BOARDS: tuple[Callable[[Speech], Board], ...] = (
    wall.board,
    customers.board,
    customer.board,
)
