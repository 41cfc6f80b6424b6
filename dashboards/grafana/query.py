"""A query to ClickHouse as the plugin writes it; the SDK knows no ClickHouse."""

from __future__ import annotations

from typing import Literal

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

DATASOURCE_TYPE, DATASOURCE_UID = "grafana-clickhouse-datasource", "mot-ch"
PLUGIN_VERSION = "4.15.0"
"""The oldest version of the plugin that we say we work with."""
QueryForm = Literal["timeseries", "table"]
_FORMATS: dict[QueryForm, int] = {"timeseries": 0, "table": 1}


def datasource() -> DataSourceRef:
    """The data source of everything we show."""
    return DataSourceRef(type_val=DATASOURCE_TYPE, uid=DATASOURCE_UID)


class ClickHouseQuery(Dataquery):
    """SQL text and what it gives: `timeseries` has a time column, sorted, numbers, and words that split it in lines."""

    def __init__(self, sql: str, form: QueryForm, ref_id: str) -> None:
        self.sql = sql
        self.form = form
        self.ref_id = ref_id

    def to_json(self) -> dict[str, object]:
        """The object in a panel's `targets`."""
        return {
            "refId": self.ref_id,
            "datasource": datasource(),
            "editorType": "sql",
            "format": _FORMATS[self.form],
            "queryType": self.form,
            "pluginVersion": PLUGIN_VERSION,
            "rawSql": self.sql,
        }


class Query(Builder[Dataquery]):
    """What the SDK's panels take."""

    def __init__(self, sql: str, form: QueryForm = "table", ref_id: str = "A") -> None:
        self._built = ClickHouseQuery(sql, form, ref_id)

    def build(self) -> Dataquery:
        """See the SDK."""
        return self._built
