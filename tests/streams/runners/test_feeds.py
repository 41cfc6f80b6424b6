"""Sources give every record its place, from any place on."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import pytest

from streams.errors import SourceNotResumable
from streams.runners.feeds import LineFileSource, ListSource, Records, StreamSource

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
