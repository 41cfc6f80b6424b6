"""Health of the pipeline: lag, lateness, dead letters, restore time, and the quality of what comes in."""

# ruff: noqa: S608 - nothing but our own words

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.models.dashboard import Threshold

from dashboards.grafana import sql
from dashboards.grafana.boards.shared import latency
from dashboards.grafana.indicators import Indicators
from dashboards.grafana.model import Board, Panel, Section
from dashboards.grafana.panels import PLAIN, Column, Head, Look, lines, number, rows
from dashboards.grafana.texts import Speech
from schemas.moments import Text

_HERE = "$__conditionalAll(component IN (${component:singlequote}), $component)"
_MS = (Threshold(None, "green"), Threshold(60_000, "orange"), Threshold(300_000, "red"))
_RESTORE = (Threshold(None, "green"), Threshold(60, "orange"), Threshold(300, "red"))
REASON = Text(zh="原因", en="Reason")


def board(say: Speech) -> Board:
    """See the module."""
    return Board(
        uid="mot-pipeline",
        title=Text(zh="关键时刻 · 管道健康", en="MOT · Pipeline health"),
        description=Text(
            zh="数据是否跟得上：积压、滞后、迟到、死信及原因、恢复时间，以及来源数据的质量。",
            en="Whether the data keep up: backlog, lag, lateness, dead letters with reasons, restore time, and the "
            "quality of what comes in.",
        ),
        sections=[
            Section(
                Text(zh="现在", en="Now"),
                [_newest(say), latency(say), _instances(say), _flow(say)],
            ),
            _keeping_up(say),
            Section(
                Text(zh="死信", en="Dead letters"), [_dead_over_time(say), _dead_by_reason(say), _dead_newest(say)]
            ),
            _quality(Indicators(say, ())),
        ],
        variables=("component",),
        since="24h",
        refresh="30s",
        annotated=False,
    )


def _keeping_up(say: Speech) -> Section:
    return Section(
        Text(zh="跟上与否", en="Keeping up"),
        [
            _line(say, "lag_records", LAG, "locale", PLAIN),
            _line(say, "behind_ms", BEHIND, "ms", _MS),
            _line(say, "commit_seconds", COMMIT, "s", PLAIN),
            _line(say, "restore_seconds", RESTORE, "s", _RESTORE, (12, 7)),
            _line(say, "refresh_seconds", REFRESH, "s", PLAIN, (12, 7)),
        ],
    )


def _quality(shown: Indicators) -> Section:
    return Section(
        Text(zh="来源数据质量", en="Quality of what comes in"),
        [
            *(shown.number(name, (6, 4)) for name in ("late_event_rate", "event_delay_p95")),
            *(shown.number(name, (6, 4)) for name in ("reference_missing_rate", "outbound_without_outcome")),
            shown.split("event_delay_p95", "detail"),
            shown.split("late_event_rate", "detail"),
            shown.split("reference_missing_rate", "detail"),
            shown.split("outbound_without_outcome", "detail"),
        ],
    )


LAG = Head(
    Text(zh="积压记录数", en="Backlog"),
    Text(
        zh="已在主题中但尚未处理的记录数，按实例。", en="Records in the topics that are not processed yet, by instance."
    ),
)
BEHIND = Head(
    Text(zh="滞后", en="How far behind"),
    Text(zh="手中最旧记录的年龄，按实例。", en="Age of the oldest record in hand, by instance."),
)
COMMIT = Head(
    Text(zh="提交耗时", en="Time to commit"),
    Text(zh="一次状态提交所用的时间，按实例。", en="How long a commit of the state takes, by instance."),
)
REFRESH = Head(
    Text(zh="指标刷新耗时", en="Time to refresh the indicators"),
    Text(zh="一次指标刷新所用的时间。", en="How long a refresh of the indicators takes."),
)
RESTORE = Head(
    Text(zh="恢复耗时", en="Time to restore"),
    Text(
        zh="接手分区时恢复其状态所用的时间，按实例。",
        en="How long it takes to restore the state of a partition that is taken over, by instance.",
    ),
)
NAMES = {
    "lag_records": LAG.title,
    "behind_ms": BEHIND.title,
    "commit_seconds": COMMIT.title,
    "refresh_seconds": REFRESH.title,
    "restore_seconds": RESTORE.title,
}


