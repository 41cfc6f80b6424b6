"""Logs of our own events: bytes, places, nothing decoded."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from streams.sources import native
from streams.sources.faults import LogError
from streams.sources.logs import open_log
from streams.sources.sharing import Share


def _all(path: Path, size: int) -> list[tuple[bytes, int]]:
    return [(record.raw, record.position) for batch in open_log(path).batches(size) for record in batch]  # type: ignore[misc]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_lines_are_numbered_from_one_whatever_the_batch(tmp_path: Path, size: int, end: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a":1}\n\n{"b":2}\n{"c":3}' + end)

    assert _all(path, size) == [(b'{"a":1}', 1), (b"", 2), (b'{"b":2}', 3), (b'{"c":3}', 4)]


def test_lines_over_the_edge_of_a_chunk_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.sources.files.CHUNK", 7)
    lines = [b"x" * length for length in (0, 1, 6, 7, 8, 20, 3)]
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(lines)))

    assert _all(path, 2) == list(zip(lines, range(1, 8), strict=True))


def test_a_giant_line_is_cut_so_that_the_codec_can_refuse_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.sources.files.CHUNK", 100)
    monkeypatch.setattr(native, "MAX_LINE", 250)
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"y" * 10_000 + b"\n{}\n")

    assert [(len(raw), position) for raw, position in _all(path, 10)] == [(251, 1), (2, 2)]


def test_parquet_hands_out_payloads_with_their_rows(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "log.parquet"
    payloads = [f'{{"n":{number}}}'.encode() for number in range(5)]
    table = pa.table({"customer_id": list("abcde"), "payload": pa.array(payloads, pa.binary())})
    pq.write_table(table, path, row_group_size=2)

    log = open_log(path)
    batches = list(log.batches(2))

    records = [record for batch in batches for record in batch]
    assert log.total_rows == 5
    assert max(map(len, batches)) == 2
    assert [record.raw for record in records] == payloads
    assert [record.position for record in records] == [1, 2, 3, 4, 5]
    assert log.fraction() == 1.0


@pytest.mark.parametrize("name", ["log.jsonl", "log.parquet"])
def test_shares_of_a_log_are_by_customer_and_miss_nothing(tmp_path: Path, name: str) -> None:
    payloads = [b'{"customer_id":"c%d","n":%d}' % (number % 7, number) for number in range(40)]
    tick, poison = b'{"event_type":"clock.tick","occurred_at":"2026-03-01T00:00:00Z"}', b"no event"
    payloads[5:5], payloads[20:20] = [tick], [poison]
    path = tmp_path / name
    if name == "log.jsonl":
        path.write_bytes(b"\n".join(payloads))
    else:
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        customers = [None if raw in (tick, poison) else raw[16:18].decode() for raw in payloads]
        pq.write_table(pa.table({"customer_id": customers, "payload": pa.array(payloads, pa.binary())}), path)

    taken = []
    for number in range(3):
        log = open_log(path)
        share = Share(number, 3)
        own = [(record.position, record.raw) for batch in log.batches(4, share) for record in batch]
        assert log.read == len(payloads)
        assert own == sorted(own)
        assert all(share.has(str(raw[16:18], "ascii")) for _, raw in own if raw not in (tick, poison))  # type: ignore[index]
        taken += own

    assert sorted(set(taken)) == list(enumerate(payloads, 1))
    assert [raw for _, raw in taken].count(tick) == 3, "time passes for all"
    assert [raw for _, raw in taken].count(poison) == 1


def test_parquet_of_others_asks_for_a_mapping(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"case": [1]}), tmp_path / "log.parquet")

    with pytest.raises(
        LogError, match=r"lacks event_id, event_type, customer_id, occurred_at, recorded_at; .*--mapping"
    ):
        open_log(tmp_path / "log.parquet")


@pytest.mark.parametrize("name", ["log.csv", "log.xes.gz"])
def test_formats_of_others_ask_for_a_mapping(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")

    with pytest.raises(LogError, match="give a mapping with --mapping"):
        open_log(tmp_path / name)


def test_a_log_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"cannot open .*No such file"):
        open_log(tmp_path / "none.jsonl")
