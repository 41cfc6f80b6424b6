"""Events in a Parquet table with a column for each field of the envelope and `attributes` as JSON text.

Most rows become events without a detour over JSON, judged column by column. A row with anything unusual is spelled as
JSON for the codec to judge; so is what stands in `payload`, the column for records that fit into no others.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas import tabled
from schemas.codec import EARLIEST_MS, NEAR_THE_END_MS, USUAL_LAG
from schemas.plain import UNREADABLE, PlainEvent
from schemas.tabled import AMOUNT, ATTRIBUTES, DEFAULTS, IDS, NEEDED, PAYLOAD, TIMES, VERSION, WORDS
from schemas.times import DAY
from schemas.upcasters import CURRENT_VERSION
from streams.sources.faults import LogError
from streams.sources.parquet import batches_of, mask, open_parquet
from streams.sources.rows import Records
from streams.sources.sharing import WHOLE, Share

_READ, _MADE = 1 << 16, 1 << 11
"""Rows read at once, and rows made into events at once: those stay in the processor's cache."""
_USUAL_LAG_US = USUAL_LAG.days * DAY * 1000
_MUST_BE = {
    **dict.fromkeys((*IDS, *WORDS, PAYLOAD), ("文本", "text")),
    **dict.fromkeys(
        TIMES, ("带时区的时间,或 1970 年以来的毫秒数", "a time with a time zone, or whole milliseconds since 1970")
    ),
    **dict.fromkeys((AMOUNT, VERSION), ("带符号 64 位整数", "a whole number of 64 bits with a sign")),
}
_FURTHEST_US = 1 << 62
"""Times beyond are no times, and numbers near the end of 64 bits have meanings of their own."""
_CODED = (*WORDS, "customer_id", "account_id", "line_id")
"""Columns of texts that come again and again: each text is made and judged once."""
_Mask = NDArray[np.bool_]
_one_value = msgspec.json.Decoder(msgspec.Raw).decode


