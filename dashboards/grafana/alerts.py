"""Alert rules as code: what the pipeline and the indicators must not do, and what to do when they did.

Each rule's query gives one row with one number, or no row where too little happened to judge. It names no variable: an
alert runs with no dashboard and no time picker, and bounds its own window, wide enough for what is still on the way.
Limits of indicators are those of the registry: the rule fires where the warning ends and the breach begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dashboards.grafana.languages import uid_in
from dashboards.grafana.lint import DATASOURCE_TYPE, DATASOURCE_UID
from dashboards.grafana.runbooks import NOTES, Notes
from dashboards.grafana.sql import SECONDS
from journeys import formulas
from journeys.registry import Indicator, Registry, RowGrain, shipped_registry
from schemas.moments import Text

Language = Literal["zh", "en"]
Json = dict[str, Any]

PRODUCT = "mot"
GROUPS: Mapping[str, int] = {"mot-pipeline": 60, "mot-moments": 60, "mot-indicators": 300}
"""Rule groups and how often each is evaluated, in seconds."""
EXPRESSION = "__expr__"
RUNBOOK_BOARD = "mot-runbooks"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One rule. Fires when its number is above (below) `limit` for `hold`, a duration as Grafana writes it.

    `silence` is what no row means: `OK` nothing to judge, `Alerting` that somebody stopped reporting. `looks_back_s` is
    how far the query looks back, in seconds.
    """

    uid: str
    group: str
    title: Text
    sql: str
    limit: float
    fires: Literal["above", "below"] = "above"
    hold: str = "5m"
    severity: Literal["critical", "warning"] = "warning"
    silence: Literal["OK", "Alerting"] = "OK"
    owner: str = "service_supervision"
    looks_back_s: int = 3600
    board: str = "mot-wall"
    indicator: str | None = None

    @property
    def notes(self) -> Notes:
        """What it means and what to do."""
        return NOTES[self.uid]

    def judged(self, value: float | None) -> bool:
        """Whether `value` (None: no row, or NULL) makes it fire."""
        if value is None:
            return self.silence == "Alerting"
        return value > self.limit if self.fires == "above" else value < self.limit


@dataclass(frozen=True, kw_only=True)
class Watched:
    """How an indicator of the registry is watched: over how many hours, with at least so many units."""

    hours: int
    least: int
    severity: Literal["critical", "warning"] = "warning"
    board: str = "mot-wall"


WATCHED: Mapping[str, Watched] = {
    "notified_before_charge": Watched(hours=6, least=50, severity="critical", board="mot-bills"),
    "notice_latency_p95": Watched(hours=6, least=50, board="mot-bills"),
    "payment_failure_rate": Watched(hours=6, least=100, board="mot-bills"),
    "handoff_loss": Watched(hours=24, least=100, board="mot-handoffs"),
    "complaint_time_p90": Watched(hours=72, least=20, board="mot-handoffs"),
    "answered_90s": Watched(hours=3, least=100, board="mot-handoffs"),
}
"""Indicators whose breach somebody has to hear of at once; the others are watched on the boards."""


def alerts(registry: Registry | None = None) -> tuple[Alert, ...]:
    """Every rule, with the limits of `registry` (the shipped one when None)."""
    known = shipped_registry() if registry is None else registry
    return (*_PIPELINE, *_MOMENTS, *(_of(known[name], watched) for name, watched in WATCHED.items()))


def _of(indicator: Indicator, watched: Watched) -> Alert:
    limit = indicator.target if indicator.warning is None else indicator.warning
    if limit is None or indicator.direction == "none":
        raise ValueError(f"indicator {indicator.id} is watched, but has no target")
    grain = _grain(indicator, watched)
    hours = watched.hours + SECONDS[grain] // 3600  # one window more, for what is still on its way
    sql = f"""\
SELECT {formulas.value_sql(indicator)} AS value
FROM indicator_now
WHERE indicator = '{indicator.id}' AND grain = '{grain}'
  AND window_start >= now64(3) - INTERVAL {hours} HOUR
HAVING {formulas.sample_sql(indicator)} >= {watched.least}"""  # noqa: S608 - ids are checked words
    return Alert(
        uid=f"mot-{indicator.id.replace('_', '-')}",
        group="mot-indicators",
        title=Text(zh=f"指标未达标：{indicator.name.zh}", en=f"Indicator in breach: {indicator.name.en}"),
        sql=sql,
        limit=limit,
        fires="below" if indicator.direction == "up" else "above",
        hold="10m",
        severity=watched.severity,
        owner=indicator.owner,
        looks_back_s=hours * 3600,
        board=watched.board,
        indicator=indicator.id,
    )


