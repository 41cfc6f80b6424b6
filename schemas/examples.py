"""One realistic event of every type, for tests, documentation and `mot schema`.

The examples tell parts of one story: customer C-1001 buys a phone at a dealer, travels to France, disputes a bill,
complains, and stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from schemas.envelope import Event
from schemas.events import EVENT_TYPES, FAMILY_OF

_DAY_ONE = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)

_ENVELOPE: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "discover": {"channel": "web"},
        "order": {"channel": "dealer", "department": "channel", "order_id": "D-778"},
        "activation": {"channel": "it_system", "department": "network_it", "line_id": "L-1", "order_id": "D-778"},
        "usage": {"channel": "network", "line_id": "L-1"},
        "roaming": {"channel": "network", "line_id": "L-1", "trip_id": "T-31"},
        "charging": {"channel": "it_system", "line_id": "L-1", "amount_minor": 1250, "currency": "CNY"},
        "network": {"channel": "network", "department": "network", "line_id": "L-1", "outage_id": "O-9"},
        "notification": {"channel": "sms", "line_id": "L-1"},
        "billing": {"channel": "it_system", "bill_id": "B-2026-03", "amount_minor": 12900, "currency": "CNY"},
        "payment": {"channel": "bank", "payment_id": "P-5", "amount_minor": 12900, "currency": "CNY"},
        "care": {"channel": "call_centre", "department": "call_centre", "interaction_id": "I-40", "ticket_id": "K-7"},
        "complaint": {"channel": "call_centre", "department": "service_supervision", "ticket_id": "K-8"},
        "commitment": {"channel": "call_centre", "ticket_id": "K-8"},
        "contract": {"channel": "retention", "department": "retention"},
        "device": {"channel": "device", "line_id": "L-1"},
        "account": {"channel": "account_manager", "department": "account_manager"},
    }
)

_LATER = _DAY_ONE + timedelta(hours=2)
_ATTRIBUTES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "order.created": {"product": "line", "line_kind": "mobile"},
        "order.submitted": {"dealer_id": "dealer-12", "product": "phone", "line_kind": "mobile"},
        "order.acknowledged": {"system": "crm"},
        "order.state_changed": {"state": "inProgress"},
        "order.amended": {"reason": "wrong colour"},
        "quote.issued": {"price_minor": 12900},
        "credit_check.completed": {"result": "passed"},
        "shipment.created": {"carrier": "post"},
        "sim.provisioned": {"line_kind": "mobile", "promised_by": _LATER},
        "service.activated": {"line_kind": "mobile"},
        "service.configured": {"kind": "voicemail", "result": "passed"},
        "service.suspended": {"reason": "credit"},
        "port_in.state_changed": {"state": "requested"},
        "online_account.used": {"pages": 4},
        "appointment.booked": {"promised_by": _LATER},
        "real_name.check_completed": {"result": "passed"},
        "device.configured": {"kind": "data_card", "result": "failed"},
        "usage.recorded": {"kind": "data", "units": 1_048_576, "roaming": True},
        "usage.threshold_crossed": {"allowance": "data", "percent": 80},
        "roaming.setting_changed": {"setting": "data", "enabled": True},
        "roaming.attached": {"country": "FR", "network": "208-01"},
        "roaming.detached": {"country": "FR"},
        "roaming.attach_rejected": {"country": "FR", "cause": "no agreement"},
        "roaming.day_pass_purchased": {"country": "FR"},
        "charge.rated": {"kind": "data", "roaming": True, "country": "FR"},
        "data.blocked": {"reason": "limit reached"},
        "consent.given": {"purpose": "roaming_limit"},
        "outage.started": {"area": "hangzhou-west"},
        "notification.sent": {"purpose": "roaming_tariff", "notice_id": "N-1"},
        "notification.delivered": {"purpose": "roaming_tariff", "notice_id": "N-1"},
        "notification.failed": {"purpose": "allowance", "percent": 100, "cause": "absent subscriber"},
        "bill.issued": {
            "period_start": datetime(2026, 2, 1, tzinfo=UTC),
            "period_end": datetime(2026, 3, 1, tzinfo=UTC),
            "recurring_minor": 9900,
            "roaming_minor": 3000,
            "lines": 1,
            "first": False,
        },
        "bill.disputed": {"reason": "roaming"},
        "tariff.changed": {"plan": "m"},
        "plan.migrated": {"plan": "l"},
        "payment.state_changed": {"state": "done", "method": "card"},
        "payment_method.changed": {"method": "bank", "by": "customer"},
        "refund.promised": {"due_at": _DAY_ONE + timedelta(days=7)},
        "interaction.contact_completed": {"reason": "billing", "resolved": True, "wait_seconds": 45},
        "interaction.transferred": {"from_desk": "billing", "to_desk": "network"},
        "interaction.lookup_failed": {"looked_for": "order"},
        "interaction.outbound_call_completed": {"purpose": "billing"},
        "ticket.opened": {"category": "no signal", "severity": "high"},
        "ticket.owner_changed": {"from_desk": "billing", "to_desk": "network"},
        "ticket.state_changed": {"state": "held"},
        "survey.answered": {"instrument": "nps", "score": 9, "commitment_id": "C-77"},
        "chatbot.session_completed": {"resolved": False},
        "ai_agent.handed_off": {"to_desk": "billing"},
        "complaint.opened": {"category": "billing"},
        "complaint.resolved": {"category": "billing"},
        "commitment.made": {"commitment_id": "C-77", "subject": "call back", "due_at": _LATER, "asked_at": _DAY_ONE},
        "commitment.fulfilled": {"commitment_id": "C-77", "operator_elapsed_minutes": 95},
        "commitment.confirmed": {"commitment_id": "C-77"},
        "contract.end_scheduled": {"ends_at": datetime(2027, 3, 2, tzinfo=UTC)},
        "cancel.requested": {"reason": "price"},
        "port_out.requested": {"to_operator": "other"},
        "retention.offer_made": {"offer": "20_percent"},
        "web.page_viewed": {"page": "/tariffs", "pages": 2},
        "campaign.responded": {"campaign": "spring"},
        "device.changed": {"origin": "other"},
        "device.fault_reported": {"fault": "screen"},
        "upgrade.eligibility_checked": {"eligible": True},
        "app.logged_in": {"sessions": 3},
        "account.manager_changed": {"manager_id": "M-3"},
    }
)


def example_of(event_type: str, **changes: Any) -> Event:
    """A valid event of `event_type`, with `changes` to its fields; `attributes` may be a mapping.

    Raises KeyError for a type outside the vocabulary, pydantic's ValidationError for changes that do not fit.
    """
    fields: dict[str, Any] = {
        "event_id": f"E-{event_type}",
        "occurred_at": _DAY_ONE,
        "recorded_at": _DAY_ONE + timedelta(seconds=2),
        "customer_id": "C-1001",
        "account_id": "A-1001",
        "tier": "gold",
        "region": "zhejiang",
        **_ENVELOPE[FAMILY_OF[event_type]],
        "attributes": dict(_ATTRIBUTES.get(event_type, {})),
        **changes,
    }
    return EVENT_TYPES[event_type](**fields)
