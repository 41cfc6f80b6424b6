"""The embedded runner: what it says does not depend on how it was started, stopped, cut or partitioned."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from schemas.codec import decode
from schemas.envelope import Event
from streams.errors import FolderMismatch, SinkFailed, SourceNotResumable
from streams.runners.embedded import EmbeddedRunner, Progress, Settings, Step
from streams.runners.feeds import LineFileSource, ListSource, StreamSource
from streams.runners.query_server import query_folder
from streams.sinks.clickhouse import ClickHouseSink
from streams.sinks.ports import Delivery
from tests.streams.runners.stories import CATALOGUE, ledger, log

LOG = log(1_500)
SMALL = Settings(batch_records=100, commit_records=300, send_events=150, strict=True)


def run(folder: Path, raws: list[bytes] = LOG, *, partitions: int = 1, settings: Settings = SMALL) -> Progress:
    return EmbeddedRunner(folder, ListSource(raws), CATALOGUE, partitions=partitions, settings=settings).run()


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The ledger of a run without any fault."""
    folder = tmp_path_factory.mktemp("once")
    run(folder)
    return ledger(folder)


def test_the_story_has_a_bit_of_everything(once: dict[str, list[str]]) -> None:
    assert {name for name, rows in once.items() if rows} == set(once)
    detectors = {moment.split('"')[3] for moment in once["moments"]}
    assert len(detectors) == len(CATALOGUE)
    reasons = {letter.split('"')[3] for letter in once["dead_letters"]}
    assert {"too_late", "empty", "not_json"} <= reasons


def test_every_event_is_stored_once_or_set_aside(once: dict[str, list[str]]) -> None:
    ids = {event.event_id for event in map(decode, LOG) if isinstance(event, Event)}
    stored = [row.split('"')[1] for row in once["events"]]
    late = sum('"too_late"' in row for row in once["dead_letters"])

    assert len(stored) == len(set(stored))
    assert set(stored) <= ids
    assert len(ids) - len(stored) <= late


@pytest.mark.parametrize("settings", [Settings(batch_records=1, commit_records=700), Settings(batch_records=5_000)])
def test_how_the_log_is_cut_makes_no_difference(tmp_path: Path, once: dict[str, list[str]], settings: Settings) -> None:
    run(tmp_path, settings=settings)

    assert ledger(tmp_path) == once


def test_a_run_stopped_at_every_commit_and_started_again_says_the_same(
    tmp_path: Path, once: dict[str, list[str]]
) -> None:
    starts, finished = 0, False
    while not finished:
        runner = EmbeddedRunner(tmp_path, ListSource(LOG), CATALOGUE, settings=SMALL)
        runner._told = lambda progress, runner=runner: runner.stop()
        finished = runner.run().finished
        starts += 1

    assert starts > 2
    assert ledger(tmp_path) == once


def test_a_finished_folder_run_again_stays_as_it_is(tmp_path: Path, once: dict[str, list[str]]) -> None:
    run(tmp_path)
    again = run(tmp_path)

    assert (again.records, again.events, again.finished) == (0, 0, True)
    assert ledger(tmp_path) == once


def test_several_partitions_share_the_work_and_survive_a_stop(tmp_path: Path) -> None:
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    run(straight, partitions=3)

    run(stopped, LOG[:700], partitions=3)
    cut = EmbeddedRunner(stopped, ListSource(LOG[:700]), CATALOGUE, partitions=3, settings=SMALL).run()

    assert cut.position == 700
    assert len(list((straight / "state").glob("partition-*.sqlite"))) == 3
    whole, part = ledger(straight), ledger(stopped)
    assert set(whole["events"]) > set(part["events"])


def test_partitions_at_different_positions_catch_up(tmp_path: Path) -> None:
    """A crash between two partitions' transactions leaves one ahead of the others.

    The next start commits at other places: its first commits lie before the position of the partition that is ahead.
    """
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    run(straight, partitions=3)
    seen: list[Step] = []

    def break_after_a_first_partition(step: Step) -> None:
        seen.append(step)
        if step == "committed" and seen.count("committed") % 3 == 1 and seen.count("committed") < 9:
            raise Crash

    for start in range(10):
        settings = Settings(batch_records=50, commit_records=(500, 100, 250)[start % 3], send_events=80, strict=True)
        runner = EmbeddedRunner(
            broken, ListSource(LOG), CATALOGUE, partitions=3, settings=settings, fault=break_after_a_first_partition
        )
        try:
            if runner.run().finished:
                break
        except Crash:
            continue

    assert seen.count("committed") > 10
    assert ledger(broken) == ledger(straight)