def _grain(indicator: Indicator, watched: Watched) -> RowGrain:
    """The rows that the rule reads: hours, where the indicator has them, else days.

    Raises ValueError where no row is short enough for what is watched: such a rule could never fire.
    """
    grains = formulas.measure_of(indicator).grains
    for grain in _FINE:
        if grain in grains and watched.hours * 3600 >= SECONDS[grain]:
            return grain
    raise ValueError(f"indicator {indicator.id} is watched over {watched.hours} h, but has rows by {', '.join(grains)}")


_FINE: tuple[RowGrain, ...] = ("hour", "day")

_PIPELINE = (
    Alert(
        uid="mot-data-stale",
        group="mot-pipeline",
        title=Text(zh="数据陈旧：看板上的数字已不是最新", en="Data are stale: the boards do not show the present"),
        sql="""\
SELECT toFloat64(dateDiff('second', max(stored_at), now())) AS value
FROM kpis
WHERE indicator = 'events' AND grain = 'minute' AND window_start >= now64(3) - INTERVAL 1 DAY
HAVING count() > 0""",
        limit=600,
        severity="critical",
        silence="Alerting",
        looks_back_s=86_400,
        owner="network_it",
        board="mot-pipeline",
    ),
    Alert(
        uid="mot-worker-behind",
        group="mot-pipeline",
        title=Text(zh="监测落后：关键时刻发现得太晚", en="The monitor is behind: moments are found too late"),
        sql="""\
SELECT max(newest) / 1000 AS value
FROM
(
    SELECT instance, argMax(value, at) AS newest
    FROM pipeline_health
    WHERE component = 'worker' AND metric = 'behind_ms' AND at >= now64(3) - INTERVAL 15 MINUTE
    GROUP BY instance
)
HAVING count() > 0""",
        limit=120,
        severity="critical",
        silence="Alerting",
        looks_back_s=900,
        owner="network_it",
        board="mot-pipeline",
    ),
    Alert(
        uid="mot-kpis-stale",
        group="mot-pipeline",
        title=Text(zh="指标没有按时刷新", en="Indicators were not refreshed in time"),
        sql="""\
SELECT toFloat64(dateDiff('second', max(at), now64(3))) AS value
FROM pipeline_health
WHERE component = 'kpis' AND metric = 'refresh_seconds' AND at >= now64(3) - INTERVAL 1 DAY
HAVING count() > 0""",
        limit=900,
        silence="Alerting",
        looks_back_s=86_400,
        owner="network_it",
        board="mot-pipeline",
    ),
    Alert(
        uid="mot-dead-letters",
        group="mot-pipeline",
        title=Text(zh="死信增多：有系统送来读不懂的事件", en="Dead letters: a system sends what cannot be read"),
        sql="""\
SELECT toFloat64(count()) AS value
FROM dead_letters_now
WHERE stored_at >= now() - INTERVAL 20 MINUTE""",
        limit=100,
        looks_back_s=1200,
        owner="network_it",
        board="mot-pipeline",
    ),
    Alert(
        uid="mot-late-events",
        group="mot-pipeline",
        title=Text(zh="过迟事件增多：结果可能偏低", en="Events come too late: results may be too low"),
        sql="""\
SELECT sumIf(value, indicator = 'late_events') / sum(value) AS value
FROM kpi_now
WHERE indicator IN ('events', 'late_events') AND grain = 'hour' AND window_start >= now64(3) - INTERVAL 7 HOUR
HAVING sum(kpi_now.value) >= 1000""",
        limit=0.02,
        hold="15m",
        looks_back_s=25_200,
        owner="network_it",
        board="mot-pipeline",
    ),
    Alert(
        uid="mot-detector-failures",
        group="mot-pipeline",
        title=Text(zh="探测器出错，有客户被隔离", en="A detector failed and customers are set aside"),
        sql="""\
SELECT toFloat64(uniqExact(customer_id)) AS value
FROM detector_failures
WHERE stored_at >= now() - INTERVAL 30 MINUTE""",
        limit=0,
        hold="0s",
        looks_back_s=1800,
        owner="network_it",
        board="mot-quality",
    ),
)

