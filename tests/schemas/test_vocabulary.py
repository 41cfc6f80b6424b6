"""The vocabulary is complete, each type in one family, and nobody can change it at run time."""

from __future__ import annotations

import csv
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from schemas.envelope import Attributes
from schemas.events import EVENT_TYPES, FAMILIES, FAMILY_OF, name_of

README = Path(__file__).parents[2] / "schemas" / "README.md"
PROMISED = """
order.created order.submitted order.acknowledged order.state_changed order.amended quote.issued credit_check.completed
stock.reserved shipment.created shipment.delivered invoice.issued sim.provisioned service.activated service.configured
service.suspended service.restored port_in.state_changed trial.started account.structure_changed online_account.created
online_account.used appointment.booked appointment.missed appointment.cancelled esim.profile_downloaded
real_name.check_completed fwa.install_visit_completed device.configured usage.recorded usage.threshold_crossed
roaming.setting_changed roaming.attached roaming.detached roaming.attach_rejected roaming.day_pass_purchased
charge.rated data.blocked consent.given outage.started outage.ended notification.sent notification.delivered
notification.failed bill.issued bill.viewed bill.disputed bill.adjusted bill.copy_requested bill.split tariff.changed
plan.migrated payment.state_changed payment.receipt_issued payment.lost payment_method.changed refund.promised
refund.issued instalment.agreed wallet.bound interaction.contact_completed interaction.transferred
interaction.lookup_failed interaction.outbound_call_completed interaction.price_enquired interaction.renewal_contacted
interaction.account_enquired interaction.advice_given interaction.need_raised interaction.roadmap_discussed
interaction.report_requested ticket.opened ticket.owner_changed ticket.state_changed ticket.resolved ticket.closed
survey.answered chatbot.session_completed ai_agent.handed_off complaint.opened complaint.resolved complaint.closed
complaint.reopened complaint.escalated regulator.complaint_received commitment.made commitment.fulfilled
commitment.confirmed contract.signed contract.negotiation_started contract.amended contract.end_scheduled
contract.expired contract.renewed cancel.requested cancel.confirmed port_out.requested port_out.code_issued
port_out.completed retention.offer_made retention.offer_accepted retention.review_requested churn.confirmed
web.page_viewed store.visited campaign.responded referral.recorded device.changed device.replaced device.loss_reported
device.fault_reported insurance.claim_opened upgrade.eligibility_checked upgrade.requested upgrade.completed
app.logged_in account.reviewed account.manager_changed account.details_changed family_share.changed
"""


def test_every_promised_event_type_exists() -> None:
    assert set(PROMISED.split()) - set(EVENT_TYPES) == set()


def test_every_event_type_of_the_touchpoint_catalogue_exists() -> None:
    catalogue = files("journeys").joinpath("data/touchpoints.csv").read_text("utf-8").splitlines()
    needed = {row["typical_event_type"] for row in csv.DictReader(catalogue)}
    assert len(needed) > 50
    assert needed - set(EVENT_TYPES) == set()


def test_every_event_type_has_one_family_and_one_class() -> None:
    classes = [event_class for family in FAMILIES.values() for event_class in family]
    assert len(classes) == len(set(classes)) == len(EVENT_TYPES) == len(FAMILY_OF)
    assert {name: name_of(event_class) for name, event_class in EVENT_TYPES.items()} == {
        name: name for name in EVENT_TYPES
    }


def test_every_event_class_lives_in_the_file_of_its_family_and_says_what_it_is() -> None:
    misplaced = [
        name
        for name, event_class in EVENT_TYPES.items()
        if event_class.__module__ != f"schemas.events.{FAMILY_OF[name]}"
    ]
    unnamed = [
        name
        for name, event_class in EVENT_TYPES.items()
        if event_class.__name__ != "".join(word.capitalize() for word in name.replace(".", "_").split("_"))
    ]
    silent = [name for name, event_class in EVENT_TYPES.items() if not (event_class.__doc__ or "").endswith(".")]
    assert (misplaced, unnamed, silent) == ([], [], [])


def test_attributes_are_typed_by_an_attribute_model() -> None:
    for name, event_class in EVENT_TYPES.items():
        annotation = event_class.model_fields["attributes"].annotation
        if "attributes" in event_class.__annotations__:
            assert isinstance(annotation, type), name
            assert issubclass(annotation, Attributes), name


def test_the_vocabulary_cannot_be_changed_at_run_time() -> None:
    for mapping in (EVENT_TYPES, FAMILY_OF, FAMILIES):
        with pytest.raises(TypeError):
            mapping["x.y"] = None  # type: ignore[index]


def test_the_readme_lists_the_event_types_of_every_family() -> None:
    text = README.read_text("utf-8")
    listed = {
        row[0].strip(" `"): row[2].replace("`", "").split()
        for line in text.splitlines()
        if line.startswith("| `") and len(row := line.strip("|").split("|")) == 3
    }
    assert listed == {family: [name_of(each) for each in classes] for family, classes in FAMILIES.items()}


def test_importing_the_vocabulary_builds_no_validator() -> None:
    program = (
        "from schemas.events import EVENT_TYPES\n"
        "from pydantic._internal._mock_val_ser import MockValSer\n"
        "assert all(type(c.__dict__['__pydantic_validator__']) is MockValSer for c in EVENT_TYPES.values())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=README.parents[1])
