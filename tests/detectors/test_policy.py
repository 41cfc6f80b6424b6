"""Policy packs: dated data, the strictest wins, the clause is named."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from detectors.catalogue import ParameterError, with_params
from detectors.policy import chosen, read_packs, roaming_terms, shipped_packs, spike_term
from schemas.policy import PolicyPack, PolicyRule
from schemas.times import MINUTE, to_ms

NOW = to_ms(datetime(2026, 3, 2, tzinfo=UTC))


def pack(pack_id: str = "mine", **rule: object) -> PolicyPack:
    base = {"metric": "roaming_spend", "article": "promise", "confidence": "verified"}
    return PolicyPack.model_validate(
        {
            "id": pack_id,
            "jurisdiction": "XX",
            "authority": "operator",
            "instrument": "test",
            "effective_from": date(2020, 1, 1),
            "source": "test",
            "rules": [{**base, **rule}],
        }
    )


def test_all_packs_of_the_table_with_numbers_are_shipped() -> None:
    assert set(shipped_packs()) == {
        "au-roaming", "au-tcp", "ca-wireless-code", "cn-3g-service-2009", "cn-chongqing", "cn-henan", "cn-national",
        "cn-reminder-2012", "eu-eecc", "eu-roaming-2022", "gcc-default", "in-trai-2015", "in-trai-2020", "operator-cn",
        "sg-2012", "uk-2024", "uk-contract-end", "uk-porting", "us-ctia",
    }  # fmt: skip


def test_a_pack_binds_from_its_first_to_its_last_local_day() -> None:
    eu = shipped_packs()["eu-roaming-2022"]  # 1 July 2022 to 30 June 2032, Brussels
    first = to_ms(datetime(2022, 6, 30, 23, tzinfo=UTC))
    last = to_ms(datetime(2032, 6, 30, 23, tzinfo=UTC))
    assert [eu.in_force(at) for at in (first - 1, first, last - 1, last)] == [False, True, True, False]


def test_a_pack_without_an_end_stays_in_force() -> None:
    assert shipped_packs()["uk-2024"].in_force(to_ms(datetime(2900, 1, 1, tzinfo=UTC)))


def test_the_lower_limit_wins_and_is_named() -> None:
    mine = pack(limit_minor=20000, currency="CNY", act_within_s=600, notify_within_s=60, steps_percent=[50])
    terms = roaming_terms((*chosen(("operator-cn",)), mine), "CNY", NOW)
    assert terms.limit_minor == 20000
    assert terms.stop is not None
    assert terms.stop.clause == "mine promise"
    assert [(step.percent, step.amount_minor) for step in terms.steps] == [(50, 10000), (80, 16000), (100, 20000)]


def test_the_shorter_time_wins_and_the_law_is_named_before_an_equal_promise() -> None:
    law = pack("law", metric="roaming_entry", notify_within_s=300)
    equal = pack("promise", metric="roaming_entry", notify_within_s=300)
    faster = pack("faster", metric="roaming_entry", notify_within_s=60)
    for packs, expected in (((law, equal), ("law promise", 5)), ((law, faster), ("faster promise", 1))):
        entry = roaming_terms(packs, "CNY", NOW).entry
        assert entry is not None
        assert (entry.clause, entry.within_ms // MINUTE) == expected


def test_a_limit_in_another_currency_does_not_bind() -> None:
    assert roaming_terms(chosen(("operator-cn",)), "EUR", NOW).limit_minor is None


def test_the_province_is_stricter_than_the_nation() -> None:
    national, province = spike_term(chosen(("cn-national",)), NOW), spike_term(chosen(("cn-national", "cn-henan")), NOW)
    assert national is not None
    assert province is not None
    assert (national.ratio, province.ratio) == (5, 3)
    assert province.clause.startswith("cn-henan ")


def test_before_the_province_ruled_the_nation_did() -> None:
    term = spike_term(chosen(("cn-national", "cn-henan")), to_ms(datetime(2019, 12, 1, tzinfo=UTC)))
    assert term is not None
    assert term.ratio == 5


def test_europe_asks_for_a_further_notice_at_a_hundred_euro() -> None:
    terms = roaming_terms(chosen(("eu-roaming-2022",)), "EUR", NOW)
    assert [(step.percent, step.amount_minor) for step in terms.steps] == [(80, 4000), (100, 5000), (200, 10000)]


@pytest.mark.parametrize(
    "rule",
    [
        {"limit_minor": 100},
        {"extra_notices_minor": [100]},
        {"ratio": 3},
        {"steps_percent": [100, 80]},
        {"steps_percent": [0]},
        {"notify_within_s": 0},
        {"confidence": "sure"},
        {"unknown": 1},
    ],
)
def test_a_rule_that_says_half_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PolicyRule.model_validate({"metric": "roaming_spend", "article": "a", "confidence": "verified", **rule})


def test_a_broken_pack_file_is_named() -> None:
    with pytest.raises(ValueError, match=r"policy pack odd\.yaml"):
        read_packs({"odd.yaml": "id: [unclosed"})
    with pytest.raises(ValueError, match=r"policy pack odd\.yaml"):
        read_packs({"odd.yaml": "id: odd"})


def test_file_name_and_id_must_agree_and_predecessors_exist() -> None:
    text = pack().model_dump_json(exclude_none=True)
    with pytest.raises(ValueError, match="must agree"):
        read_packs({"other.yaml": text})
    with pytest.raises(ValueError, match="supersedes 'nothing'"):
        read_packs({"mine.yaml": text.replace('"id":"mine"', '"id":"mine","supersedes":"nothing"')})
    assert set(read_packs({"mine.yaml": text})) == {"mine"}


def test_a_pack_cannot_end_before_it_begins() -> None:
    with pytest.raises(ValidationError, match="effective_to"):
        PolicyPack.model_validate({**pack().model_dump(), "effective_to": date(2019, 1, 1)})


def test_unknown_packs_are_refused_when_parameters_are_read() -> None:
    with pytest.raises(ParameterError, match="no policy pack nowhere"):
        with_params({"N01": {"packs": ["nowhere"]}})


def test_an_operators_own_pack_is_a_parameter() -> None:
    changed = with_params({"N07": {"own_packs": [pack(metric="bill_ratio", ratio=2, bills=3).model_dump(mode="json")]}})
    params = next(one.params for one in changed if one.meta.id == "N07")
    term = spike_term(chosen(params.packs, params.own_packs), NOW)
    assert term is not None
    assert term.clause == "mine promise"
