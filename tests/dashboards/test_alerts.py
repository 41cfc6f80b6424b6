"""Every alert rule on the real engine: silent on an ordinary day, firing on its day; and as Grafana reads it."""

from __future__ import annotations

import inspect
import json
import math
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import alerting

from dashboards.grafana import provisioning
from dashboards.grafana.alerts import GROUPS, WATCHED, Alert, Watched, alerts, api_groups, groups, panel_of, rule
from dashboards.grafana.languages import uid_in
from dashboards.grafana.lint import lint_alerts
from dashboards.grafana.runbooks import NOTES, markdown
from journeys.registry import Indicator, IndicatorOverride, Registry, shipped_registry
from streams.sinks import ddl
from streams.sinks.clickhouse import open_client
from streams.warehouse.refresh import Refresher

ALERTS = {one.uid: one for one in alerts()}
REGISTRY = shipped_registry()
TABLES = ("moments", "kpis", "dead_letters", "detector_failures", "pipeline_health", "indicator_rows", "events")
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    opened = open_client(tmp_path_factory.mktemp("alerts"))
    ddl.apply(opened)
    yield opened
    opened.close()


@pytest.fixture
def store(client: Any) -> Callable[[str, Rows], None]:
    for table in TABLES:
        client.command(f"TRUNCATE TABLE {table}")

    def insert(table: str, rows: Rows) -> None:
        client.insert(table, [list(row.values()) for row in rows], column_names=list(rows[0]))

    return insert


def value_of(client: Any, alert: Alert) -> float | None:
    """What Grafana gets: one number, or no row. Anything else is a rule that cannot be judged."""
    result = client.query(alert.sql)
    assert list(result.column_names) == ["value"] or not result.result_rows  # chdb names no columns then
    assert len(result.result_rows) <= 1
    if not result.result_rows or result.result_rows[0][0] is None:
        return None
    value = result.result_rows[0][0]
    assert isinstance(value, float), type(value)
    assert math.isfinite(value)
    return value


def ago(**given: float) -> datetime:
    """A real one: the server's clock is what an alert goes by."""
    return datetime.fromtimestamp(time.time_ns() / 1e9, UTC) - timedelta(**given)


def health(component: str, metric: str, value: float, minutes: float = 1, instance: str = "a") -> tuple[str, Rows]:
    return "pipeline_health", [
        {"at": ago(minutes=minutes), "component": component, "instance": instance, "metric": metric, "value": value}
    ]


def kpi(indicator: str, value: int, grain: str, when: datetime, partition: int = 0) -> tuple[str, Rows]:
    row = {"indicator": indicator, "grain": grain, "window_start": when, "tier": "gold", "partition": partition}
    return "kpis", [{**row, "value": value, "version": 1}]


def counted(minutes_ago: float) -> tuple[str, Rows]:
    """A count of events that was stored so long ago."""
    table, (row,) = kpi("events", 5, "minute", ago(minutes=minutes_ago + 2))
    return table, [{**row, "stored_at": ago(minutes=minutes_ago).replace(microsecond=0)}]


def letters(count: int, minutes: float = 1) -> tuple[str, Rows]:
    stored = ago(minutes=minutes).replace(microsecond=0)
    return "dead_letters", [{"dead_letter_id": f"{minutes}-{at}", "stored_at": stored} for at in range(count)]


def moment(name: str, minutes: float = 5, **changes: Any) -> tuple[str, Rows]:
    row = {
        "moment_id": name,
        "customer_id": name,
        "tier": "diamond",
        "severity": 5,
        "valence": "negative",
        "status": "pending",
        "model_only": False,
        "anchor_at": ago(minutes=minutes, days=2),
        "decided_at": ago(minutes=minutes),
        "version": 1,
    }
    return "moments", [{**row, **changes}]


def failure(name: str, minutes: float) -> tuple[str, Rows]:
    stored = ago(minutes=minutes).replace(microsecond=0)
    return "detector_failures", [{"detector_id": "N1", "customer_id": name, "event_id": name, "stored_at": stored}]


def habit(per_hour: int) -> list[tuple[str, Rows]]:
    hours = [ago(hours=back).replace(minute=0, second=0, microsecond=0) for back in range(3, 167)]
    return [("kpis", [row for when in hours for row in kpi("moments_negative", per_hour, "hour", when)[1]])]


