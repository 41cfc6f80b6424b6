"""The touchpoint catalogue and the placing of events on it."""

from __future__ import annotations

from collections import Counter

import pytest

from journeys.lifecycle import STAGE_IDS, STAGES
from journeys.placement import PlacementRule, Placements, shipped_rules
from journeys.touchpoints import Touchpoint, TouchpointOverride, shipped_touchpoints
from schemas.envelope import Attributes
from schemas.events import EVENT_TYPES
from schemas.moments import Text
from tests.streams.engine.stories import event


def test_the_source_names_seventy_touchpoints_over_seven_stages() -> None:
    of_source = [
        touchpoint for touchpoint in shipped_touchpoints().values() if touchpoint.pack in ("core", "deprecated")
    ]

    assert Counter(touchpoint.stage for touchpoint in of_source) == {
        "discover": 9, "purchase": 7, "activate": 16, "use": 13, "pay": 11, "resolve": 8, "renew_or_leave": 6,
    }  # fmt: skip
    assert tuple(stage.id for stage in STAGES) == STAGE_IDS


def test_period_items_keep_their_ids_but_are_marked() -> None:
    deprecated = {touchpoint.id for touchpoint in shipped_touchpoints().values() if touchpoint.pack == "deprecated"}

    assert deprecated == {
        "bes_ves_installed",
        "mobile_connect_card_installed",
        "car_kit_installed",
        "data_card_installed",
    }


@pytest.mark.parametrize(
    "touchpoint_id",
    [
        "esim_profile_downloaded", "app_logged_in", "chatbot_session_held", "real_name_checked", "install_visit_made",
        "roaming_day_pass_bought", "plan_migrated", "device_instalment_agreed", "ai_agent_handed_off",
        "family_share_changed", "wallet_bound",
    ],
)  # fmt: skip
def test_the_modern_pack_extends_it(touchpoint_id: str) -> None:
    assert shipped_touchpoints()[touchpoint_id].pack == "modern"


def test_names_stand_in_both_languages_and_name_no_operator() -> None:
    for touchpoint in shipped_touchpoints().values():
        assert touchpoint.name.zh
        assert touchpoint.name.en
        assert touchpoint.name.zh != touchpoint.name.en
        assert "vodafone" not in (touchpoint.name.zh + touchpoint.name.en).lower()


def test_every_event_type_has_a_place() -> None:
    placed = Placements(shipped_touchpoints()).event_types

    assert sorted(set(EVENT_TYPES) - placed) == []


def test_rules_speak_of_event_types_that_exist() -> None:
    assert sorted({rule.event_type for rule in shipped_rules()} - set(EVENT_TYPES)) == []


def test_typical_event_types_exist() -> None:
    typical = {touchpoint.typical_event_type for touchpoint in shipped_touchpoints().values()}

    assert sorted(typical - set(EVENT_TYPES)) == []


def test_an_attribute_decides_between_touchpoints_of_one_type() -> None:
    placements = Placements(shipped_touchpoints())

    for kind, expected in (("voice", "voice_used"), ("message", "message_sent"), ("data", "data_used")):
        used = event("usage.recorded", 0, attributes=Attributes.model_validate({"kind": kind}))
        assert placements.place(used).touchpoint == expected


def test_a_named_touchpoint_wins_and_an_unknown_name_does_not() -> None:
    placements = Placements(shipped_touchpoints())

    assert placements.place(event("usage.recorded", 0, touchpoint_id="bill_queried")).stage == "pay"
    assert placements.place(event("store.visited", 0, touchpoint_id="nowhere")).touchpoint == "store_information_sought"


def test_operators_move_rename_and_add_touchpoints() -> None:
    mine = Touchpoint(
        id="metaverse_visited", stage="discover", name=Text(zh="元宇宙", en="Metaverse"),
        typical_event_type="store.visited", channels=("app",), valence_prior="both",
    )  # fmt: skip
    moved = shipped_touchpoints().overridden({"sim_provisioned": TouchpointOverride(stage="activate")}, [mine])
    placements = Placements(moved, [*shipped_rules(), PlacementRule("store.visited", "", "", "metaverse_visited")])

    assert placements.place(event("sim.provisioned", 0)).stage == "activate"
    assert moved["sim_provisioned"].name == shipped_touchpoints()["sim_provisioned"].name
    assert placements.place(event("store.visited", 0)).touchpoint == "metaverse_visited"


def test_overriding_an_unknown_touchpoint_names_it() -> None:
    with pytest.raises(KeyError, match="sim_provisionned"):
        shipped_touchpoints().overridden({"sim_provisionned": TouchpointOverride(stage="activate")})


def test_the_suffix_closes_json() -> None:
    assert Placements(shipped_touchpoints()).place(event("bill.issued", 0)).suffix == (
        b',"stage":"pay","touchpoint":"bill_received"}'
    )