class EventColumns:
    """A Parquet log of events by columns; `position` is the row, from 1. Columns of other names are passed over."""

    def __init__(self, path: Path, file: Any) -> None:
        self.read = 0
        self._path = path
        self._origin = path.name
        self.total_rows: int | None = file.metadata.num_rows
        self._names = [name for name in file.schema_arrow.names if name in _MUST_BE]
        _check(path, file.schema_arrow)
        self._file = open_parquet(path, [name for name in _CODED if name in self._names])

    def fraction(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self.read / (self.total_rows or 1)

    def batches(self, size: int, share: Share = WHOLE) -> Iterator[Records]:
        """See LogSource; fewer where a row group ends."""
        read = batches_of(self._path, self._file, max(size, _READ), self._names, threads=share == WHOLE)
        for batch in map(_without_views, read):
            positions: Sequence[int] = range(self.read + 1, self.read + 1 + batch.num_rows)
            self.read += batch.num_rows
            if share != WHOLE:
                own = self._own(batch, share)
                positions = (np.flatnonzero(own) + positions[0]).tolist()
                batch = batch.filter(mask(own))  # noqa: PLW2901 - the whole one is not needed any more
            columns = _Columns(batch)
            made = max(1, _MADE // size) * size
            for start in range(0, len(positions), made):
                rows = columns.rows(slice(start, start + made))
                for first in range(0, len(rows.events), size):
                    events = rows.events[first : first + size]
                    spelled = _Spelled(rows.stated, range(first, first + len(events)))
                    here = start + first
                    yield Records(spelled, self._origin, positions[here : here + size], events)

    @staticmethod
    def _own(batch: Any, share: Share) -> _Mask:
        """For each row whether it is of `share`: each customer is asked once; a row without one, and one with a record
        of its own, is spelled and read."""
        customers = batch.column("customer_id").dictionary_encode()
        names = _texts(customers.dictionary)
        known = np.array([share.has(_shown(name or "")) for name in names] or [False])
        own: _Mask = known[_numbers(customers.indices, 0)]
        nameless = ~_is_valid(customers)
        if PAYLOAD in batch.schema.names:
            nameless |= _is_valid(batch.column(PAYLOAD))
        if nameless.any():
            rows = _Columns(batch.filter(mask(nameless))).rows(slice(None))
            own[nameless] = [share.takes(record) for record in _Spelled(rows.stated, range(len(rows.events)))]
        return own


class _Rows(NamedTuple):
    """The rows of a batch: `stated` has its columns as they stand (times in us since 1970), `events` what could be made
    of them at once, None where another look is needed."""

    stated: Mapping[str, Sequence[Any]]
    events: Sequence[PlainEvent | None]


class _Spelled(Sequence[bytes]):
    """Rows as JSON records, each spelled when it is asked for."""

    def __init__(self, stated: Mapping[str, Sequence[Any]], places: range) -> None:
        self._stated = stated
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [_spelled(self._stated, place) for place in self._places[at]]
        return _spelled(self._stated, self._places[at])


def _spelled(stated: Mapping[str, Sequence[Any]], row: int) -> bytes:
    """A row as the JSON record it stands for. Bytes that are no UTF-8 stay what they are, for the codec to see."""
    values = {name: column[row] for name, column in stated.items() if column[row] is not None}
    if PAYLOAD in values:
        return _bytes(values[PAYLOAD])
    for name in TIMES:
        if name in values:
            values[name] = f"{np.datetime64(values[name], 'us')}Z"
    attributes = values.pop(ATTRIBUTES, None)
    if attributes is not None and not _is_one_value(attributes):
        attributes = json.dumps(attributes, ensure_ascii=False)
    envelope = _bytes(json.dumps(values, ensure_ascii=False, separators=(",", ":")))
    if attributes is None:
        return envelope
    return b'%b%b"attributes":%b}' % (envelope[:-1], b"," if values else b"", _bytes(attributes))


def _is_one_value(text: str) -> bool:
    """Whether `text` can stand for one value in JSON: other text could end the attributes and state what it likes."""
    try:
        _one_value(_bytes(text))
    except UNREADABLE:
        return False
    return True


def _shown(name: str) -> str:
    """As `Share.takes` reads a name: bytes that are no UTF-8 are replaced."""
    return name if name.isascii() else _bytes(name).decode("utf-8", "replace")


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _check(path: Path, schema: Any) -> None:
    missing = [name for name in NEEDED if name not in schema.names]
    if missing:
        names = ", ".join(missing)
        raise LogError(
            f"{path} 不是本产品的事件日志:缺少列 {names};其他日志请用 --mapping 指定映射",
            f"{path} is no log of our events: it lacks {names}; for another log give a mapping with --mapping",
        )
    twice = [name for name, count in Counter(schema.names).items() if count > 1 and name in _MUST_BE]
    if twice:
        names = ", ".join(twice)
        raise LogError(f"{path}:列 {names} 出现了两次", f"{path} has column {names} twice")
    for field in schema:
        if field.name in _MUST_BE and not _is_usable(field.name, field.type):
            zh, en = _MUST_BE[field.name]
            raise LogError(
                f"{path}:列 {field.name} 的类型是 {field.type},应为{zh};见 streams/sources/README.md",
                f"{path}: column {field.name} is {field.type} but must be {en}; see streams/sources/README.md",
            )


def _is_usable(name: str, kind: Any) -> bool:
    if name in TIMES:
        return bool(pa.types.is_int64(kind) or (pa.types.is_timestamp(kind) and kind.tz is not None))
    if name in {AMOUNT, VERSION}:
        return bool((pa.types.is_integer(kind) and kind != pa.uint64()) or pa.types.is_null(kind))
    if pa.types.is_null(kind):
        return name not in NEEDED
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return kind in {pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary()}


class _Coded(NamedTuple):
    """A column of which there are few values: those, and for each row the place of its own."""

    values: NDArray[np.object_]
    places: NDArray[np.int64]

    def of(self, cut: slice) -> list[Any]:
        """The values of some rows."""
        taken: list[Any] = self.values[self.places[cut]].tolist()
        return taken


class _Numbers(NamedTuple):
    """A column of numbers; None in rows that are not `valid`, which is None when all are."""

    numbers: NDArray[np.int64]
    valid: _Mask | None = None

    def of(self, cut: slice) -> list[Any]:
        """The values of some rows."""
        values: list[Any] = self.numbers[cut].tolist()
        if self.valid is None:
            return values
        return [value if is_valid else None for value, is_valid in zip(values, self.valid[cut], strict=True)]


class _Columns:
    """The columns of a batch, each judged on its own; what does not come again and again only when it is asked for."""

    def __init__(self, batch: Any) -> None:
        self._ids: dict[str, Any] = {}
        self._others: dict[str, Any] = {}
        """Columns that need no judgement, or none here."""
        self._words: dict[str, _Coded] = {}
        self._times: dict[str, _Numbers] = {}
        self._made: dict[str, _Coded | _Numbers] = {}
        """What events have instead of what is stated: times, attributes, words with a default."""
        self._doubtful: _Mask = np.zeros(batch.num_rows, dtype=bool)
        for name in batch.schema.names:
            column = batch.column(name)
            if name in NEEDED:
                self._doubtful |= ~_is_valid(column)
            if column.null_count < len(column):
                self._take(name, column)
        self._judge_times(*(self._take_time(name, batch.column(name)) for name in TIMES))
        self._judge_attributes(batch.num_rows)

    def rows(self, cut: slice) -> _Rows:
        """Some rows as lists, and their events."""
        judged: dict[str, _Coded | _Numbers] = {**self._words, **self._times}
        stated = {name: column.of(cut) for name, column in judged.items()}
        stated |= {name: column[cut].to_pylist() for name, column in self._others.items()}
        doubtful = self._doubtful[cut].copy()
        for name, column in self._ids.items():
            part = column[cut]
            stated[name] = values = _texts(part)
            if not tabled.all_fit(name, _texts(part.drop_null()) if part.null_count else values):
                doubtful |= [value is not None and not tabled.fits(name, value) for value in values]
        made = {name: column.of(cut) for name, column in self._made.items()}
        events: list[PlainEvent | None] = list(tabled.events_of({**stated, **made}))
        for row in np.flatnonzero(doubtful).tolist():
            events[row] = None
        return _Rows(stated, events)

    def _take(self, name: str, column: Any) -> None:
        if name == PAYLOAD:
            self._others[name] = column.cast(pa.large_binary())
            self._doubtful |= _is_valid(column)
        elif name == AMOUNT:
            self._others[name] = column
            self._doubtful |= _numbers(column, 0) < 0
        elif name == VERSION:
            self._others[name] = column
            self._doubtful |= _numbers(column, CURRENT_VERSION) != CURRENT_VERSION
        elif name in WORDS or pa.types.is_dictionary(column.type):
            self._judge_words(name, column)
        elif name in IDS:
            self._ids[name] = column

    def _judge_words(self, name: str, column: Any) -> None:
        coded = column.dictionary_encode()
        texts = _texts(coded.dictionary)
        places = _numbers(coded.indices, len(texts))
        self._words[name] = _Coded(_objects([*texts, None]), places)
        if name in {"event_type", ATTRIBUTES}:
            return  # judged together
        if not tabled.all_fit(name, texts):
            self._doubtful |= np.array([*(not tabled.fits(name, text) for text in texts), False])[places]
        if name in DEFAULTS:
            self._made[name] = _Coded(_objects([*texts, DEFAULTS[name]]), places)

    def _take_time(self, name: str, column: Any) -> NDArray[np.int64]:
        """A time of the envelope in us since 1970."""
        us = _numbers(column, 0)
        unit = column.type.unit if pa.types.is_timestamp(column.type) else "ms"
        to_us = {"ms": 1_000, "us": 1, "ns": 0}[unit]  # Parquet has no seconds
        us = us.clip(-_FURTHEST_US // to_us, _FURTHEST_US // to_us) * to_us if to_us else us // 1000
        self._times[name] = _Numbers(us, _is_valid(column) if column.null_count else None)
        return us

    def _judge_times(self, occurred: NDArray[np.int64], recorded: NDArray[np.int64]) -> None:
        lag = recorded - occurred
        occurred_ms = occurred // 1000
        self._doubtful |= (occurred_ms < EARLIEST_MS) | (occurred_ms > NEAR_THE_END_MS)
        self._doubtful |= (lag < 0) | (lag > _USUAL_LAG_US)
        self._made["occurred_us"], self._made["recorded_us"] = _Numbers(occurred), _Numbers(recorded)
        self._made["occurred_ms"] = _Numbers(occurred_ms)

    def _judge_attributes(self, rows: int) -> None:
        """Each pair of event type and attributes is read once, however many rows have it."""
        nothing = _Coded(_objects([None]), np.zeros(rows, np.int64))
        (types, of_types), (texts, of_texts) = (self._words.get(name, nothing) for name in ("event_type", ATTRIBUTES))
        distinct, places = np.unique(of_types * len(texts) + of_texts, return_inverse=True)
        pairs = zip(types[distinct // len(texts)].tolist(), texts[distinct % len(texts)].tolist(), strict=True)
        made = [tabled.attributes_of(event_type, stated) for event_type, stated in pairs]
        self._made[ATTRIBUTES] = _Coded(_objects(made), places)
        self._doubtful |= np.array([one is None for one in made], dtype=bool)[places]


def _without_views(batch: Any) -> Any:
    """The batch with texts of the usual kind: for views Arrow cannot do all that is done here."""
    if pa.string_view() not in batch.schema.types:
        return batch
    kinds = [field.with_type(pa.large_string()) if field.type == pa.string_view() else field for field in batch.schema]
    return batch.cast(pa.schema(kinds))


def _objects(values: Sequence[Any]) -> NDArray[np.object_]:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def _texts(column: Any) -> list[Any]:
    """Texts, also where the table has bytes; what is no UTF-8 keeps its bytes as lone surrogates, which fit nowhere."""
    if not pa.types.is_binary(column.type) and not pa.types.is_large_binary(column.type):
        try:
            texts: list[Any] = column.to_pylist()
        except UnicodeDecodeError:
            column = column.cast(pa.large_binary())
        else:
            return texts
    return [None if one is None else one.decode("utf-8", "surrogateescape") for one in column.to_pylist()]


def _numbers(column: Any, otherwise: int) -> NDArray[np.int64]:
    """A column as 64-bit numbers, `otherwise` where it states none. Arrow's own way would import pandas first, where
    there is one."""
    whole = column.cast(pa.int64())
    numbers = np.frombuffer(whole.buffers()[1], np.int64)[whole.offset : whole.offset + len(whole)]
    return np.where(_is_valid(whole), numbers, otherwise) if whole.null_count else numbers


def _is_valid(column: Any) -> _Mask:
    valid = column.is_valid()
    bits = np.unpackbits(np.frombuffer(valid.buffers()[1], np.uint8), bitorder="little")
    return bits[valid.offset : valid.offset + len(valid)].astype(bool)