class Crash(Exception):
    """Stands for the end of the process."""


def test_nothing_is_committed_while_clickhouse_refuses(
    tmp_path: Path, once: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = ClickHouseSink.write
    calls = []

    def refuse_the_third(sink: ClickHouseSink, delivery: Delivery) -> object:
        calls.append(len(delivery))
        if len(calls) == 3:
            raise SinkFailed("ClickHouse", "gone for lunch")
        return write(sink, delivery)

    monkeypatch.setattr(ClickHouseSink, "write", refuse_the_third)
    with pytest.raises(SinkFailed, match="gone for lunch"):
        run(tmp_path)
    assert len(calls) == 3  # nothing is written after a failure

    run(tmp_path)
    assert ledger(tmp_path) == once


def test_a_file_is_resumed_at_its_line(tmp_path: Path, once: dict[str, list[str]]) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join(LOG[:800]) + b"\n")
    first = EmbeddedRunner(tmp_path / "run", LineFileSource(path), CATALOGUE, settings=SMALL)
    first._told = lambda progress: first.stop() if progress.position >= 300 else None
    assert not first.run().finished

    path.write_bytes(b"\n".join(LOG) + b"\n")  # the log has grown meanwhile
    assert EmbeddedRunner(tmp_path / "run", LineFileSource(path), CATALOGUE, settings=SMALL).run().finished

    said = ledger(tmp_path / "run")
    assert said["events"] == once["events"]
    assert said["moments"] == once["moments"]
    assert said["kpis"] == once["kpis"]


def test_a_stream_cannot_be_continued_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\n".join(LOG[:400]))
    with (tmp_path / "log").open("rb") as stream:
        EmbeddedRunner(tmp_path / "run", StreamSource(stream), CATALOGUE, settings=SMALL).run()

    with (tmp_path / "log").open("rb") as stream, pytest.raises(SourceNotResumable) as raised:
        EmbeddedRunner(tmp_path / "run", StreamSource(stream), CATALOGUE, settings=SMALL).run()
    assert "400" in raised.value.said_in("en")
    assert "400" in raised.value.said_in("zh")


def test_a_folder_belongs_to_one_number_of_partitions_and_one_log(tmp_path: Path) -> None:
    EmbeddedRunner(tmp_path, ListSource(LOG[:50], "log-a"), CATALOGUE, partitions=2).run()

    with pytest.raises(FolderMismatch, match="partitions was 2"):
        EmbeddedRunner(tmp_path, ListSource(LOG[:50], "log-a"), CATALOGUE, partitions=3).run()
    with pytest.raises(FolderMismatch, match="source was log-a"):
        EmbeddedRunner(tmp_path, ListSource(LOG[:50], "log-b"), CATALOGUE, partitions=2).run()


def test_other_detectors_on_an_old_folder_are_reported(tmp_path: Path) -> None:
    assert EmbeddedRunner(tmp_path, ListSource(LOG[:50]), CATALOGUE).run().same_settings
    assert not EmbeddedRunner(tmp_path, ListSource(LOG[:100]), CATALOGUE[:2]).run().same_settings


def test_the_folder_says_what_ran_and_names_the_touchpoints(tmp_path: Path) -> None:
    run(tmp_path, LOG[:100])
    run(tmp_path, LOG[:200])

    [[detectors, records, finished, events]] = query_folder(
        tmp_path,
        "SELECT JSONExtract(header, 'detectors', 'Array(String)'), records, finished, "
        "JSONExtractInt(summary, 'events') FROM runs FINAL",
    ).rows
    assert detectors == [f"{one.meta.id}@{one.meta.version}" for one in CATALOGUE]
    assert (records, finished) == (200, 1)
    assert 100 < events <= 200
    named = "SELECT touchpoint FROM touchpoints WHERE name_zh != ''"
    unnamed = f"SELECT count() FROM events_now WHERE touchpoint NOT IN ({named})"
    assert query_folder(tmp_path, unnamed).rows == [[0]]


def test_the_collector_is_put_back_as_it_was(tmp_path: Path) -> None:
    before = gc.get_threshold()
    run(tmp_path, LOG[:100])

    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
