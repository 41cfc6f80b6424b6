"""A customer's record gives back the customer, and a record of another form is refused."""

from __future__ import annotations

from random import Random  # noqa: TID251 seeded

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.base import Dims, Fact
from journeys.journey import MAX_TRAIL, START
from journeys.placement import Placements
from journeys.touchpoints import shipped_touchpoints
from streams.engine.customer import FORMAT, Case, CaseKey, Customer, Raised, pack, unpack
from streams.engine.journal import Meta, pack_meta, unpack_meta

DIMS = st.builds(Dims, st.sampled_from(["gold", "normal"]), st.sampled_from(["app", "web"]), st.sampled_from("ab"))
WHOLE = st.integers(-(2**63), 2**63 - 1)
FACTS = st.builds(Fact, WHOLE, st.text(max_size=3), st.sampled_from(["bill", "charge"]), DIMS, WHOLE, st.text(), WHOLE)


@given(st.dictionaries(st.text(max_size=2), st.lists(FACTS, min_size=1, max_size=5), max_size=3))
def test_packing_loses_nothing(cases: dict[str, list[Fact]]) -> None:
    customer = Customer("C-1", trail=bytes(21))
    for scope, facts in cases.items():
        raised = {"m": Raised("pending", 1, 2, None, 3, facts[0].dims)}
        customer.cases[CaseKey("N07", scope)] = Case(list(facts), raised, look_at=5, judged=4, thinned=True)
    customer.quarantined = frozenset({"N07@1"})

    again = unpack("C-1", pack(customer))

    assert (again.base, again.trail, again.quarantined) == (START, customer.trail, customer.quarantined)
    assert again.cases.keys() == customer.cases.keys()
    for key, case in customer.cases.items():
        found = again.cases[key]
        assert found.facts == case.facts
        assert all(type(fact) is Fact and type(fact.dims) is Dims for fact in found.facts)
        assert (found.raised, found.look_at, found.judged, found.thinned) == (case.raised, 5, 4, True)


def test_a_customer_with_as_many_events_as_are_remembered_has_a_record_of_less_than_64_kib() -> None:
    random = Random(7)
    placements = Placements(shipped_touchpoints())
    codes = list(placements.by_code)
    visits = [(random.randrange(172_800_000), random.randbytes(8), random.choice(codes)) for _ in range(4_607)]
    customer = Customer("C-1", trail=b"".join(pack_visit(*visit) for visit in sorted(visits)))
    assert len(customer.trail) == MAX_TRAIL - 21
    dims = Dims("gold", "app", "a")
    facts = [Fact(number * 1_000, f"event-{number:x}", "charge", dims, number % 90, "", 0) for number in range(512)]
    customer.cases[CaseKey("N01", "trip")] = Case(facts)

    record = pack(customer)

    assert len(record) < 64 * 1024 < len(customer.trail)
    again = unpack("C-1", record)
    assert again.trail == customer.trail
    assert again.cases[CaseKey("N01", "trip")].facts == facts
    with pytest.raises(msgspec.DecodeError):
        unpack("C-1", record[:-100])


def pack_visit(at: int, key: bytes, code: bytes) -> bytes:
    return at.to_bytes(8, "little") + key + code


def test_a_position_of_another_form_is_refused_by_its_number() -> None:
    with pytest.raises(msgspec.ValidationError, match=f"form {FORMAT - 1} of the state.*form {FORMAT}"):
        unpack_meta(pack_meta(Meta(FORMAT - 1, "f", 0, 0, {})))


def test_bytes_that_are_no_record_are_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        unpack("C-1", b"\x01 no record")
