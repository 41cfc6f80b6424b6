"""Which alerts people get to see, and how they look on a console and in a file."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.engine.effects import VersionedMoment
from streams.sinks.alert_files import ConsoleTarget, JsonlTarget, console_line
from streams.sinks.alerts import Alert, Choice, Chooser, Send, Undelivered, alert_of
from streams.sinks.ports import Delivery
from streams.sinks.wire import records_of
from tests.streams.sinks.test_clickhouse import moment


def alert(version: int = 1, status: str = "pending", **fields: Any) -> Alert:
    [record] = records_of(Delivery(moments=[VersionedMoment(version, moment(status, **fields))]), 0)
    made = alert_of(record.value, 1_700_000_000_000)
    assert made is not None
    return made


def told(send: Send, *statuses: str, **choice: Any) -> list[str]:
    """The statuses that a target hears of when a moment goes through `statuses`, version by version."""
    chooser = Chooser(Choice(send, **choice))
    heard = []
    for version, status in enumerate(statuses):
        said = alert(version, status)
        sent = chooser.wants(said)
        chooser.heard(said, sent)
        heard += [status] if sent else []
    return heard


LIFE = ("pending", "pending", "confirmed", "confirmed", "retracted")


@pytest.mark.parametrize(
    ("send", "heard"),
    [
        ("updates", ["pending", "confirmed", "retracted"]),
        ("first", ["pending", "retracted"]),
        ("confirmed", ["confirmed", "retracted"]),
        ("all", list(LIFE)),
    ],
)
def test_each_choice_hears_of_a_moment_what_it_asked_for(send: Send, heard: list[str]) -> None:
    assert told(send, *LIFE) == heard


def test_who_waits_for_certainty_hears_nothing_of_a_moment_that_never_became_certain() -> None:
    assert told("confirmed", "pending", "retracted") == []


def test_a_moment_that_comes_back_after_its_retraction_is_told_again() -> None:
    assert told("updates", "pending", "retracted", "pending") == ["pending", "retracted", "pending"]
    assert told("first", "pending", "retracted", "pending") == ["pending", "retracted", "pending"]


def test_a_repeated_or_older_version_is_not_told_again() -> None:
    chooser = Chooser(Choice("all"))
    for version, wanted in ((5, True), (5, False), (4, False), (6, True)):
        said = alert(version)
        assert chooser.wants(said) is wanted
        chooser.heard(said, wanted)


def test_a_retraction_of_a_moment_unknown_since_a_restart_is_told_to_be_safe() -> None:
    assert told("updates", "retracted") == ["retracted"]


def test_mild_moments_and_those_of_models_alone_stay_out_with_their_retractions() -> None:
    chooser = Chooser(Choice(min_severity=4))
    mild, model = alert(severity=3), alert(severity=5, model_only=True, moment_id="m2")
    for said in (mild, model):
        assert not chooser.wants(said)
        chooser.heard(said, sent=False)
    assert not chooser.wants(alert(2, "retracted", severity=3))
    assert Chooser(Choice(with_models=True)).wants(model)


def test_what_was_to_be_sent_and_was_not_is_wanted_again() -> None:
    chooser = Chooser(Choice())
    chooser.heard(alert(3), sent=True)
    chooser.forget([alert(3)])

    assert chooser.wants(alert(3))


def test_the_message_id_tells_versions_apart_and_has_no_full_stop() -> None:
    assert alert(3).message_id != alert(4).message_id
    assert "." not in alert(3, moment_id="n28-abc").message_id


@pytest.mark.parametrize("value", [None, b"", b"{}", b"garbage", b'{"moment_id":1}'])
def test_what_is_no_alert_is_none(value: bytes | None) -> None:
    assert alert_of(value, 0) is None


def test_the_console_speaks_both_languages_and_says_what_to_do() -> None:
    english, chinese = console_line(alert(), "en"), console_line(alert(), "zh")

    for word in ("N28 repeat_contact", "severity 3", "pending", "客户-1", "called twice → call back", "2025-10-09"):
        assert word in english
    for word in ("级别3", "待确认", "两次来电 → 回电"):
        assert word in chinese


def test_characters_that_steer_a_terminal_are_shown_not_obeyed() -> None:
    line = console_line(alert(customer_id="a\x1b[2Jb\r\nc\u202ed\u2028e"), "en")

    assert "a\\u001b[2Jb\\u000d\\u000ac\\u202ed\\u2028e" in line
    assert line.isprintable()


def test_a_console_that_nobody_reads_wants_no_more() -> None:
    class Closed(io.StringIO):
        """A pipe whose reader has gone."""

        def flush(self) -> None:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with pytest.raises(Undelivered) as raised:
        asyncio.run(ConsoleTarget("console", Closed(), "en").send([alert()]))
    assert raised.value.gone


def test_a_file_gets_each_alert_as_it_came_on_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "new" / "alerts.jsonl"
    target = JsonlTarget("file", path)
    said = msgspec.structs.replace(alert(2), raw=json.dumps(json.loads(alert(2).raw), indent=1).encode())
    asyncio.run(target.send([alert(1), said]))
    asyncio.run(target.close())

    assert [json.loads(line)["version"] for line in path.read_bytes().splitlines()] == [1, 2]


def test_a_line_cut_off_by_a_crash_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(alert().raw[:40])
    asyncio.run(JsonlTarget("file", path).send([alert(7)]))

    lines = path.read_bytes().splitlines()
    assert len(lines) == 2
    assert json.loads(lines[1])["version"] == 7


def test_a_full_disk_is_said_and_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "alerts.jsonl"
    target = JsonlTarget("file", path)
    asyncio.run(target.send([alert(1)]))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Undelivered, match="full"):
        asyncio.run(target.send([alert(2)]))
    monkeypatch.undo()
    asyncio.run(target.send([alert(2)]))

    assert [json.loads(line)["version"] for line in path.read_bytes().splitlines()] == [1, 2]
