"""The engine with a detector on public logs finds what was counted independently (D1-D4).

Where the published definition differs from the detector's own, parameters express it: no limit in time for ping-pong
and reopening, two contacts make a repeat, none of them needs to have been marked resolved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from detectors.base import AnyDetector
from detectors.catalogue import with_params
from detectors.rules import complaint_reopened, ping_pong, repeat_contact
from schemas.envelope import Event
from schemas.mapping import LogMapping, Value
from schemas.moments import Moment
from streams.engine.engine import Engine
from streams.runners.replay import ReplayPlan, replay
from streams.runners.results import KPIS, MOMENTS, MomentLedger, read_moments
from streams.sources.logs import MappedLog
from streams.sources.mapping_file import load_mapping
from tests.real_logs.logs import answers_of, log_of

pytestmark = pytest.mark.real_logs
EVER = 36_500
"""Days: longer than any log."""


@dataclass
class Found:
    """What the engine said of a log."""

    events: dict[str, Event] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    handoffs: dict[str, int] = field(default_factory=dict)
    summary: Mapping[str, int] = field(default_factory=dict)

    def of(self, detector_id: str) -> list[Moment]:
        """The moments of one detector."""
        return [moment for moment in self.moments if moment.detector_id == detector_id]

    def measured(self, detector_id: str, name: str) -> list[Any]:
        """One measure of every moment of a detector."""
        return [moment.evidence.measures[name] for moment in self.of(detector_id)]


def _patient(detector: AnyDetector, **params: Any) -> AnyDetector:
    """The detector with these parameters."""
    return with_params({detector.meta.id: params}, (detector,))[0]


@cache
def _events(name: str, reason: str | None) -> Sequence[list[Event]]:
    """The events of a log in batches; `reason` is the column that gives contacts their reason."""
    mapping = load_mapping(name)
    batches = []
    for batch in MappedLog(log_of(name), mapping if reason is None else _with_reason(mapping, reason)).batches(500):
        events = [record.raw for record in batch if isinstance(record.raw, Event)]
        assert len(events) == len(batch)
        batches.append(events)
    return batches


def _replayed(name: str, detectors: Sequence[AnyDetector], reason: str | None = None) -> Found:
    engine, ledger, found = Engine(detectors, strict=True), MomentLedger(), Found()
    for events in _events(name, reason):
        found.events |= {event.event_id: event for event in events}
        effects = engine.process(events)
        ledger.take(effects.moments)
        for handoff in effects.handoffs:
            found.handoffs[handoff.case_id] = found.handoffs.get(handoff.case_id, 0) + 1
    ledger.take(engine.finish(engine.front).moments)
    found.moments = [moment for moment in ledger.final() if moment.status == "confirmed"]
    found.summary = engine.summary()
    return found


@cache
def _of_cases(name: str) -> Found:
    """Ping-pong and reopenings of a log, without limits in time."""
    passed_around = _patient(
        ping_pong.DETECTOR, min_transfers=None, min_departments=None, return_within_hours=None, pause_days=EVER
    )
    reopened = _patient(complaint_reopened.DETECTOR, within_days=EVER, count_new_complaints=False)
    return _replayed(name, [passed_around, reopened])


@pytest.mark.parametrize(("name", "key"), [("bpic2013_volvo", "team"), ("helpdesk_italian", "resource")])
def test_handoffs_and_ping_pong_of_every_case(name: str, key: str) -> None:
    answer = answers_of(name)[key]

    found = _of_cases(name)

    returns = found.measured("N30", "returns")
    counted = list(found.handoffs.values())
    assert {
        "handoffs_total": sum(counted),
        "cases_with_handoff": len(counted),
        "cases_ge3_handoffs": sum(count >= 3 for count in counted),
        "max_handoffs": max(counted),
        "pingpong_ABA_cases": len({moment.scope for moment in found.of("N30")}),
        "pingpong_ABA_total": sum(returns),
        "pingpong_ge2_cases": sum(count >= 2 for count in returns),
    } == {name: value for name, value in answer.items() if name != "cases_returning_to_earlier_team"}
    assert len(found.of("N30")) == answer["pingpong_ABA_cases"]
    assert found.summary["late"] == found.summary["duplicates"] == 0


@pytest.mark.parametrize(("name", "key"), [("bpic2013_volvo", "reopen"), ("helpdesk_italian", "reopen_after_resolve")])
def test_reopenings_of_every_case(name: str, key: str) -> None:
    answers = answers_of(name)

    found = _of_cases(name)

    evidence = [found.events[identity] for moment in found.of("N29") for identity in moment.evidence.events]
    reopened = [event.ticket_id for event in evidence if event.event_type == "complaint.reopened"]
    assert sum(found.measured("N29", "reopenings")) == len(reopened) == answers[f"{key}_transitions"]
    assert len(set(reopened)) == answers[f"{key}_cases"]


@pytest.mark.parametrize("days", [7, 14, 30])
@pytest.mark.parametrize("key", ["repeat_same_customer", "repeat_same_customer_and_product"])
def test_repeat_contacts_of_every_customer(key: str, days: int) -> None:
    reason = "product" if key.endswith("product") else None  # as shipped, all tickets have one reason

    found = _replayed("helpdesk_italian", [_repeats(days)], reason)

    assert sum(found.measured("N28", "repeats")) == answers_of("helpdesk_italian")[key][f"le_{days}d"]


@pytest.mark.parametrize("days", [0, 7, 30])
def test_repeated_complaints_of_every_customer(days: int) -> None:
    found = _replayed(
        "bpic2016_complaints", [_repeats(days or 0.5)]
    )  # the log knows days only: half of one is the same

    assert sum(found.measured("N28", "repeats")) == answers_of("bpic2016_complaints")["repeat"][f"le_{days}d"]


def _repeats(days: float) -> AnyDetector:
    return _patient(repeat_contact.DETECTOR, within_days=days, min_contacts=2, require_resolved=False)


def _with_reason(mapping: LogMapping, column: str) -> LogMapping:
    """The mapping with the reason of the contact that opens a ticket taken from `column`."""
    contact, *others = mapping.derived
    assert contact.emit == "interaction.contact_completed"
    return mapping.model_copy(
        update={"derived": (contact.model_copy(update={"attributes": {"reason": Value(field=(column,))}}), *others)}
    )


def test_mot_replay_says_the_same_of_the_incidents(tmp_path: Path) -> None:
    """The command's own way, over two processes, with the parameters that express the published definitions."""
    answers = answers_of("bpic2013_volvo")
    parameters = {
        "N30": {"min_transfers": None, "min_departments": None, "return_within_hours": None, "pause_days": EVER},
        "N29": {"within_days": EVER, "count_new_complaints": False},
    }

    summary = replay(
        ReplayPlan(log_of("bpic2013_volvo"), "bpic2013_volvo", tmp_path, processes=2, parameters=parameters)
    )

    moments = read_moments(tmp_path / MOMENTS)
    returns = [one.evidence.measures["returns"] for one in moments if one.detector_id == "N30"]
    reopenings = [one.evidence.measures["reopenings"] for one in moments if one.detector_id == "N29"]
    assert (len(returns), sum(returns)) == (
        answers["team"]["pingpong_ABA_cases"],
        answers["team"]["pingpong_ABA_total"],
    )
    assert sum(reopenings) == answers["reopen_transitions"]
    assert (summary.late, summary.duplicates, summary.dead_letters) == (0, 0, 0)


@pytest.mark.parametrize(
    "name", ["bpic2012_loan", "bpic2013_volvo", "bpic2016_complaints", "helpdesk_italian", "hospital_billing"]
)
def test_mot_replay_takes_every_log_with_its_shipped_mapping(name: str, tmp_path: Path) -> None:
    summary = replay(ReplayPlan(log_of(name), name, tmp_path, processes=2))

    answers = answers_of(name)
    assert summary.events >= answers.get("events", answers.get("complaints"))
    assert summary.dead_letters == summary.late == summary.duplicates == summary.detector_failures == 0
    kpis = pl.read_parquet(tmp_path / KPIS).filter((pl.col("indicator") == "events") & (pl.col("grain") == "day"))
    assert kpis["value"].sum() == summary.events
