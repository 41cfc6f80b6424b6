"""All that is computed from facts, kept up to date in one go: the indicators, and now and then the MOT map."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from journeys.registry import Registry
from journeys.touchpoints import Touchpoints
from streams.warehouse.asking import asking
from streams.warehouse.motmap import mot_map, ripe_span, store
from streams.warehouse.refresh import Refreshed, Refresher
from streams.warehouse.values import latest_event

MAP_BACK = timedelta(days=90)
"""How far back the map looks."""
_MAP_AGE_MINUTES = 60


class Upkeep:
    """Keeps a client's database up to date; `steps` are the rows of table `policy_steps`."""

    def __init__(
        self, client: Any, registry: Registry, steps: Sequence[dict[str, Any]], touchpoints: Touchpoints
    ) -> None:
        self._client = client
        self._refresher = Refresher(client, registry, steps)
        self._touchpoints = touchpoints

    def run(self, *, full: bool = False, patient: bool = False) -> Refreshed:
        """Refresh the indicators and the map; `patient` as `Refresher.refresh`, the map then once an hour.

        Raises ClickHouseError.
        """
        done = self._refresher.refresh(full=full, patient=patient)
        if not (patient and self._map_is_fresh()):
            self._draw_map()
        return done

    def _map_is_fresh(self) -> bool:
        fresh = f"SELECT count() FROM mot_power WHERE stored_at > now('UTC') - INTERVAL {_MAP_AGE_MINUTES} MINUTE"  # noqa: S608
        return bool(self._client.query(fresh).result_rows[0][0])

    def _draw_map(self) -> None:
        ask = asking(self._client)
        front = latest_event(ask)
        if front is None:
            return
        span = ripe_span(front, MAP_BACK)
        if span.since < span.until:
            store(self._client, mot_map(ask, self._touchpoints, span), span)
