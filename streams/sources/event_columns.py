"""Events in a Parquet table with a column for each field of the envelope and `attributes` as JSON text.

Most rows become events without a detour over JSON, judged column by column. A row with anything unusual is spelled as
JSON for the codec to judge; so is what stands in `payload`, the column for records that fit into no others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas import tabled
from schemas.codec import EARLIEST_MS, NEAR_THE_END_MS, USUAL_LAG
from schemas.plain import PlainEvent
from schemas.tabled import AMOUNT, ATTRIBUTES, DEFAULTS, IDS, NEEDED, PAYLOAD, TIMES, WORDS
from schemas.times import DAY
from streams.sources.faults import LogError
from streams.sources.parquet import mask, open_parquet
from streams.sources.rows import Records
from streams.sources.sharing import WHOLE, Share

_ROWS = 1 << 15
"""Rows turned at once: what is made of them stays in the processor's cache."""
_USUAL_LAG_US = USUAL_LAG.days * DAY * 1000
_MUST_BE = {
    **dict.fromkeys((*IDS, *WORDS, PAYLOAD), ("文本", "text")),
    **dict.fromkeys(
        TIMES, ("带时区的时间,或 1970 年以来的毫秒数", "a time with a time zone, or whole milliseconds since 1970")
    ),
    AMOUNT: ("整数", "a whole number"),
}
_FURTHEST_MS = 1 << 52
"""Times beyond are no times; these many ms can still be counted in us."""
_TEXTS = {*IDS, *WORDS} - {"event_type", ATTRIBUTES}
_CODED = (*WORDS, "customer_id", "account_id", "line_id")
"""Columns of texts that come again and again: each text is made and judged once."""
_Mask = NDArray[np.bool_]


