"""Sources give every record its place, from any place on."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import pytest

from streams.errors import FolderMismatch, SourceNotResumable
from streams.runners.embedded import EmbeddedRunner, Settings
from streams.runners.feeds import LineFileSource, ListSource, Records, SourceChanged, StreamSource
from tests.streams.runners.stories import CATALOGUE, ledger, log

LINES = [b'{"n":%d}' % number for number in range(23)]


def numbered(batches: Iterable[Records]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for first, raws in batches:
        found |= dict(enumerate(raws, first))
    return found


@pytest.mark.parametrize("start", [0, 1, 10, 22, 23])
@pytest.mark.parametrize("size", [1, 7, 23, 100])
def test_a_list_and_a_file_go_on_from_any_position(tmp_path: Path, start: int, size: int) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\r\n".join(LINES))
    expected = dict(list(enumerate(LINES))[start:])

    assert numbered(ListSource(LINES).batches(start, size)) == expected
    assert numbered(LineFileSource(path).batches(start, size)) == expected
    assert max(len(raws) for _, raws in ListSource(LINES).batches(0, size)) <= size


def test_blank_lines_keep_their_place_and_a_byte_order_mark_is_dropped() -> None:
    stream = io.BytesIO(b"\xef\xbb\xbf{}\n\n  \n[1]\n")
    assert numbered(StreamSource(stream).batches(0, 3)) == {0: b"{}", 1: b"", 2: b"", 3: b"[1]"}


def test_a_file_is_known_again_after_it_has_grown_and_told_from_another(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"\n".join(LINES[:3]))
    other.write_bytes(b"\n".join(LINES[1:]))
    before = LineFileSource(one).identity
    one.write_bytes(b"\n".join(LINES))

    assert LineFileSource(one).identity == before
    assert LineFileSource(other).identity != before


def test_a_stream_starts_at_the_beginning_only() -> None:
    with pytest.raises(SourceNotResumable):
        StreamSource(io.BytesIO()).batches(5, 10)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("cut", range(1, len(LINES[2])))
def test_a_half_written_last_line_waits_until_it_is_whole(tmp_path: Path, size: int, cut: int) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join([*LINES[:2], LINES[2][:cut]]))
    source = LineFileSource(path)
    assert numbered(source.batches(0, size)) == {0: LINES[0], 1: LINES[1]}
    assert source.left_bytes == cut
    with path.open("ab") as file:
        file.write(LINES[2][cut:])
    assert numbered(source.batches(2, size)) == {2: LINES[2]}
    assert source.left_bytes == 0


@pytest.mark.parametrize("half", [b'{"n"', b"12", b'"text', b"\xff\xfe", b"   ", b"[" * 100_000])
def test_what_cannot_be_an_event_yet_is_no_record_until_its_line_ends(tmp_path: Path, half: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(LINES[0] + b"\n" + half)
    assert numbered(LineFileSource(path).batches(0, 10)) == {0: LINES[0]}
    path.write_bytes(LINES[0] + b"\n" + half + b"\n")
    assert numbered(LineFileSource(path).batches(1, 10)) == {1: half.strip()}


def test_a_file_whose_first_line_is_not_whole_yet_has_no_name(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for begun in (b"", LINES[0][:3]):
        path.write_bytes(begun)
        assert LineFileSource(path).identity == ""
    path.write_bytes(LINES[0] + b"\n")
    whole = LineFileSource(path).identity
    assert whole
    path.write_bytes(LINES[0])
    assert LineFileSource(path).identity == whole


@pytest.mark.parametrize("left", [b"", b"\n".join(LINES[:9]) + b"\n", b"\n".join(LINES[:10])[:-2]])
def test_a_file_shorter_than_the_position_is_refused(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(left)
    with pytest.raises(SourceChanged) as refused:
        list(LineFileSource(path).batches(10, 5))
    assert "log.jsonl" in refused.value.text.en
    assert "10" in refused.value.text.zh


def test_a_file_rotated_after_it_was_named_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join(LINES[:10]))
    source = LineFileSource(path)
    path.write_bytes(b"\n".join(LINES[1:]))
    with pytest.raises(SourceChanged, match="another first line"):
        list(source.batches(0, 5))


def test_a_file_cut_while_it_is_read_is_no_finished_log(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    many = b"\n".join(b'{"n":%d,"pad":"%s"}' % (n, b"x" * 100) for n in range(30_000)) + b"\n"
    path.write_bytes(many)
    batches = LineFileSource(path).batches(0, 100)
    next(batches)
    with path.open("r+b") as file:
        file.truncate(1_000)
    with pytest.raises(SourceChanged, match="shorter while it was read"):
        list(batches)


def test_a_run_refuses_a_shortened_or_rotated_file_and_leaves_its_results_as_they_are(tmp_path: Path) -> None:
    raws, path, folder = log(300), tmp_path / "log.jsonl", tmp_path / "run"
    settings = Settings(batch_records=50, commit_records=100)

    def run() -> bool:
        return EmbeddedRunner(folder, LineFileSource(path), CATALOGUE, settings=settings).run().finished

    path.write_bytes(b"".join(raw + b"\n" for raw in raws[:200]) + raws[200][:40])
    assert run()
    before = ledger(folder)
    path.write_bytes(b"".join(raw + b"\n" for raw in raws[:150]))
    with pytest.raises(SourceChanged):
        run()
    path.write_bytes(b"".join(raw + b"\n" for raw in reversed(raws)))
    with pytest.raises(FolderMismatch):
        run()
    assert ledger(folder) == before
    path.write_bytes(b"".join(raw + b"\n" for raw in raws))
    assert run()
    ids = {row.split('"')[1] for row in ledger(folder)["events"]}
    assert len(ids) > len(before["events"])
