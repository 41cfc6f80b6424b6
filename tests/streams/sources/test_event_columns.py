"""Events by columns say what the same events say as JSON, the odd ones included."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import tabled
from schemas.codec import decode, encode, read_event
from schemas.deadletters import DeadLetter, Reason
from schemas.envelope import Event
from schemas.events import EVENT_TYPES
from schemas.examples import example_of
from schemas.inspection import IDENTIFIERS, LABELS
from schemas.plain import PlainEvent
from schemas.times import EPOCH
from streams.simulator.config import SimulationConfig
from streams.simulator.output import write_log
from streams.simulator.simulation import Simulation
from streams.sources.faults import LogError
from streams.sources.logs import LogSource, open_log
from streams.sources.sharing import WHOLE, Share

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "event_id": "E-1",
    "event_type": "charge.rated",
    "occurred_at": AT,
    "recorded_at": AT + timedelta(seconds=1),
    "customer_id": "C-1",
    "amount_minor": 1250,
    "currency": "CNY",
    "attributes": '{"kind":"data"}',
}
KINDS = {
    **dict.fromkeys((*tabled.IDS, *tabled.WORDS), pa.string()),
    **dict.fromkeys(tabled.TIMES, pa.timestamp("us", "UTC")),
    tabled.AMOUNT: pa.int64(),
    tabled.VERSION: pa.int16(),
    tabled.PAYLOAD: pa.binary(),
}
ODD_TEXTS = (
    None, "", " ", "x", "x" * 64, "x" * 128, "x" * 129, "normal", "app", "CN", "XTS", "CNY", "a:b", 'a"b', "a\\b",
    "a b", " a", "深圳", "ａ", "a\u202eb", "a\x00b", "a\nb", "a\x7f", "🙂", "null", "{}", "charge.rated",
    "order.created", "clock.tick",
)  # fmt: skip
ODD_ATTRIBUTES = (
    None, "", "{}", "null", "[]", "1", '"x"', "{", '{"kind":"data"}x', '{"kind":"data","kind":"voice"}',
    '{"kind":null}', '{"kind":"data","new":1}', ' {"kind" : "data"} ', '{"kind":"a\\u0062"}', '{"kind":"refund"}',
    '{"kind":"data","roaming":1}', '{"kind":"data","country":"XX"}', '{"kind":"data"},"customer_id":"C-2"',
    '{"kind":"' + "x" * 5000 + '"}', '{"kind":1e999}', '{"kind":"data"},"tier":"diamond","amount_minor":5',
    '{"kind":"data"}}', '"},"tier":"diamond"', "1,2", "tru", "NaN", "[" * 5000, '{"k":"\x01"}',
)  # fmt: skip
ODD_BILLS = tuple(
    f'{{"period_start":"{at}","period_end":"2026-02-28T16:00:00Z"}}'
    for at in (
        "2026-01-31T16:00:00Z", "2026-02-01T00:00:00+08:00", "2026-01-31T16:00:00.1234567Z", "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z", "2026-02-01", "2026-02-01T00:00:00", "",
    )
)  # fmt: skip
ODD_TIMES = (
    None, AT, AT - timedelta(minutes=6), AT - timedelta(days=100), AT + timedelta(minutes=4), AT + timedelta(minutes=6),
    datetime(1989, 12, 31, tzinfo=UTC), datetime(2200, 12, 31, 23, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), AT + timedelta(microseconds=1),
)  # fmt: skip


def table(rows: list[dict[str, Any]], path: Path, **kinds: Any) -> Path:
    """`rows` as a Parquet file with the columns that any of them states."""
    named = {**KINDS, **kinds}
    names = [name for name in named if any(name in row for row in rows)]
    columns = {name: pa.array([row.get(name) for row in rows], named[name]) for name in names}
    pq.write_table(pa.table(columns), path)
    return path


def decoded(log: LogSource, size: int = 500, share: Share = WHOLE) -> list[tuple[int, Any]]:
    """Each record with its row, as a runner that needs no bytes gets it."""
    return [pair for batch in log.batches(size, share) for pair in zip(batch.positions, batch.decoded(), strict=True)]


def as_json(row: dict[str, Any]) -> bytes:
    """The record that a row stands for, spelled without the code under test."""
    if row.get("payload") is not None:
        return bytes(row["payload"])
    stated = {name: value for name, value in row.items() if value is not None and name != "attributes"}
    for name in tabled.TIMES:
        if name in stated:
            moment = EPOCH + (stated[name] - EPOCH)
            stated[name] = f"{moment.year:04d}{moment.isoformat(timespec='microseconds')[4:-6]}Z"
    attributes = row.get("attributes")
    if attributes is not None and not is_json(attributes):
        stated["attributes"] = attributes  # a text where an object must stand
        attributes = None
    if attributes is None:
        return json.dumps(stated, ensure_ascii=False).encode()
    spelled = json.dumps({**stated, "attributes": "here they stand"}, ensure_ascii=False)
    return spelled.replace('"here they stand"', attributes).encode()


def is_json(text: str) -> bool:
    """Whether `text` is one value, which NaN is not."""
    try:
        json.loads(text, parse_constant=int)
    except (ValueError, RecursionError):
        return False
    return True


def same(found: Any, raw: bytes) -> None:
    """Fails unless `found` says what the codec reads in `raw`: the event, or the reason why there is none."""
    expected = decode(raw)
    if isinstance(expected, DeadLetter):
        assert isinstance(found, DeadLetter), raw
        assert (found.reason, found.detail, found.field) == (expected.reason, expected.detail, expected.field), raw
    else:
        whole = found.whole() if isinstance(found, PlainEvent) else found
        assert whole == expected, raw
        assert encode(found) == encode(expected)
        assert found.occurred_ms == expected.occurred_ms


def odd_rows() -> list[dict[str, Any]]:
    texts = [{**GOOD, name: odd} for name in (*tabled.IDS, *tabled.WORDS) if name != "attributes" for odd in ODD_TEXTS]
    attributes = [
        {**GOOD, "event_type": kind, "attributes": odd}
        for kind in ("charge.rated", "store.visited", "bill.issued")
        for odd in ODD_ATTRIBUTES
    ]
    attributes += [{**GOOD, "event_type": "bill.issued", "attributes": odd} for odd in ODD_BILLS]
    attributes += [{**GOOD, "schema_version": odd} for odd in (0, 1, 2, 99, -1)]
    attributes += [{"attributes": "{}"}, {"attributes": "[]", "event_id": "E-1"}]
    nameless = {"tier": None, "amount_minor": None, "currency": None, "customer_id": None}
    attributes.append({**GOOD, **nameless, "attributes": '{"kind":"data"},"customer_id":"OTHER","amount_minor":5'})
    times = [{**GOOD, name: odd} for name in tabled.TIMES for odd in ODD_TIMES]
    both = [{**GOOD, **dict.fromkeys(tabled.TIMES, odd)} for odd in ODD_TIMES]
    amounts = [{**GOOD, "amount_minor": odd} for odd in (None, 0, -1, 2**63 - 1, -(2**63))]
    refunds = [{**row, "attributes": '{"kind":"refund"}'} for row in amounts]
    payloads = [{**GOOD, "payload": odd} for odd in (b"", b"{}", b"no json", encode(example_of("order.created")))]
    return [*texts, *attributes, *times, *both, *amounts, *refunds, *payloads]


def test_odd_values_are_judged_as_in_json_whatever_stands_beside_them(tmp_path: Path) -> None:
    rows = [row for odd in odd_rows() for row in (GOOD, odd)]
    log = open_log(table(rows, tmp_path / "log.parquet"))
    found = decoded(log)
    assert [position for position, _ in found] == list(range(1, len(rows) + 1))
    for row, (_, one) in zip(rows, found, strict=True):
        same(one, as_json(row))
    assert sum(isinstance(one, PlainEvent) for _, one in found) > len(rows) / 2


def test_a_row_alone_is_judged_as_among_others(tmp_path: Path) -> None:
    for number, row in enumerate(odd_rows()[::7]):
        ((_, found),) = decoded(open_log(table([row], tmp_path / f"{number}.parquet")))
        same(found, as_json(row))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*tabled.IDS, *tabled.WORDS]), st.text(max_size=4)), min_size=1, max_size=6))
def test_any_text_in_any_column(tmp_path_factory: pytest.TempPathFactory, odd: list[tuple[str, str]]) -> None:
    rows = [{**GOOD, name: text} for name, text in odd]
    path = table(rows, tmp_path_factory.mktemp("log") / "log.parquet")
    for row, (_, found) in zip(rows, decoded(open_log(path)), strict=True):
        same(found, as_json(row))


@pytest.mark.parametrize("size", [1, 7, 500])
def test_every_type_of_event_comes_back_without_a_detour(tmp_path: Path, size: int) -> None:
    rows = []
    for event_type in EVENT_TYPES:
        event = example_of(event_type)
        stated = event.model_dump(exclude={"schema_version", "attributes"}, exclude_none=True)
        rows.append({**stated, "attributes": event.attributes.model_dump_json(exclude_none=True)})
    for row, (_, found) in zip(rows, decoded(open_log(table(rows, tmp_path / "log.parquet")), size), strict=True):
        assert isinstance(found, PlainEvent), row["event_type"]
        same(found, as_json(row))
        event = example_of(row["event_type"])
        assert (found.recorded_ms, getattr(found, "recorded_at")) == (event.recorded_ms, event.recorded_at)  # noqa: B009


def test_a_simulated_log_says_the_same_in_parquet_and_in_lines(tmp_path: Path) -> None:
    config = SimulationConfig(customers=150, days=40, malformed=0.02)
    lines = [line for part in Simulation(config).slices() for line in part.lines]
    write_log(config, tmp_path / "log.parquet")
    found = decoded(open_log(tmp_path / "log.parquet"))
    for line, (_, one) in zip(lines, found, strict=True):
        same(one, line)
    letters = [one for _, one in found if isinstance(one, DeadLetter)]
    assert len(letters) > 10
    assert {letter.origin for letter in letters} == {"log.parquet"}
    records = [record for batch in open_log(tmp_path / "log.parquet").batches(500) for record in batch]
    for line, record in zip(lines, records, strict=True):
        assert isinstance(record.raw, bytes)
        expected = decode(line)
        assert decode(record.raw) == expected if isinstance(expected, Event) else record.raw == line


@pytest.mark.parametrize("of", [2, 3])
def test_each_row_belongs_to_one_share(tmp_path: Path, of: int) -> None:
    rows = [{**GOOD, "event_id": f"E{n}", "customer_id": f"C{n % 9}"} for n in range(50)]
    rows[7]["customer_id"] = None
    rows[9] = {"payload": b'{"event_type":"clock.tick","occurred_at":"2026-03-01T12:00:00Z"}'}
    rows[11] = {"payload": as_json({**GOOD, "customer_id": "C3"})}
    rows[12] = {**GOOD, "customer_id": "of the row", "payload": rows[11]["payload"]}
    path = table(rows, tmp_path / "log.parquet")
    shares = [[position for position, _ in decoded(open_log(path), 7, Share(number, of))] for number in range(of)]
    assert all(10 in positions for positions in shares)
    assert sorted(p for positions in shares for p in positions if p != 10) == [p for p in range(1, 51) if p != 10]
    for number, positions in enumerate(shares):
        assert all(Share(number, of).has(rows[p - 1]["customer_id"]) for p in positions if p not in (8, 10, 12, 13))
        assert ({12, 13} <= {*positions}) == Share(number, of).has("C3")
    assert 8 in shares[0]


@pytest.mark.parametrize(
    "kinds",
    [
        {"customer_id": pa.dictionary(pa.int32(), pa.string()), "region": pa.dictionary(pa.int8(), pa.string())},
        {"event_id": pa.large_string(), "event_type": pa.binary(), "attributes": pa.large_binary()},
        {"source": pa.null(), "department": pa.null()},
        dict.fromkeys(("event_id", "customer_id", "region", "attributes", "order_id"), pa.string_view()),
        {
            "occurred_at": pa.timestamp("ns", "Asia/Shanghai"),
            "recorded_at": pa.timestamp("s", "UTC"),
            "amount_minor": pa.int32(),
        },
    ],
)
def test_other_types_of_column_say_the_same(tmp_path: Path, kinds: dict[str, Any]) -> None:
    rows = [GOOD, {**GOOD, "region": "深圳", "event_id": "E-2", "order_id": "O-1"}, {**GOOD, "event_id": None}]
    shares = [decoded(open_log(table(rows, tmp_path / "log.parquet", **kinds)), share=Share(at, 2)) for at in (0, 1)]
    assert sorted(position for share in shares for position, _ in share) == [1, 2, 3]
    for row, (_, found) in zip(rows, decoded(open_log(table(rows, tmp_path / "log.parquet", **kinds))), strict=True):
        same(found, as_json(row))


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])  # Parquet has no seconds
def test_no_time_is_too_far_away(tmp_path: Path, unit: str) -> None:
    plausible = int(AT.timestamp()) * 1_000_000  # in us; times that would wrap around to it are among the odd ones
    step = 1_000 if unit == "ms" else 1
    wrapped = [(plausible + turn * 2**64) // step for turn in (1, -1)]
    odd = [at for at in (*wrapped, 2**63 - 1, -(2**63), 0) if -(2**63) <= at < 2**63]
    columns = {key: pa.array([value] * len(odd), KINDS[key]) for key, value in GOOD.items()}
    columns |= {name: pa.array(odd, pa.timestamp(unit, "UTC")) for name in tabled.TIMES}
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    found = [one for _, one in decoded(open_log(tmp_path / "log.parquet"))]
    assert {letter.reason for letter in found} == {Reason.IMPLAUSIBLE_TIME}


def test_a_column_that_stands_twice_is_named(tmp_path: Path) -> None:
    once = pa.table({key: pa.array([value], KINDS[key]) for key, value in GOOD.items()})
    pq.write_table(once.append_column("event_id", pa.array(["E-2"])), tmp_path / "log.parquet")
    with pytest.raises(LogError, match="has column event_id twice"):
        open_log(tmp_path / "log.parquet")


def test_a_log_without_rows_has_none(tmp_path: Path) -> None:
    path = table([GOOD], tmp_path / "log.parquet")
    pq.write_table(pq.read_table(path).slice(0, 0), tmp_path / "none.parquet")
    for share in (WHOLE, Share(1, 2)):
        assert decoded(open_log(tmp_path / "none.parquet"), share=share) == []


def test_times_may_be_milliseconds_and_none_is_too_odd(tmp_path: Path) -> None:
    ms = int(AT.timestamp() * 1000)
    rows = [{**GOOD, "occurred_at": at, "recorded_at": at} for at in (ms, 0, -1, 2**63 - 1, -(2**63), None)]
    path = table(rows, tmp_path / "log.parquet", occurred_at=pa.int64(), recorded_at=pa.int64())
    good, *bad = [found for _, found in decoded(open_log(path))]
    same(good, as_json({**GOOD, "recorded_at": AT}))
    assert [letter.reason for letter in bad] == [*[Reason.IMPLAUSIBLE_TIME] * 4, Reason.MISSING_FIELD]


@pytest.mark.parametrize("name", [*tabled.IDS, *tabled.WORDS])
def test_bytes_that_are_no_utf8_become_a_dead_letter(tmp_path: Path, name: str) -> None:
    spoiled = b'{"kind":"\xff"}' if name == "attributes" else b"a\xff"
    columns = {key: pa.array([value] * 3, KINDS[key]) for key, value in GOOD.items()}
    good = None if GOOD.get(name) is None else GOOD[name].encode()
    columns[name] = pa.array([good, spoiled, good], pa.binary()).view(pa.string())
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    found = [one for _, one in decoded(open_log(tmp_path / "log.parquet"))]
    assert [isinstance(one, PlainEvent) for one in found] == [True, False, True]
    assert found[1].reason is Reason.NOT_UTF8
    shares = [decoded(open_log(tmp_path / "log.parquet"), share=Share(number, 2)) for number in range(2)]
    assert sorted(position for share in shares for position, _ in share) == [1, 2, 3]


def test_no_column_of_texts_escapes_the_look_at_its_characters() -> None:
    judged_otherwise = {"event_type", "tier", "channel", "currency", "attributes"}
    assert {*tabled.IDS, *tabled.WORDS} - judged_otherwise <= {*IDENTIFIERS, *LABELS}


@pytest.mark.parametrize("share", [WHOLE, Share(0, 2)])
def test_a_damaged_file_is_named(tmp_path: Path, share: Share) -> None:
    path = table([{**GOOD, "event_id": f"E-{number}"} for number in range(5_000)], tmp_path / "log.parquet")
    data = bytearray(path.read_bytes())
    data[4:2_000] = b"\xff" * 1_996
    path.write_bytes(data)
    with pytest.raises(LogError, match=r"log\.parquet is damaged"):
        decoded(open_log(path), share=share)


def test_what_a_row_says_is_spelled_for_those_who_need_bytes(tmp_path: Path) -> None:
    path = table([GOOD, {**GOOD, "event_type": "no.such"}], tmp_path / "log.parquet")
    ((first, second),) = [list(batch) for batch in open_log(path).batches(500)]
    assert isinstance(first.raw, bytes)
    assert read_event(first.raw).event_id == "E-1"  # type: ignore[union-attr]
    assert json.loads(second.raw)["event_type"] == "no.such"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kinds", "says"),
    [
        ({"occurred_at": pa.timestamp("us")}, r"occurred_at is timestamp\[us\] but must be a time with a time zone"),
        ({"occurred_at": pa.string()}, "occurred_at is string but must be a time"),
        ({"amount_minor": pa.float64()}, "amount_minor is double but must be a whole number"),
        ({"customer_id": pa.int64()}, "customer_id is int64 but must be text"),
        ({"attributes": pa.struct([("kind", pa.string())])}, "attributes is struct.* but must be text"),
    ],
)
def test_a_column_of_another_type_is_named(tmp_path: Path, kinds: dict[str, Any], says: str) -> None:
    row = dict(GOOD)
    for name, kind in kinds.items():
        row[name] = pa.scalar(None, kind).as_py()
    path = table([row], tmp_path / "log.parquet", **kinds)
    with pytest.raises(LogError, match=says):
        open_log(path)