class EventColumns:
    """A Parquet log of events by columns; `position` is the row, from 1. Columns of other names are passed over."""

    def __init__(self, path: Path, file: Any) -> None:
        self.read = 0
        self._origin = path.name
        self.total_rows: int | None = file.metadata.num_rows
        self._names = [name for name in file.schema_arrow.names if name in _MUST_BE]
        _check(path, file.schema_arrow)
        self._file = open_parquet(path, _CODED)

    def fraction(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self.read / (self.total_rows or 1)

    def batches(self, size: int, share: Share = WHOLE) -> Iterator[Records]:
        """See LogSource; fewer where a row group ends."""
        for batch in self._file.iter_batches(max(size, _ROWS), columns=self._names, use_threads=share == WHOLE):
            positions: Sequence[int] = range(self.read + 1, self.read + 1 + batch.num_rows)
            self.read += batch.num_rows
            if share != WHOLE:
                own = self._own(batch, share)
                positions = (np.flatnonzero(own) + positions[0]).tolist()
                batch = batch.filter(mask(own))  # noqa: PLW2901 - the whole one is not needed any more
            rows = _rows(batch)
            for start in range(0, len(positions), size):
                cut = slice(start, start + size)
                spelled = _Spelled(rows.stated, range(len(positions))[cut])
                yield Records(spelled, self._origin, positions[cut], rows.events[cut])

    @staticmethod
    def _own(batch: Any, share: Share) -> _Mask:
        """For each row whether it is of `share`: each customer is asked once, a row without one is spelled and read."""
        customers = batch.column("customer_id").dictionary_encode()
        names = _texts(customers.dictionary)
        known = np.array([share.has(name or "") for name in names] or [False])
        own: _Mask = known[_numbers(customers.indices, 0)]
        if customers.null_count:
            nameless = ~_is_valid(customers)
            rows = _rows(batch.filter(mask(nameless)))
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
    envelope = _bytes(json.dumps(values, ensure_ascii=False, separators=(",", ":")))
    return envelope if attributes is None else envelope[:-1] + b',"attributes":' + _bytes(attributes) + b"}"


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
    if name == AMOUNT:
        return bool(pa.types.is_integer(kind) and kind != pa.uint64())
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    types = pa.types
    return any(
        is_text(kind) for is_text in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    )


def _rows(batch: Any) -> _Rows:
    """A batch as lists, and its events."""
    columns = _Columns(batch)
    return _Rows(columns.stated, columns.events())


class _Columns:
    """The columns of a batch as lists, each judged on its own, and the rows that need another look."""

    def __init__(self, batch: Any) -> None:
        self.stated: dict[str, Sequence[Any]] = {}
        self._made: dict[str, Sequence[Any]] = {}
        """What events have instead of what is stated: times, attributes, words with a default."""
        self._doubtful: _Mask = np.zeros(batch.num_rows, dtype=bool)
        for name in batch.schema.names:
            column = batch.column(name)
            if name in NEEDED:
                self._doubtful |= ~_is_valid(column)
            if column.null_count == len(column):
                continue
            if name == PAYLOAD:
                self.stated[name] = column.cast(pa.large_binary()).to_pylist()
                self._doubtful |= _is_valid(column)
            elif name == AMOUNT:
                self._judge_amounts(column)
            elif name in _TEXTS:
                self._judge_texts(name, column)
        self._judge_times(*(self._times(name, batch.column(name)) for name in TIMES))
        has_attributes = ATTRIBUTES in batch.schema.names
        self._judge_attributes(
            _Words(batch.column("event_type")), _Words(batch.column(ATTRIBUTES)) if has_attributes else None
        )

    def events(self) -> list[PlainEvent | None]:
        """Of each row its event, None for a doubtful one."""
        events: list[PlainEvent | None] = list(tabled.events_of({**self.stated, **self._made}))
        for row in np.flatnonzero(self._doubtful).tolist():
            events[row] = None
        return events

    def _judge_texts(self, name: str, column: Any) -> None:
        if pa.types.is_dictionary(column.type) or name in WORDS:
            self._judge_words(name, _Words(column))
            return
        self.stated[name] = values = _texts(column)
        if not tabled.all_fit(name, _texts(column.drop_null()) if column.null_count else values):
            self._doubtful |= [value is not None and not tabled.fits(name, value) for value in values]

    def _judge_words(self, name: str, words: _Words) -> None:
        self.stated[name] = words.of_rows(words.texts)
        if not tabled.all_fit(name, words.stated):
            fit = [text is None or tabled.fits(name, text) for text in words.texts]
            self._doubtful |= ~np.array(fit)[words.of_row]
        if name in DEFAULTS:
            self._made[name] = words.of_rows([DEFAULTS[name] if text is None else text for text in words.texts])

    def _judge_amounts(self, column: Any) -> None:
        self.stated[AMOUNT] = column.to_pylist()
        self._doubtful |= _numbers(column, 0) < 0

    def _times(self, name: str, column: Any) -> NDArray[np.int64]:
        """A time of the envelope in us since 1970."""
        if pa.types.is_timestamp(column.type):
            us = _numbers(column.cast(pa.timestamp("us", column.type.tz), safe=False), 0)
        else:
            us = _numbers(column, 0).clip(-_FURTHEST_MS, _FURTHEST_MS) * 1000
        valid = _is_valid(column)
        stated = us.tolist()
        self.stated[name] = (
            stated if valid.all() else [at if own else None for at, own in zip(stated, valid, strict=True)]
        )
        return us

    def _judge_times(self, occurred: NDArray[np.int64], recorded: NDArray[np.int64]) -> None:
        lag = recorded - occurred
        occurred_ms = occurred // 1000
        self._doubtful |= (occurred_ms < EARLIEST_MS) | (occurred_ms > NEAR_THE_END_MS)
        self._doubtful |= (lag < 0) | (lag > _USUAL_LAG_US)
        self._made["occurred_us"], self._made["recorded_us"] = occurred.tolist(), recorded.tolist()
        self._made["occurred_ms"] = occurred_ms.tolist()

    def _judge_attributes(self, types: _Words, attributes: _Words | None) -> None:
        """Each pair of event type and attributes is read once, however many rows have it."""
        self.stated["event_type"] = types.of_rows(types.texts)
        texts: Sequence[str | None] = [None]
        pairs = types.of_row
        if attributes is not None:
            texts = attributes.texts
            self.stated[ATTRIBUTES] = attributes.of_rows(texts)
            pairs = pairs * len(texts) + attributes.of_row
        distinct, of_row = np.unique(pairs, return_inverse=True)
        made = [
            tabled.attributes_of(types.texts[pair // len(texts)], texts[pair % len(texts)])
            for pair in distinct.tolist()
        ]
        self._made[ATTRIBUTES] = _taken(made, of_row)
        fit = [one is not None for one in made]
        if not all(fit):
            self._doubtful |= ~np.array(fit)[of_row]


class _Words:
    """A column of few texts: the distinct ones (None is among them), and for each row the place of its own."""

    def __init__(self, column: Any) -> None:
        coded = column.dictionary_encode()
        self.stated = _texts(coded.dictionary)
        self.texts: list[str | None] = [*self.stated, None]
        self.of_row = _numbers(coded.indices, len(self.stated))

    def of_rows(self, values: Sequence[Any]) -> list[Any]:
        """`values`, one for each distinct text, for each row."""
        return _taken(values, self.of_row)


def _taken(values: Sequence[Any], places: NDArray[np.int64]) -> list[Any]:
    of_objects = np.empty(len(values), dtype=object)
    of_objects[:] = values
    taken: list[Any] = of_objects[places].tolist()
    return taken


def _texts(column: Any) -> list[str | None]:
    """Texts, also where the table has bytes; what is no UTF-8 keeps its bytes as lone surrogates, which fit nowhere."""
    if not pa.types.is_binary(column.type) and not pa.types.is_large_binary(column.type):
        try:
            texts: list[str | None] = column.to_pylist()
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
