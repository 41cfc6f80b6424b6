"""What a partition may commit when something failed before."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from streams.live import partition as module
from streams.live.partition import Common, LivePartition
from streams.live.settings import LiveSettings


class _Anything:
    """Answers every question with itself."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: _Anything()


class _Handover(_Anything):
    def __init__(self) -> None:
        self.written: list[dict[str, int]] = []

    async def write(self, checkpoint: Any, applied: int, mirror: Any, offsets: dict[str, int], rounds: Any) -> Any:
        self.written.append(offsets)
        return mirror


class _Effects:
    async def send(self, delivery: Any, partition: int) -> list[Any]:
        return []


def _record(offset: int) -> SimpleNamespace:
    return SimpleNamespace(offset=offset, timestamp=1, timestamp_type=0, value=b"x", key=b"k", headers=())


def _partition(handover: Any) -> LivePartition:
    store: Any = SimpleNamespace(load=lambda: SimpleNamespace(applied=0), commit_mirrored=lambda *_: None)
    taken_over: Any = SimpleNamespace(mirror=SimpleNamespace(offsets={"t": 0}))
    anything: Any = _Anything()
    effects: Any = _Effects()
    return LivePartition(0, anything, store, handover, taken_over, None, Common(effects, LiveSettings(), anything))


def test_what_failed_half_way_is_neither_committed_nor_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    portions = iter([[], [], TypeError("cannot be decoded")])

    def taken_in(origin: str, records: Any) -> list[Any]:
        portion = next(portions)
        if isinstance(portion, Exception):
            raise portion
        return portion

    monkeypatch.setattr(module, "taken_in", taken_in)
    acked: list[str] = []
    handover = _Handover()

    async def take_and_commit() -> list[Any]:
        partition = _partition(handover)
        await partition.take("t", [_record(offset) for offset in range(10)], lambda: acked.append("first"))
        failing = partition.take("t", [_record(offset) for offset in range(10, 1_010)], lambda: acked.append("second"))
        return await asyncio.gather(failing, partition.commit(), return_exceptions=True)

    failed, refused = asyncio.run(take_and_commit())
    assert isinstance(failed, TypeError)
    assert isinstance(refused, RuntimeError)
    assert handover.written == []
    assert acked == []
