"""Every state store keeps the same promises; a new one joins by a line in STORES."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from journeys.kpis import KpiChanges
from streams.engine.effects import Checkpoint
from streams.stores.memory import MemoryStore
from streams.stores.ports import StateStore
from streams.stores.sqlite import PartitionStore

STORES: dict[str, Callable[[Path], StateStore]] = {
    "memory": lambda folder: MemoryStore(),
    "sqlite": lambda folder: PartitionStore(folder / "p.sqlite"),
    "sqlite that folds at every commit": lambda folder: PartitionStore(folder / "p.sqlite", fold_rows=1),
    "sqlite that folds now and then": lambda folder: PartitionStore(folder / "p.sqlite", fold_rows=3),
}


def checkpoint(
    *customers: tuple[str, bytes | None], journal: bytes = b"", restarts: bool = False, meta: bytes = b"meta"
) -> Checkpoint:
    return Checkpoint(list(customers), journal, restarts, meta, KpiChanges([], [], 0, 0))


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StateStore]:
    opened = STORES[request.param](tmp_path)
    yield opened
    opened.close()


def test_a_fresh_store_starts_at_the_first_record_and_knows_nobody(store: StateStore) -> None:
    applied, meta, journal = store.load()
    assert (applied, meta, list(journal)) == (0, None, [])
    assert store.get("anna") is None
    assert store.get_many(["anna", "bo"]) == {}


def test_a_commit_makes_customers_meta_journal_and_position_visible_together(store: StateStore) -> None:
    store.commit(checkpoint(("anna", b"A1"), ("bo", b"B1"), journal=b"first", meta=b"m1"), 7)

    applied, meta, journal = store.load()
    assert (applied, meta, list(journal)) == (7, b"m1", [b"first"])
    assert store.get("anna") == b"A1"
    assert store.get_many(["anna", "bo", "cy"]) == {"anna": b"A1", "bo": b"B1"}


def test_the_last_record_of_a_customer_wins_over_any_number_of_commits(store: StateStore) -> None:
    for version in range(9):
        store.commit(checkpoint(("anna", b"A%d" % version), (f"other-{version}", b"O")), version)

    assert store.get("anna") == b"A8"
    assert len(store.get_many([f"other-{version}" for version in range(9)])) == 9


def test_a_forgotten_customer_is_a_stranger_again(store: StateStore) -> None:
    store.commit(checkpoint(("anna", b"A1"), ("bo", b"B1")), 1)
    store.commit(checkpoint(("anna", None)), 2)
    store.commit(checkpoint(("cy", b"C1")), 3)

    assert store.get("anna") is None
    assert store.get_many(["anna", "bo"]) == {"bo": b"B1"}


def test_the_journal_grows_until_an_entry_restarts_it(store: StateStore) -> None:
    store.commit(checkpoint(journal=b"one"), 1)
    store.commit(checkpoint(journal=b""), 2)
    store.commit(checkpoint(journal=b"two"), 3)
    assert list(store.load().journal) == [b"one", b"two"]

    store.commit(checkpoint(journal=b"snapshot", restarts=True), 4)
    store.commit(checkpoint(journal=b"after"), 5)
    assert list(store.load().journal) == [b"snapshot", b"after"]


def test_an_idle_partition_moves_its_position_and_keeps_its_state(store: StateStore) -> None:
    store.commit(checkpoint(("anna", b"A1"), journal=b"one", meta=b"m1"), 3)
    store.advance(90)

    applied, meta, journal = store.load()
    assert (applied, meta, list(journal)) == (90, b"m1", [b"one"])


def test_ids_of_any_script_and_empty_records_are_kept(store: StateStore) -> None:
    strange = ["客户-一", "'; DROP TABLE customers; --", "nul\x00inside", "x" * 128]
    store.commit(checkpoint(*((name, b"") for name in strange)), 1)

    assert store.get_many(strange) == dict.fromkeys(strange, b"")


def test_more_customers_than_one_query_can_name_are_found(store: StateStore) -> None:
    names = [f"c{number:05d}" for number in range(1_700)]
    store.commit(checkpoint(*((name, name.encode()) for name in names)), 1)

    assert store.get_many(names) == {name: name.encode() for name in names}


def test_nothing_counts_when_the_effects_did_not_become_safe(store: StateStore) -> None:
    store.commit(checkpoint(("anna", b"A1"), journal=b"one", meta=b"m1"), 1)

    def refuse() -> None:
        raise ConnectionError("the sink is away")

    with pytest.raises(ConnectionError):
        store.commit(checkpoint(("anna", b"A2"), ("bo", b"B2"), journal=b"two", meta=b"m2"), 2, refuse)

    applied, meta, journal = store.load()
    assert (applied, meta, list(journal)) == (1, b"m1", [b"one"])
    assert store.get_many(["anna", "bo"]) == {"anna": b"A1"}