def _newest(say: Speech) -> Panel:
    """The worst instance now, of the last report of each that still reports."""
    parts = {"worker": "worker", "sink": "sink-clickhouse"}
    values = ", ".join(
        f"sumIfOrNull(newest, metric = 'lag_records' AND component = '{part}') AS lag_{name}, "
        f"maxIfOrNull(newest, metric = 'behind_ms' AND component = '{part}') / 1000 AS behind_{name}"
        for name, part in parts.items()
    )
    end = "least($__toTime, now('UTC'))"
    asked = (
        f"SELECT {values}, maxIfOrNull(newest, metric = 'restore_seconds') AS restore FROM (SELECT metric, component, "
        "instance, argMax(value, at) AS newest FROM pipeline_health "
        f"WHERE at >= {end} - toIntervalMinute(5) AND at <= $__toTime "
        "GROUP BY metric, component, instance)"
    )
    head = Head(
        Text(zh="最新报告", en="Latest reports"),
        Text(
            zh="时间范围末尾 5 分钟内仍在报告的实例，各取最近一次："
            "监测程序与写入程序各自的积压合计与最严重的滞后（秒）；最慢的一次恢复（秒）。不受组件筛选影响。",
            en="Of the latest report of each instance that reported in the last five minutes of the time range: the "
            "backlog in all and the worst lag (seconds) of workers and of sinks, the slowest restore (seconds). "
            "Not filtered by component.",
        ),
    )
    names = {
        "lag_worker": Text(zh="监测积压（条）", en="Worker backlog (records)"),
        "behind_worker": Text(zh="监测滞后（秒）", en="Worker behind (s)"),
        "lag_sink": Text(zh="写入积压（条）", en="Sink backlog (records)"),
        "behind_sink": Text(zh="写入滞后（秒）", en="Sink behind (s)"),
        "restore": Text(zh="恢复（秒）", en="Restore (s)"),
    }
    return number(say, head, asked, Look("locale", PLAIN, (), (16, 4), names, decimals=1))


def _instances(say: Speech) -> Panel:
    asked = (
        "SELECT component, instance, metric, argMax(value, at) AS value, max(at) AS reported, dateDiff('second', "
        f"max(at), now64(3)) AS silent FROM pipeline_health WHERE $__timeFilter_ms(at) AND {_HERE} GROUP BY component, "
        "instance, metric ORDER BY component, instance, metric"
    )
    columns = [
        Column("component", Text(zh="组件", en="Component")),
        Column("instance", Text(zh="实例", en="Instance")),
        Column("metric", Text(zh="度量", en="Measure"), words=NAMES),
        Column("value", Text(zh="数值", en="Value"), "none"),
        Column("reported", Text(zh="报告时间", en="Reported")),
        Column("silent", Text(zh="沉默", en="Silent for"), "s", steps=_RESTORE),
    ]
    head = Head(
        Text(zh="各实例", en="Instances"),
        Text(
            zh="每个实例最近一次报告的数值与距今时间；沉默过久的实例可能已停止。",
            en="What each instance reported last and how long ago; one that is silent for long may have stopped.",
        ),
    )
    return rows(say, head, asked, columns, size=(12, 8))


def _rate(counter: str) -> str:
    return sql.per_minute(f"sumIf(value, indicator = '{counter}')")