_MOMENTS = (
    Alert(
        uid="mot-negative-spike",
        group="mot-moments",
        title=Text(zh="负面关键时刻激增", en="Negative moments have shot up"),
        sql="""\
SELECT
    sumIf(value, grain = 'minute')
    / greatest(sumIf(value, grain = 'hour' AND window_start < now64(3) - INTERVAL 2 HOUR)
        / ((dateDiff('second', min(window_start), now64(3)) / 3600 - 2) * 3), 1) AS value
FROM kpi_now
WHERE indicator = 'moments_negative' AND window_start >= now64(3) - INTERVAL 168 HOUR
  AND (grain = 'hour' OR (grain = 'minute' AND window_start >= now64(3) - INTERVAL 20 MINUTE))
HAVING sumIf(kpi_now.value, kpi_now.grain = 'minute') >= 20
  AND min(kpi_now.window_start) <= now64(3) - INTERVAL 48 HOUR""",
        limit=3,
        severity="critical",
        looks_back_s=604_800,
        board="mot-wall",
    ),
    Alert(
        uid="mot-diamond-severe",
        group="mot-moments",
        title=Text(zh="钻石客户遭遇严重关键时刻", en="A diamond customer met a severe moment"),
        sql="""\
SELECT toFloat64(uniqExact(customer_id)) AS value
FROM moments_now
WHERE tier = 'diamond' AND severity >= 4 AND valence = 'negative' AND NOT model_only
  AND status IN ('pending', 'confirmed') AND anchor_at >= now64(3) - INTERVAL 120 DAY
  AND decided_at >= now64(3) - INTERVAL 30 MINUTE""",
        limit=0,
        hold="0s",
        severity="critical",
        looks_back_s=1800,
        owner="account_manager",
        board="mot-tiers",
    ),
    Alert(
        uid="mot-retractions",
        group="mot-moments",
        title=Text(zh="撤回过多：关键时刻判断不稳", en="Too many moments are taken back"),
        sql="""\
SELECT sumIf(value, indicator = 'moments_retracted')
    / sumIf(value, indicator IN ('moments_negative', 'moments_positive')) AS value
FROM kpi_now
WHERE indicator IN ('moments_negative', 'moments_positive', 'moments_retracted') AND grain = 'hour'
  AND window_start >= now64(3) - INTERVAL 25 HOUR
HAVING sumIf(kpi_now.value, kpi_now.indicator != 'moments_retracted') >= 50""",
        limit=0.2,
        hold="30m",
        looks_back_s=90_000,
        board="mot-quality",
    ),
)


def rule(alert: Alert, language: Language, *, datasource_uid: str = DATASOURCE_UID, runbooks: str = "") -> Json:
    """The rule as both the files and the API of Grafana write it. `runbooks` is where RUNBOOKS.md can be read; without
    it the link leads to the board of runbooks in the same Grafana."""
    notes = alert.notes
    board = f"/d/{uid_in(RUNBOOK_BOARD, language)}?viewPanel=panel-{panel_of(alert.uid)}"
    return {
        "uid": alert.uid,
        "title": alert.title.said_in(language),
        "condition": "C",
        "data": _data(alert, datasource_uid),
        "noDataState": alert.silence,
        "execErrState": "Error",
        "for": alert.hold,
        "annotations": {
            "summary": alert.title.said_in(language),
            "description": f"{notes.meaning.said_in(language)} {notes.first.said_in(language)}",
            "runbook_url": f"{runbooks}#{alert.uid}" if runbooks else board,
            "dashboard": f"/d/{uid_in(alert.board, language)}",
        },
        "labels": {"product": PRODUCT, "severity": alert.severity, "department": alert.owner},
        "isPaused": False,
    }


def panel_of(uid: str) -> int:
    """The panel of the board of runbooks that tells of alert `uid`."""
    return 10 + sorted(NOTES).index(uid)


def _data(alert: Alert, datasource_uid: str) -> list[Json]:
    window = {"from": alert.looks_back_s, "to": 0}
    query = {
        "refId": "A",
        "datasource": {"type": DATASOURCE_TYPE, "uid": datasource_uid},
        "editorType": "sql",
        "format": 1,
        "queryType": "table",
        "rawSql": alert.sql,
        "intervalMs": 60_000,
        "maxDataPoints": 100,
    }
    evaluator = {"type": "gt" if alert.fires == "above" else "lt", "params": [alert.limit]}
    reduced = {"type": "reduce", "expression": "A", "reducer": "last", "settings": {"mode": ""}}
    limited = {"type": "threshold", "expression": "B", "conditions": [{"evaluator": evaluator}]}
    return [
        {"refId": "A", "relativeTimeRange": window, "datasourceUid": datasource_uid, "model": query},
        *(
            {
                "refId": ref,
                "relativeTimeRange": window,
                "datasourceUid": EXPRESSION,
                "model": {"refId": ref, "datasource": {"type": EXPRESSION, "uid": EXPRESSION}, **model},
            }
            for ref, model in (("B", reduced), ("C", limited))
        ),
    ]


def groups(
    language: Language, registry: Registry | None = None, *, datasource_uid: str = DATASOURCE_UID, runbooks: str = ""
) -> dict[str, list[Json]]:
    """Every rule by its group."""
    every = alerts(registry)
    return {
        group: [
            rule(one, language, datasource_uid=datasource_uid, runbooks=runbooks) for one in every if one.group == group
        ]
        for group in GROUPS
    }


def api_groups(folder_uid: str, rules: Mapping[str, Sequence[Json]]) -> list[Json]:
    """`rules` as the alerting API takes a group."""
    return [
        {
            "title": name,
            "folderUid": folder_uid,
            "interval": GROUPS[name],
            "rules": [{**one, "orgID": 1, "folderUID": folder_uid, "ruleGroup": name} for one in members],
        }
        for name, members in rules.items()
    ]
