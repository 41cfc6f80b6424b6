"""Which windows a span is made of, which rows a total is read from, and that an answer is whole or refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from journeys.registry import Indicator, RowGrain, shipped_registry
from streams.warehouse.effect import GroupsOverlap
from streams.warehouse.reference import step_rows
from streams.warehouse.refresh import Refresher
from streams.warehouse.values import Asked, NoSuchSplit, Reach, Span, after, grain_for, known_span, values, whole
from streams.warehouse.warehouse import PAGE, FolderWarehouse, NoWarehouse, TooManyRows, paged
from tests.warehouse.planted import day, event, stored

FRONT = datetime(2026, 5, 7, 13, 20, 5, tzinfo=UTC)
WEEK = timedelta(days=7)
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff)][,;:(]|[,;:(][\u4e00-\u9fff]")


def at(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("reach", "grain", "span"),
    [
        (Reach(WEEK, after(FRONT), open=True), "day", ("2026-05-01", "2026-05-08")),
        (Reach(WEEK, after(at("2026-05-08")), open=True), "day", ("2026-05-02", "2026-05-09")),
        (Reach(WEEK, at("2026-05-08")), "day", ("2026-05-01", "2026-05-08")),
        (Reach(at("2026-05-01"), at("2026-05-08")), "day", ("2026-05-01", "2026-05-08")),
        (Reach(at("2026-05-01"), at("2026-05-02")), "day", ("2026-05-01", "2026-05-02")),
        (Reach(at("2026-05-01"), after(FRONT), open=True), "day", ("2026-05-01", "2026-05-08")),
        (Reach(at("2026-05-01T09:30"), at("2026-05-01T11:10")), "hour", ("2026-05-01T09:00", "2026-05-01T12:00")),
        (Reach(timedelta(hours=2), after(FRONT), open=True), "hour", ("2026-05-07T12:00", "2026-05-07T14:00")),
        (Reach(at("2026-05-01T00+08:00"), at("2026-05-01T02+08:00")), "hour", ("2026-04-30T16", "2026-04-30T18")),
    ],
)  # fmt: skip
def test_a_span_has_the_bounds_that_were_named(reach: Reach, grain: RowGrain, span: tuple[str, str]) -> None:
    assert whole(reach, grain) == Span(*map(at, span))


def kept(*grains: str) -> Indicator:
    contacts = shipped_registry()["contacts"]
    assert contacts.measure is not None
    return contacts.model_copy(update={"measure": contacts.measure.model_copy(update={"grains": grains})})


@pytest.mark.parametrize(
    ("grains", "reach", "grain"),
    [
        (("hour", "day"), Reach(timedelta(days=3), FRONT, open=True), "day"),
        (("hour", "day"), Reach(timedelta(days=2), FRONT, open=True), "hour"),
        (("minute", "hour", "day"), Reach(timedelta(hours=2), FRONT, open=True), "minute"),
        (("minute", "hour", "day"), Reach(timedelta(hours=3), FRONT, open=True), "hour"),
        (("hour", "day"), Reach(timedelta(minutes=5), FRONT, open=True), "hour"),
        (("day",), Reach(timedelta(hours=2), FRONT, open=True), "day"),
        (("cycle",), Reach(timedelta(days=90), FRONT, open=True), "cycle"),
        (("hour", "day"), Reach(at("2026-05-01"), at("2026-05-08")), "day"),
        (("hour", "day"), Reach(at("2026-05-01"), FRONT, open=True), "day"),
        (("hour", "day"), Reach(at("2026-05-01T08:00"), at("2026-05-08")), "hour"),
        (("hour", "day"), Reach(WEEK, at("2026-05-08T08:30")), "hour"),
        (("day",), Reach(at("2026-05-01T08:00"), at("2026-05-08")), "day"),
    ],
)
def test_a_total_is_read_from_the_coarsest_rows_that_fit(grains: tuple[str, ...], reach: Reach, grain: str) -> None:
    assert grain_for(kept(*grains), "total", reach) == grain


def test_windows_of_their_own_are_read_as_they_are() -> None:
    reach = Reach(timedelta(hours=5), FRONT, open=True)

    assert grain_for(kept("hour", "day"), "day", reach) == "day"
    assert grain_for(kept("hour", "day"), "month", reach) == "day"
    with pytest.raises(NoSuchSplit):
        grain_for(kept("hour", "day"), "minute", reach)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> FolderWarehouse:
    """More than a page of hours with a contact in each."""
    where = {"reason": "bill", "direction": "inbound"}
    hours = range(PAGE + 500)
    rows = [event(f"e{n}", "interaction.contact_completed", day((n + 0.5) / 24), f"c{n}", **where) for n in hours]
    found = stored(tmp_path_factory.mktemp("busy"), rows)
    contacts = shipped_registry()["contacts"]
    with found.writing() as client:
        registry = type(shipped_registry())([contacts])
        Refresher(client, registry, step_rows(set())).refresh()
    return found


def test_an_answer_is_whole_or_refused(busy: FolderWarehouse) -> None:
    with pytest.raises(TooManyRows, match="10,000 rows") as refused:
        busy.rows("SELECT event_id FROM events_now")
    assert refused.value.exit_code == 1
    everything = paged(busy.rows, "SELECT event_id FROM events_now ORDER BY event_id")
    assert sorted(row["event_id"] for row in everything) == sorted(f"e{n}" for n in range(PAGE + 500))


def test_values_of_many_windows_are_all_given(busy: FolderWarehouse) -> None:
    span = known_span(busy.rows)
    assert span is not None
    reach = Reach(*span, open=True)
    found = values(busy, kept("hour", "day"), Asked(whole(reach, "hour"), "hour"), "hour")

    assert len(found) == PAGE + 500
    assert sum(one.value or 0 for one in found) == PAGE + 500


def test_chinese_messages_have_chinese_punctuation(tmp_path: Path) -> None:
    (tmp_path / "replayed").mkdir()
    (tmp_path / "replayed" / "moments.jsonl").touch()
    contacts = shipped_registry()["contacts"]
    for fault in (
        NoSuchSplit(contacts, "colour", ("tier", "region")),
        NoSuchSplit(contacts, "colour", ()),
        NoWarehouse(tmp_path),
        NoWarehouse(tmp_path / "replayed"),
        TooManyRows(10_000),
        GroupsOverlap(["c1", "c2"]),
    ):
        assert not HALF_WIDTH.search(fault.text.zh), fault.text.zh