def minutes(indicator: str, each: int) -> list[tuple[str, Rows]]:
    return [kpi(indicator, each, "minute", ago(minutes=back)) for back in range(1, 16)]


Told = dict[str, list[tuple[str, Rows]]]


def quiet() -> Told:
    """Made when it is stored: a minute ago must not be the minute before the tests were collected."""
    return {
        "mot-data-stale": [
            counted(minutes_ago=400),
            counted(minutes_ago=1),
        ],
        "mot-worker-behind": [health("worker", "behind_ms", 1_000), health("worker", "behind_ms", 2_000, instance="b")],
        "mot-kpis-stale": [
            health("kpis", "refresh_seconds", 2.0, minutes=2),
            health("kpis", "refresh_seconds", 2.0, minutes=90),
        ],
        "mot-dead-letters": [letters(5), letters(300, minutes=60)],
        "mot-late-events": [
            kpi("events", 100_000, "hour", ago(hours=2)),
            kpi("late_events", 100, "hour", ago(hours=2)),
        ],
        "mot-detector-failures": [failure("old", 90)],
        "mot-negative-spike": [*habit(60), *minutes("moments_negative", 2)],
        "mot-diamond-severe": [
            moment("gold", tier="gold"),
            moment("mild", severity=3),
            moment("good", valence="positive"),
            moment("retracted", status="retracted"),
            moment("model", model_only=True),
            moment("long ago", minutes=50),
        ],
        "mot-retractions": [
            kpi("moments_negative", 100, "hour", ago(hours=3)),
            kpi("moments_positive", 100, "hour", ago(hours=3)),
            kpi("moments_retracted", 10, "hour", ago(hours=3)),
        ],
    }


def loud() -> Told:
    return {
        "mot-worker-behind": [health("worker", "behind_ms", 121_000, minutes=0, instance="b")],
        "mot-dead-letters": [letters(101, minutes=2)],
        "mot-late-events": [kpi("late_events", 3_000, "hour", ago(hours=1))],
        "mot-detector-failures": [failure("c1", 5)],
        "mot-negative-spike": minutes("moments_negative", 12),
        "mot-diamond-severe": [moment("diamond")],
        "mot-retractions": [kpi("moments_retracted", 35, "hour", ago(hours=1))],
    }


def instead() -> Told:
    """What stops coming cannot be told by a further row."""
    return {
        "mot-data-stale": [counted(minutes_ago=11)],
        "mot-kpis-stale": [health("kpis", "refresh_seconds", 2.0, minutes=20)],
    }


@pytest.mark.parametrize("uid", [uid for uid in ALERTS if ALERTS[uid].indicator is None])
def test_silent_then_firing(uid: str, client: Any, store: Callable[[str, Rows], None]) -> None:
    alert = ALERTS[uid]
    for table, rows in quiet()[uid]:
        store(table, rows)
    assert not alert.judged(value_of(client, alert)), value_of(client, alert)
    for table, rows in instead().get(uid, []):
        client.command(f"TRUNCATE TABLE {table}")
        store(table, rows)
    for table, rows in loud().get(uid, []):
        store(table, rows)
    assert alert.judged(value_of(client, alert)), value_of(client, alert)


@pytest.mark.parametrize("uid", ALERTS)
def test_nothing_stored_is_no_alarm_unless_somebody_should_report(
    uid: str, client: Any, store: Callable[[str, Rows], None]
) -> None:
    assert callable(store)
    alert = ALERTS[uid]
    assert alert.judged(value_of(client, alert)) == (uid in {"mot-data-stale", "mot-worker-behind", "mot-kpis-stale"})


def test_an_ordinary_night_is_no_spike(client: Any, store: Callable[[str, Rows], None]) -> None:
    """Three times of next to nothing is next to nothing."""
    for table, rows in [*habit(0), *minutes("moments_negative", 1)]:
        store(table, rows)
    assert value_of(client, ALERTS["mot-negative-spike"]) is None


def since(hours: int, per_hour: int) -> list[tuple[str, Rows]]:
    """Negative moments of an installation that is so many hours old."""
    (table, rows), *_ = habit(per_hour)
    return [(table, [row for row in rows if row["window_start"] >= ago(hours=hours)])]


