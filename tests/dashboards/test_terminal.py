"""The board in a terminal: what it shows, at which widths, in which language."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from dashboards.terminal import Board, Language, Tally, draw, progress_line
from schemas.moments import Evidence, Moment, Status, Text
from schemas.times import from_ms

WHY = Text(zh="落地五分钟内未收到资费提示。", en="No tariff notice within five minutes of landing.")
NEW_YEAR = 1_767_225_600_000


def moment(name: str, status: Status = "pending", **about: str) -> Moment:
    given = {"tier": "gold", "stage": "use", "touchpoint": "international_roaming", "detector_id": "N01"} | about
    return Moment.model_validate(
        {
            "moment_id": name,
            "detector_name": "roaming_shock_unnotified",
            "detector_version": 1,
            "customer_id": "C42",
            "scope": "trip",
            "valence": "negative",
            "severity": 4,
            "channel": "network",
            "region": "unknown",
            "department": "billing",
            "status": status,
            "anchor_at": from_ms(NEW_YEAR),
            "decided_at": from_ms(NEW_YEAR),
            "evidence": Evidence(events=("e1",)),
            "explanation": WHY,
            "recovery": WHY,
            **given,
        }
    )


def board_of(tally: Tally, **more: object) -> Board:
    return Board(
        title="MOT monitor",
        phase="running",
        events=412_033,
        progress=0.58,
        rate=61_200,
        elapsed_s=12,
        watermark_ms=NEW_YEAR,
        by_status=tally.by_status,
        by_stage=tally.by["stage"],
        by_touchpoint=tally.by["touchpoint"],
        by_tier=tally.by["tier"],
        by_detector=tally.by["detector"],
        detectors={"N01": Text(zh="漫游费用未告知", en="Roaming shock"), "N30": Text(zh="被推来推去", en="Ping-pong")},
        latest=list(tally.latest),
        dead_letters=3,
        **more,  # type: ignore[arg-type]
    )


def screen(board: Board, language: Language, width: int = 80, height: int = 24) -> list[str]:
    console = Console(width=width, height=height, file=StringIO(), force_terminal=False)
    console.print(draw(board, language, width, height), height=height)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


def test_a_moment_said_pending_and_then_confirmed_counts_once() -> None:
    tally = Tally()
    for status in ("pending", "pending", "confirmed", "confirmed"):
        tally.hear(moment("m1", status))  # type: ignore[arg-type]
    assert tally.by["stage"]["use"] == 1
    assert +tally.by_status == {"confirmed": 1}
    assert [shown.status for shown in tally.latest] == ["confirmed"]


def test_a_retracted_moment_is_taken_back_from_every_count() -> None:
    tally = Tally()
    tally.hear(moment("m1"))
    tally.hear(moment("m1", "retracted"))
    assert not any(+counts for counts in tally.by.values())
    assert +tally.by_status == {"retracted": 1}


def test_a_moment_that_comes_back_after_its_retraction_counts_again() -> None:
    tally = Tally()
    for status in ("pending", "retracted", "confirmed"):
        tally.hear(moment("m1", status))  # type: ignore[arg-type]
    assert tally.by["tier"]["gold"] == 1


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 36), (100, 30)])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_board_fits_the_terminal_exactly(language: Language, width: int, height: int) -> None:
    tally = Tally()
    for number in range(40):
        tally.hear(moment(f"m{number}"))
    lines = screen(board_of(tally), language, width, height)
    assert len(lines) == height
    assert {cell_len(line) for line in lines} == {width}


def test_the_board_shows_counts_by_each_dimension_and_the_reason_of_the_latest_moment() -> None:
    tally = Tally()
    tally.hear(moment("m1"))
    tally.hear(moment("m2", tier="diamond", stage="pay", detector_id="N30"))
    text = "\n".join(screen(board_of(tally), "en", 120, 36))
    for shown in (
        "412,033 events",
        "61,200 events/s",
        "58%",
        "dead letters 3",
        "2026-01-01 00:00Z",
        WHY.en,
        "N30 Ping-pong",
    ):
        assert shown in text


def test_the_chinese_board_has_no_english_words_of_ours() -> None:
    tally = Tally()
    tally.hear(moment("m1"))
    text = "\n".join(screen(board_of(tally), "zh", 120, 36))
    for word in ("events", "confirmed", "Tier", "Stage", "Detector", "gold", "watermark", "dead letters"):
        assert word not in text
    assert WHY.zh in text


def test_a_board_without_news_says_that_it_is_quiet() -> None:
    assert "no new event for 7 s" in "\n".join(screen(board_of(Tally(), idle_s=7.4), "en"))
    assert "running" in "\n".join(screen(board_of(Tally(), idle_s=1.0), "en"))


def test_the_progress_line_is_one_line_with_the_figures() -> None:
    line = progress_line(board_of(Tally()), "en")
    assert "\n" not in line
    for shown in ("58%", "412,033 events", "61,200 events/s", "dead letters 3"):
        assert shown in line
