"""Ways from a number to the customers behind it, and from a customer to what happened to him.

Links keep the time range and what was chosen; `narrowed` replaces a choice by the value that was clicked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dashboards.grafana.sql import FILTER_DIMS
from dashboards.grafana.texts import Speech
from journeys.registry import Indicator, shipped_registry
from schemas.moments import Text

CUSTOMERS, CUSTOMER = "mot-customers", "mot-customer"
MOMENTS_PANEL, HANDOFFS_PANEL = 1, 2
"""Panels of the board of customers that stand on no indicator."""
FIRST_INDICATOR = 100
"""The panel of the registry's first indicator; the others follow in its order."""
Link = dict[str, Any]


def units_panel(indicator: Indicator) -> int:
    """The id of the panel that lists the customers behind an indicator."""
    return FIRST_INDICATOR + [*shipped_registry()].index(indicator.id)


def to_customers(say: Speech, panel: int, dims: Iterable[str], narrowed: Mapping[str, str] | None = None) -> Link:
    """To the list of customers behind a number. `dims` are the variables of the board the link stands on."""
    chosen = {dim: f"${{{dim}:queryparam}}" for dim in dims}
    chosen |= {dim: f"var-{dim}={said}" for dim, said in (narrowed or {}).items()}
    url = "&".join((f"/d/{say.uid(CUSTOMERS)}?viewPanel=panel-{panel}", "${__url_time_range}", *chosen.values()))
    return {"title": say(Text(zh="背后的客户", en="Customers behind it")), "url": url, "targetBlank": False}


def to_units(say: Speech, indicator: Indicator, dims: Iterable[str], narrowed: Mapping[str, str] | None = None) -> Link:
    """To the customers behind an indicator."""
    return to_customers(say, units_panel(indicator), [dim for dim in dims if dim in FILTER_DIMS], narrowed)


def to_customer(say: Speech, field: str = "customer_id") -> Link:
    """From a row of a table that names a customer to his timeline."""
    url = f"/d/{say.uid(CUSTOMER)}?var-customer=${{__data.fields.{field}}}&${{__url_time_range}}"
    return {"title": say(Text(zh="客户时间线", en="Customer timeline")), "url": url, "targetBlank": False}


def series(dim: str) -> Mapping[str, str]:
    """Narrowed to the line that was clicked."""
    return {dim: f"${{__field.labels.{dim}}}"}


def row(*dims: str) -> Mapping[str, str]:
    """Narrowed to the table row that was clicked."""
    return {dim: f"${{__data.fields.{dim}}}" for dim in dims}