@pytest.mark.parametrize(("hours", "value"), [(10, None), (46, None), (50, 1.5), (100, 1.5)])
def test_a_new_installation_is_no_spike(
    hours: int, value: float | None, client: Any, store: Callable[[str, Rows], None]
) -> None:
    """It is held against the hours it has lived, not against a week; for two days nothing is said."""
    for table, rows in [*since(hours, 60), *minutes("moments_negative", 2)]:
        store(table, rows)
    found = value_of(client, ALERTS["mot-negative-spike"])
    assert found is None if value is None else found == pytest.approx(value, rel=0.1)


# --- indicators: limits of the registry


def rows_of(indicator: Indicator, value: float, units: int, hours_ago: float) -> Rows:
    """Rows of `indicator_rows` that make it `value` on `units` units: one for each grain it has, as a refresh does."""
    assert indicator.measure is not None
    row: dict[str, Any] = {
        "indicator": indicator.id,
        "numerator": 0.0,
        "denominator": 0.0,
        "spread": [],
        "version": 1,
    }
    if indicator.measure.kind == "quantile":
        row["spread"] = [value / indicator.measure.scale] * units
    else:
        assert indicator.measure.kind == "ratio"
        row.update(numerator=value * units / indicator.measure.scale, denominator=float(units))
    at = ago(hours=hours_ago)
    begins = {
        "minute": at.replace(second=0, microsecond=0),
        "hour": at.replace(minute=0, second=0, microsecond=0),
        "day": at.replace(hour=0, minute=0, second=0, microsecond=0),
    }
    return [{**row, "grain": grain, "window_start": begins[grain]} for grain in indicator.measure.grains]


@pytest.mark.parametrize("name", WATCHED)
def test_an_indicator_fires_where_its_breach_begins(name: str, client: Any, store: Callable[[str, Rows], None]) -> None:
    indicator, watched = REGISTRY[name], WATCHED[name]
    alert = ALERTS[f"mot-{name.replace('_', '-')}"]
    assert indicator.target is not None
    limit = indicator.target if indicator.warning is None else indicator.warning
    assert alert.limit == limit
    worse = -1 if indicator.direction == "up" else 1
    within, beyond = limit * (1 - 0.001 * worse), limit * (1 + 0.001 * worse)
    assert indicator.standing(within) != "breach"
    assert indicator.standing(beyond) == "breach" or indicator.warning is None
    units = 100_000 if alert.sql.count("spread") == 0 else watched.least
    for value, fires in ((within, False), (beyond, True)):
        client.command("TRUNCATE TABLE indicator_rows")
        store("indicator_rows", rows_of(indicator, value, units, 0.5))
        assert alert.judged(value_of(client, alert)) is fires
    client.command("TRUNCATE TABLE indicator_rows")
    store("indicator_rows", rows_of(indicator, beyond, watched.least - 1, 0.5))
    assert not alert.judged(value_of(client, alert)), "too few to judge"
    store("indicator_rows", rows_of(indicator, beyond, units, watched.hours + 49))
    assert not alert.judged(value_of(client, alert)), "long ago"


def test_an_alert_reads_rows_that_a_refresh_makes(client: Any, store: Callable[[str, Rows], None]) -> None:
    """From complaints themselves, by the real refresher: this one has days only."""
    alert = ALERTS["mot-complaint-time-p90"]
    lasted = timedelta(seconds=alert.limit + 86_400)
    ends = {"complaint.opened": ago(hours=20) - lasted, "complaint.closed": ago(hours=20)}
    store("events", [
        {"event_id": f"{kind}-{one}", "event_type": kind, "customer_id": f"c{one}", "ticket_id": f"t{one}",
         "occurred_at": at, "recorded_at": at, "attributes": "{}"}
        for kind, at in ends.items() for one in range(WATCHED["complaint_time_p90"].least)
    ])  # fmt: skip
    Refresher(client, Registry([REGISTRY["complaint_time_p90"]]), []).refresh()
    assert value_of(client, alert) == pytest.approx(lasted.total_seconds())
    assert alert.judged(value_of(client, alert))