def _flow(say: Speech) -> Panel:
    windows = sql.for_trend(sql.COUNTER_GRAINS)
    asked = (
        f"SELECT {sql.bucket('window_start')} AS time, {_rate('events')} AS events, {_rate('late_events')} AS late "
        f"{sql.counter(('events', 'late_events'), (), windows)} GROUP BY time ORDER BY time"
    )
    head = Head(
        Text(zh="每分钟事件", en="Events per minute"),
        Text(
            zh="每分钟接受的事件与过迟而搁置的事件，按发生时间。",
            en="Events accepted and events set aside as too late, per minute, by occurrence.",
        ),
    )
    names = {"events": Text(zh="事件", en="Events"), "late": Text(zh="过迟", en="Too late")}
    return lines(say, head, asked, Look("suffix: /min", PLAIN, (), (12, 8), names))


def _line(
    say: Speech, metric: str, head: Head, unit: str, steps: Sequence[Threshold], size: tuple[int, int] = (8, 7)
) -> Panel:
    asked = (
        f"SELECT {sql.bucket('at', 1)} AS time, concat(component, ' ', instance) AS name, max(value) AS value "
        f"FROM pipeline_health WHERE metric = '{metric}' AND $__timeFilter_ms(at) AND {_HERE} "
        "GROUP BY time, name ORDER BY time"
    )
    return lines(say, head, asked, Look(unit, steps, (), size), least="10s")


_DEAD = "FROM dead_letters_now WHERE $__timeFilter_ms(stored_at)"


def _dead_over_time(say: Speech) -> Panel:
    asked = (
        f"SELECT {sql.bucket('stored_at')} AS time, toString(reason) AS name, toFloat64(count()) AS value {_DEAD} "
        "GROUP BY time, name ORDER BY time"
    )
    head = Head(
        Text(zh="死信（按原因）", en="Dead letters by reason"),
        Text(
            zh="未能读入的记录，按写入时间与原因。",
            en="Records that could not be taken in, by the time they were stored and the reason.",
        ),
    )
    return lines(say, head, asked, Look("locale", PLAIN, (), (12, 8)), stacked=True)


def _dead_by_reason(say: Speech) -> Panel:
    asked = (
        "SELECT reason, field, origin, count() AS letters, max(stored_at) AS latest, argMax(detail, stored_at) AS "
        f"detail {_DEAD} GROUP BY reason, field, origin ORDER BY letters DESC LIMIT 100"
    )
    columns = [
        Column("reason", REASON),
        Column("field", Text(zh="字段", en="Field")),
        Column("origin", Text(zh="来源", en="Origin")),
        Column("letters", Text(zh="条数", en="Letters"), "locale"),
        Column("latest", Text(zh="最近一次", en="Latest")),
        Column("detail", Text(zh="最近一条说明", en="Latest detail")),
    ]
    head = Head(
        Text(zh="死信原因", en="Reasons of dead letters"),
        Text(zh="同一原因与字段的死信合计。", en="Dead letters with the same reason and field together."),
    )
    return rows(say, head, asked, columns, size=(12, 8))


def _dead_newest(say: Speech) -> Panel:
    asked = (
        f"SELECT stored_at, origin, position, reason, field, detail, substring(payload, 1, 500) AS payload {_DEAD} "
        "ORDER BY stored_at DESC, position DESC LIMIT 50"
    )
    columns = [
        Column("stored_at", Text(zh="写入时间", en="Stored")),
        Column("origin", Text(zh="来源", en="Origin")),
        Column("position", Text(zh="位置", en="Position"), "none"),
        Column("reason", REASON),
        Column("field", Text(zh="字段", en="Field")),
        Column("detail", Text(zh="说明", en="Detail")),
        Column("payload", Text(zh="内容（前 500 字）", en="Content (first 500)")),
    ]
    head = Head(
        Text(zh="最新死信", en="Latest dead letters"),
        Text(
            zh="最新 50 条死信的来源位置、原因与内容；用 `mot dlq` 修正后重放。",
            en="Where the latest fifty came from, why they were refused, what they say; mend and replay with `mot "
            "dlq`.",
        ),
    )
    return rows(say, head, asked, columns, size=(24, 8))
