"""Moments of truth drawn on time lines, straight from ClickHouse: severe ones, newest first, as many as can be read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery

from dashboards.grafana.links import CUSTOMER
from dashboards.grafana.query import Query, datasource
from dashboards.grafana.sql import moments
from dashboards.grafana.texts import Speech
from schemas.moments import Text

SEVERE = 4
MOST = 200


def moment_annotation(say: Speech, dims: Iterable[str]) -> Any:
    """Moments of severity 4 and 5 that the dashboard's variables let through; people can switch them off."""
    link = f"'<a href=\"/d/{say.uid(CUSTOMER)}?var-customer=', customer_id, '\">', customer_id, '</a>'"
    severe = moments(dims, f"severity >= {SEVERE}", "status != 'retracted'")
    sql = (
        f"SELECT decided_at AS time, concat(detector_id, ' ', {link}, ': ', {say.column('explanation')}) AS text, "
        "concat(detector_id, ',', stage, ',', tier) AS tags "
        f"{severe} ORDER BY decided_at DESC LIMIT {MOST}"
    )
    return (
        AnnotationQuery()
        .name(say(Text(zh="严重关键时刻", en="Severe moments")))
        .datasource(datasource())
        .enable(True)
        .icon_color("red")
        .target(Query(sql, ref_id="annotation"))
    )