@pytest.mark.parametrize("hours", [3, 23])
def test_a_rule_that_could_never_fire_is_refused(hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(dict_of_watched(), "complaint_time_p90", Watched(hours=hours, least=20))
    with pytest.raises(ValueError, match=f"watched over {hours} h, but has rows by day"):
        alerts()


def dict_of_watched() -> dict[str, Watched]:
    assert isinstance(WATCHED, dict)
    return WATCHED


# --- as Grafana reads them


def test_every_alert_has_notes_and_every_note_an_alert() -> None:
    assert set(NOTES) == set(ALERTS)
    assert len(ALERTS) == len(alerts())


@pytest.mark.parametrize("language", ["zh", "en"])
def test_rules(language: Any) -> None:
    by_group = groups(language)
    assert list(by_group) == list(GROUPS)
    every = [one for members in by_group.values() for one in members]
    assert len(every) == len(ALERTS)
    assert lint_alerts(every) == []
    for one in every:
        assert len(one["uid"]) <= 40
        assert one["labels"]["product"] == "mot"
        assert one["noDataState"] in ("OK", "Alerting")
        query, reduced, limited = one["data"]
        assert query["datasourceUid"] == query["model"]["datasource"]["uid"] == "mot-ch"
        assert query["relativeTimeRange"]["from"] >= 900
        assert (reduced["model"]["expression"], limited["model"]["expression"]) == ("A", "B")
        assert one["condition"] == limited["refId"]
        assert one["annotations"]["runbook_url"].startswith(f"/d/{uid_in('mot-runbooks', language)}?viewPanel=panel-")
        assert "$" not in one["title"] + str(one["labels"]), "Grafana would put variables of its environment in"


def test_the_two_languages_differ_in_words_only() -> None:
    zh, en = groups("zh"), groups("en")
    for group in GROUPS:
        for one, other in zip(zh[group], en[group], strict=True):
            for key in ("uid", "condition", "data", "noDataState", "execErrState", "for", "labels", "isPaused"):
                assert one[key] == other[key]
            assert one["title"] != other["title"]


def test_where_the_runbooks_are() -> None:
    alert = ALERTS["mot-data-stale"]
    link = rule(alert, "en", runbooks="https://wiki/RUNBOOKS.md")["annotations"]["runbook_url"]
    assert link == "https://wiki/RUNBOOKS.md#mot-data-stale"
    text = markdown({uid: one.title for uid, one in ALERTS.items()})
    for uid in ALERTS:
        assert f'<a id="{uid}"></a>' in text
    assert len({panel_of(uid) for uid in ALERTS}) == len(ALERTS)


def test_the_api_form() -> None:
    made = api_groups("mot-alerts", groups("en"))
    assert [one["title"] for one in made] == list(GROUPS)
    assert {one["interval"] for one in made} == {60, 300}
    assert all(
        member["folderUID"] == "mot-alerts" and member["ruleGroup"] == one["title"]
        for one in made
        for member in one["rules"]
    )


def _through(kind: Any, data: dict[str, Any]) -> Any:
    """`data` read into a model of Grafana's API and written again."""
    return json.loads(json.dumps(kind.from_json(data), cls=JSONEncoder))


def test_every_object_is_one_that_grafanas_api_knows() -> None:
    for group in api_groups("mot-alerts", groups("zh")):
        for one in group["rules"]:
            bare = {**one, "data": []}
            assert _through(alerting.Rule, bare) == bare
            for query in one["data"]:
                bare = {name: value for name, value in query.items() if name != "model"}
                assert _through(alerting.Query, bare) == bare
    assert _through(alerting.NotificationPolicy, provisioning.route()) == provisioning.route()
    known = str(inspect.signature(alerting.ContactPoint).parameters["type_val"].annotation)
    for kind in provisioning.CONTACTS:
        made = provisioning.receiver(kind, "https://x", "zh")
        assert _through(alerting.ContactPoint, made) == made
        assert f"'{made['type']}'" in known


def test_an_operator_moves_a_limit() -> None:
    own = REGISTRY.overridden({"handoff_loss": IndicatorOverride(warning=0.05)})
    assert {one.uid: one.limit for one in alerts(own)}["mot-handoff-loss"] == 0.05
